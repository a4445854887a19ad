"""How findings are judged: `[checks]`, waivers, and waivers that no longer do anything."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from debwright.config import Config
from debwright.config.checking import Waiver
from debwright.model.results import CheckResult, Evidence, Finding, Severity, Status, Waived
from debwright.model.targets import Target

NAME = "waivers"


def judge(result: CheckResult, config: Config, target: Target) -> CheckResult:
    """Apply `[checks]` (`warn` cannot fail) and the waivers, which mark findings, not hide them.

    What could not be carried out is skipped then, not passed: see base.not_done.
    """
    findings = [_waive(f, config, target) for f in result.findings]
    if config.checks.get(result.name) == "warn":
        findings = [
            f.model_copy(update={"severity": Severity.WARNING})
            if f.severity is Severity.ERROR else f for f in findings
        ]  # fmt: skip
    status = result.status
    if status is Status.FAILED and not any(f.severity is Severity.ERROR for f in findings):
        status = Status.PASSED if result.reason is None else Status.SKIPPED
    return result.model_copy(update={"findings": tuple(findings), "status": status})


def today() -> date:
    return datetime.now(UTC).date()


def _waive(finding: Finding, config: Config, target: Target) -> Finding:
    if finding.severity is not Severity.ERROR:
        return finding
    ended: date | None = None
    for waiver in config.waivers:
        if waiver.covers(finding.code, str(target), today()):
            said = f"waived until {waiver.until}: {waiver.reason}"
            return finding.model_copy(
                update={
                    "severity": Severity.INFO,
                    "message": f"{finding.message} ({said})",
                    "waived": Waived(reason=waiver.reason, until=waiver.until),
                }
            )
        if waiver.covers(finding.code, str(target), waiver.until):
            ended = max(waiver.until, ended or waiver.until)
    if ended is not None:
        said = f"its waiver ended on {ended}"
        return finding.model_copy(update={"message": f"{finding.message} ({said})"})
    return finding


def waivers_result(
    config: Config, targets: Sequence[Target], results: Sequence[CheckResult]
) -> CheckResult | None:
    """What became of the waivers for the targets the results are of; None when there are none.

    An expired waiver is a warning, one that excused nothing a remark: whoever reads the
    configuration takes both for protection.
    """
    mine = [w for w in config.waivers if any(w.is_for(str(t)) for t in targets)]
    if not mine:
        return None
    findings = [f for w in mine for f in _state(w, results)]
    waived = sum(1 for r in results for f in r.findings if f.waived is not None)
    return CheckResult(
        name=NAME, status=Status.PASSED, findings=tuple(findings),
        measurements={"waived_findings": float(waived)},
    )  # fmt: skip


def _state(waiver: Waiver, results: Iterable[CheckResult]) -> list[Finding]:
    evidence = (Evidence(text=f'{waiver.code}: "{waiver.reason}", until {waiver.until}'),)
    if waiver.until < today():
        return [
            Finding(
                severity=Severity.WARNING, code="waivers/expired",
                message=f"the waiver of {waiver.code} ended on {waiver.until} and excuses nothing",
                evidence=evidence,
                fix="mend what it excused and remove it from debwright.toml, or decide anew and "
                "give it another day",
            )
        ]  # fmt: skip
    codes = [f.code for r in results for f in r.findings if f.waived is not None]
    if any(waiver.is_of(code) for code in codes):
        return []
    return [
        Finding(
            severity=Severity.INFO, code="waivers/unused",
            message=f"the waiver of {waiver.code} excused nothing in this run",
            evidence=evidence, fix="remove it from debwright.toml if it is not needed any more",
        )
    ]  # fmt: skip
