"""How findings are judged: `[checks]`, waivers, and waivers that no longer do anything."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from debwright.checks.engine.base import Check
from debwright.config import Config
from debwright.config.checking import Waiver
from debwright.model.codes import ERROR, INFO, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding, Severity, Status, Waived
from debwright.model.targets import Target

NAME = "waivers"


CODES = Codes(
    {
        "waivers/expired": Code(WARNING, "A waiver's last day is over: it excuses nothing."),
        "waivers/unused": Code(INFO, "A waiver excused nothing in this run."),
    }
)
SETTINGS = ("checks", "waivers")
"""Keys of debwright.toml that decide how findings of every check are judged."""


def judge(result: CheckResult, check: Check, config: Config, target: Target) -> CheckResult:
    """Set the severity of each finding: here, and nowhere else, after it was found.

    The level of a setting that its code names comes first, then `[checks]` (`warn` cannot fail),
    then the waivers, which mark findings, not hide them. What could not be carried out is skipped
    then, not passed: see base.not_done. Raises UndeclaredCode for a code that is not declared.
    """
    levelled = [_by_setting(f, check, config) for f in result.findings]
    findings = [_waive(f, config, target) for f in levelled if f is not None]
    if config.checks.get(result.name) == "warn":
        findings = [
            f.model_copy(update={"severity": WARNING}) if f.severity is ERROR else f
            for f in findings
        ]
    status = result.status
    failed = any(f.severity is ERROR for f in findings)
    if status is Status.PASSED and failed:
        status = Status.FAILED
    if status is Status.FAILED and not failed:
        status = Status.PASSED if result.reason is None else Status.SKIPPED
    return result.model_copy(update={"findings": tuple(findings), "status": status})


def severity(level: str) -> Severity | None:
    """What a level of debwright.toml means; None when that is `off`."""
    return {"error": ERROR, "warn": WARNING}.get(level)


def _by_setting(finding: Finding, check: Check, config: Config) -> Finding | None:
    """The finding as severe as the setting that its code names says; None when that is `off`."""
    code = check.declared.declared(finding.code)
    if not code.level:
        return finding
    name, key = code.level.split(".")
    own = (s for s in check.settings if not isinstance(s, str) and s.table == name)
    table = config.section(kind) if (kind := next(own, None)) else getattr(config, name)
    chosen = severity(getattr(table, key))
    return None if chosen is None else finding.model_copy(update={"severity": chosen})


def today() -> date:
    return datetime.now(UTC).date()


def _waive(finding: Finding, config: Config, target: Target) -> Finding:
    if finding.severity is not ERROR:
        return finding
    ended: date | None = None
    for waiver in config.waivers:
        if waiver.covers(finding.code, str(target), today()):
            said = f"waived until {waiver.until}: {waiver.reason}"
            return finding.model_copy(
                update={
                    "severity": INFO,
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
            CODES.found(
                "waivers/expired",
                f"the waiver of {waiver.code} ended on {waiver.until} and excuses nothing",
                evidence=evidence,
                fix="fix what it excused and remove it from debwright.toml, or decide again and "
                "give it another day",
            )
        ]  # fmt: skip
    codes = [f.code for r in results for f in r.findings if f.waived is not None]
    if any(waiver.is_of(code) for code in codes):
        return []
    return [
        CODES.found(
            "waivers/unused",
            f"the waiver of {waiver.code} excused nothing in this run",
            evidence=evidence, fix="remove it from debwright.toml if it is not needed any more",
        )
    ]  # fmt: skip
