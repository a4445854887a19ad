"""What the stages that check share: what a check may use, how it is judged, and check.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from debwright.build.log import BuildLog
from debwright.checks.engine import policy
from debwright.checks.engine.base import Check, CheckContext
from debwright.config import LoadedConfig
from debwright.config.checking import Waiver
from debwright.host.files import atomic_write
from debwright.host.machine import host_arch
from debwright.model.details import CheckDetails
from debwright.model.errors import ExitCode
from debwright.model.manifest import digest
from debwright.model.results import CheckReport, CheckResult, Severity, Status
from debwright.model.targets import Target
from debwright.observe.report.write import model_json
from debwright.packages.debs import Deb, read_deb
from debwright.pipeline.stages.base import Job, Outcome, TargetRun
from debwright.pipeline.stages.companion import companion_packages


def check_context(on: TargetRun, stage: str, log: BuildLog, **more: Any) -> CheckContext:
    """What a check may use of the packages that were built for a target."""
    job = on.job
    return context_of(
        job.plan.loaded,
        on.target.target,
        [read_deb(p) for p in on.packages()],
        changes=on.changes,
        roots=job.roots,
        output=on.directory,
        log=log,
        activity=lambda text: on.activity(stage, text),
        companions=[read_deb(p) for p in companion_packages(job)],
        source=on.source,
        **more,
    )


def context_of(
    loaded: LoadedConfig, target: Target, debs: Sequence[Deb], **more: Any
) -> CheckContext:
    """What a check may use of packages, wherever they were built."""
    return CheckContext(
        target=target,
        host_arch=host_arch(),
        config=loaded.config,
        project=loaded.directory,
        debs=debs,
        **more,
    )


def judged(on: TargetRun, check: Check, result: CheckResult, log_path: Path) -> Outcome:
    """The outcome of a check that is a stage: failed as `[checks]` and the waivers have it."""
    found = policy.judge(result, check, on.job.plan.config, on.target.target)
    failed = found.status is Status.FAILED
    errors = [f for f in found.findings if f.severity is Severity.ERROR]
    return Outcome(
        outputs=[log_path],
        details=CheckDetails(
            log=str(log_path.relative_to(on.job.dist)),
            exit_code=ExitCode.CHECK if failed else None,
        ),
        checks=(found,),
        failed=errors[0] if failed else None,
    )


def policy_inputs(job: Job) -> str:
    """What the configuration says of how findings are judged."""
    config = job.plan.config
    said = config.model_dump(mode="json", include={"checks", "waivers", "suites"})
    return digest({**said, "today": waiver_states(config.waivers)})


def waiver_states(waivers: Sequence[Waiver]) -> list[bool]:
    """Which waivers still count today: on the day one ends, the checks are judged again."""
    return [waiver.until >= policy.today() for waiver in waivers]


def add_to_report(on: TargetRun, results: Sequence[CheckResult]) -> None:
    """Put the results into check.json, in place of what it had of these checks before."""
    path = on.directory / "check.json"
    names = {r.name for r in results}
    try:
        report = CheckReport.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return  # the check stage failed before it could write one; the run's report has it all
    checks = (*(r for r in report.checks if r.name not in names), *results)
    failed = any(r.status is Status.FAILED for r in checks)
    status = Status.FAILED if failed else Status.PASSED
    atomic_write(path, model_json(report.model_copy(update={"checks": checks, "status": status})))
    on.finished.renew("check", path)
