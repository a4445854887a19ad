"""What the stages of checks that are asked for share: their result, and its place in check.json."""

from pathlib import Path

from debwright.build.log import BuildLog
from debwright.checks.engine.base import Check, CheckContext
from debwright.checks.engine.policy import judge
from debwright.host.files import atomic_write
from debwright.model.manifest import digest
from debwright.model.results import CheckReport, CheckResult, Severity, Status
from debwright.observe.report.write import model_json
from debwright.packages.debs import read_deb
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.stages.base import Job, Outcome
from debwright.pipeline.stages.check import CHECK_FAILED, packages_of, waiver_states
from debwright.pipeline.stages.companion import companion_packages


def extra_context(job: Job, target: TargetPlan, log: BuildLog, stage: str) -> CheckContext:
    """What a check may use of the target's packages."""
    name, directory = str(target.target), job.directory(target)
    return CheckContext(
        target=target.target,
        host_arch=job.plan.host.arch,
        config=job.plan.config,
        debs=[read_deb(p) for p in packages_of(job, target)],
        changes=next(iter(sorted(directory.glob("*.changes"))), None),
        roots=job.roots,
        output=directory,
        log=log,
        activity=lambda text: job.reporter.activity(name, stage, text),
        project=job.plan.loaded.directory,
        companions=[read_deb(p) for p in companion_packages(job)],
    )


def extra_outcome(
    job: Job, target: TargetPlan, check: Check, result: CheckResult, log_path: Path
) -> Outcome:
    """The stage's outcome: failed when its check is, as `[checks]` and the waivers have it."""
    judged = judge(result, check, job.plan.config, target.target)
    failed = judged.status is Status.FAILED
    errors = [f for f in judged.findings if f.severity is Severity.ERROR]
    return Outcome(
        outputs=[log_path],
        details={
            "log": str(log_path.relative_to(job.dist)),
            **({"exit_code": CHECK_FAILED} if failed else {}),
        },
        checks=(judged,),
        failed=errors[0] if failed else None,
    )


def policy_inputs(job: Job) -> str:
    """What the configuration says of how findings are judged."""
    config = job.plan.config
    said = config.model_dump(mode="json", include={"checks", "waivers", "suites"})
    return digest({**said, "today": waiver_states(config.waivers)})


def remember(job: Job, target: TargetPlan, results: tuple[CheckResult, ...]) -> None:
    """Put the results into check.json, in place of what it had of these checks before."""
    path = job.directory(target) / "check.json"
    names = {r.name for r in results}
    try:
        report = CheckReport.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return  # the check stage failed before it could write one; the run's report has it all
    checks = (*(r for r in report.checks if r.name not in names), *results)
    failed = any(r.status is Status.FAILED for r in checks)
    status = Status.FAILED if failed else Status.PASSED
    atomic_write(path, model_json(report.model_copy(update={"checks": checks, "status": status})))
    job.ledger(target).renew("check", path)
