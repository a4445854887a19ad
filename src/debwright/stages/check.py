"""The check stage: every check on one target's packages."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from debwright.build.log import BuildLog
from debwright.check.base import CheckContext
from debwright.check.debs import read_deb
from debwright.check.run import run_checks
from debwright.files import atomic_write, sha256_file
from debwright.plan import TargetPlan
from debwright.results import CheckResult, Finding, Severity, StageResult, Status
from debwright.roots.manifest import digest
from debwright.stages.base import Job, Outcome, common_inputs, perform
from debwright.stages.companion import companion_packages

CHECK_FAILED = 4


def packages_of(job: Job, target: TargetPlan) -> list[Path]:
    """The target's packages, with the `all` ones that another target of its suite built."""
    own = sorted(job.directory(target).glob("*.deb"))
    shared = [
        p
        for p in job.all_packages.get(target.target.suite, ())
        if p.parent != job.directory(target)
    ]
    names = {p.name for p in own}
    return own + [p for p in shared if p.name not in names]


def check_stage(job: Job, target: TargetPlan) -> tuple[StageResult, tuple[CheckResult, ...]]:
    """Run the checks; the stage fails when one of them does, with its worst finding."""
    name = str(target.target)
    directory = job.directory(target)
    paths = packages_of(job, target)
    companions = companion_packages(job)
    config = job.plan.config
    base, _ = job.roots.store.find(job.roots.base_request(target.target))
    inputs = {
        **common_inputs(job),
        "packages": {p.name: sha256_file(p) for p in paths},
        "companions": {p.name: sha256_file(p) for p in companions},
        "config": digest(config.model_dump(mode="json", include={
            "service", "lintian", "checks", "limits", "secrets", "waivers", "suites"})),
        "base": base.id if base else None,
    }  # fmt: skip
    log_path = directory / "check.log"

    def work() -> Outcome:
        with BuildLog(log_path, lambda line: job.reporter.line(name, "check", line)) as log:
            context = check_context(job, target, log)
            results = run_checks(context, lambda result: _tell(log, result))
        return check_outcome(results, directory, log_path, job.dist)

    return perform(job, job.ledger(target), work, target=name, stage="check", inputs=inputs)


def check_context(
    job: Job, target: TargetPlan, log: BuildLog, stage: str = "check"
) -> CheckContext:
    """What checks of the target's packages may use."""
    name, directory = str(target.target), job.directory(target)
    changes = sorted(directory.glob("*.changes"))
    return CheckContext(
        target=target.target,
        host_arch=job.plan.host.arch,
        config=job.plan.config,
        debs=[read_deb(p) for p in packages_of(job, target)],
        changes=changes[0] if changes else None,
        roots=job.roots,
        output=directory,
        log=log,
        activity=lambda text: job.reporter.activity(name, stage, text),
        companions=[read_deb(p) for p in companion_packages(job)],
    )


def _tell(log: BuildLog, result: CheckResult) -> None:
    log.heading(
        f"{result.name}: {result.status}" + (f" ({result.reason})" if result.reason else "")
    )
    for finding in result.findings:
        log(f"{finding.severity} {finding.code}: {finding.message}")


def check_outcome(
    results: list[CheckResult], directory: Path, log_path: Path, dist: Path
) -> Outcome:
    report = directory / "check.json"
    document = ",\n".join(r.model_dump_json(indent=1) for r in results)
    atomic_write(report, f"[{document}]\n")
    outputs = [report, log_path]
    if (directory / "lintian.json").exists():
        outputs.append(directory / "lintian.json")
    return _outcome(results, outputs, log_path, dist)


def extra_outcome(results: list[CheckResult], log_path: Path, dist: Path) -> Outcome:
    """Of a stage that holds one more check, which was asked for."""
    return _outcome(results, [log_path], log_path, dist)


def remember_checks(job: Job, target: TargetPlan, results: Sequence[CheckResult]) -> None:
    """Put the results of a later stage into check.json, in place of what it had of them before."""
    directory = job.directory(target)
    report = directory / "check.json"
    names = {r.name for r in results}
    try:
        before = [CheckResult.model_validate(item) for item in json.loads(report.read_bytes())]
    except (OSError, ValueError, TypeError):
        before = []
    kept = [r for r in before if r.name not in names]
    document = ",\n".join(r.model_dump_json(indent=1) for r in [*kept, *results])
    atomic_write(report, f"[{document}]\n")
    job.ledger(target).renew("check", report)


def policy_inputs(job: Job) -> str:
    """What the configuration says of how findings are judged."""
    keys = {"checks", "waivers", "suites"}
    return digest(job.plan.config.model_dump(mode="json", include=keys))


def _outcome(
    results: list[CheckResult], outputs: list[Path], log_path: Path, dist: Path
) -> Outcome:
    errors = [f for r in results for f in r.findings if f.severity is Severity.ERROR]
    failed = [r.name for r in results if r.status is Status.FAILED]
    details: dict[str, Any] = {
        "log": str(log_path.relative_to(dist)),
        "passed": [r.name for r in results if r.status.ok],
        "failed": failed,
        "skipped": [r.name for r in results if r.status is Status.SKIPPED],
    }
    if failed:
        details["exit_code"] = CHECK_FAILED
    return Outcome(
        outputs=outputs, details=details, checks=tuple(results),
        failed=_worst(errors, failed),
    )  # fmt: skip


def _worst(errors: list[Finding], failed: list[str]) -> Finding | None:
    """The finding that stands for the stage: the last check is the furthest the package got."""
    if not failed:
        return None
    if errors:
        # A package that does not start matters more than a line of lintian's.
        live = [f for f in errors if not f.code.startswith("lintian/")]
        return (live or errors)[0]
    return Finding(
        severity=Severity.ERROR, code="check/failed", message=f"failed: {', '.join(failed)}"
    )


def not_proven(checks: tuple[CheckResult, ...], *, has_service: bool) -> str | None:
    """Why these checks do not allow publishing: a service that was never seen to start."""
    by_name = {c.name: c for c in checks}
    # What is measured only once it has worked: a failure that `[checks]` softens to a warning, or
    # a waiver excuses, fails no run, but proves nothing.
    proofs = {"install": "install_seconds"}
    if has_service:
        proofs["service"] = "start_seconds"
    for name, proof in proofs.items():
        check = by_name.get(name)
        if check is None:
            return f"the check `{name}` was not run"
        if not check.status.ok:
            return f"{name}: {check.reason or 'failed'}"
        if proof not in check.measurements:
            return f"{name}: it did not succeed, though its findings are not errors here"
    return None
