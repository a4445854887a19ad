"""The check stage: every check on one target's packages."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from debwright import __version__
from debwright.build.log import BuildLog
from debwright.checks.engine import policy
from debwright.checks.engine.base import SHARED, CheckContext
from debwright.checks.engine.previous import Previous, expand
from debwright.checks.engine.released import previous_of
from debwright.checks.files import malware
from debwright.config.checking import Waiver
from debwright.host.files import atomic_write, sha256_file
from debwright.model.codes import ERROR, INFRASTRUCTURE, Code, Codes
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.manifest import digest
from debwright.model.results import CheckReport, CheckResult, Finding, Severity, StageResult, Status
from debwright.model.targets import Target, also_on
from debwright.observe.report.write import model_json
from debwright.packages.debs import read_deb
from debwright.packages.sbom.make import CYCLONEDX, SPDX
from debwright.pipeline.capacity import need_mb
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.stages.base import CODES, Job, Outcome, common_inputs, perform
from debwright.pipeline.stages.companion import companion_packages
from debwright.systems.environments import Environments

CHECK_FAILED = 4
EMULATOR = Codes(
    {"infrastructure/emulator": Code(ERROR, "Programs of the architecture do not run here.")}
)
AROUND = frozenset({"suites"})
"""Tables of debwright.toml that decide where the checks run, next to those that checks read."""


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


def without_emulator(job: Job, target: TargetPlan) -> StageResult | None:
    """The check stage of a target whose programs cannot be run here; None where they can.

    Asked before the build: a cross build needs no emulator, and would find out only at its end,
    maybe after an hour.
    """
    arch = target.target.arch
    problem = job.plan.host.emulated.get(arch)
    if problem is None or not job.environment.own_root:
        return None
    lacking = MissingError(
        f"{target.target} cannot be checked: {arch} programs do not run on this machine",
        evidence=[Evidence(text=problem.why)],
        cause="its packages are installed and started here, which takes a working qemu-user; "
        f"`debwright build -t {target.target}` only builds them",
        fix=problem.fix,
    )
    result = StageResult(
        stage="check", status=Status.FAILED,
        error=EMULATOR.from_error(f"{INFRASTRUCTURE}/emulator", lacking),
        details={"exit_code": lacking.exit_code},
    )  # fmt: skip
    job.reporter.stage_finished(str(target.target), result)
    return result


def check_stage(job: Job, target: TargetPlan) -> tuple[StageResult, tuple[CheckResult, ...]]:
    """Run the checks; the stage fails when one of them does, with its worst finding."""
    name = str(target.target)
    directory = job.directory(target)
    paths = packages_of(job, target)
    companions = companion_packages(job)
    config = job.plan.config
    further = also_on(config.targets.build, config.section(Environments).install_on, target.target)
    previous, unusable = Previous(), None
    try:
        previous = _previous(job, target, paths)
    except DebwrightError as problem:
        unusable = problem
    inputs = {
        **common_inputs(job),
        "packages": {p.name: sha256_file(p) for p in paths},
        "companions": {p.name: sha256_file(p) for p in companions},
        "config": digest({
            **config.model_dump(mode="json", include={*SHARED, *policy.SETTINGS, *AROUND}),
            **config.said_to("debwright.checks"),
            **config.said_to("debwright.systems"),
        }),
        "previous": {d.path.name: d.sha256 for d in previous.debs},
        "sbom": {p.name: sha256_file(p) for p in sorted(directory.glob("*.json"))
                  if p.name.endswith((CYCLONEDX, SPDX))},
        "databases": scanners(job),
        "today": waiver_states(config.waivers),
        "base": _system(job, target.target),
        "also_on": {str(t): _system(job, t) for t in further},
        "environment": str(job.environment),
        # What an ordinary user could not do, root can.
        "unavailable": why.in_one_line() if (why := job.environment.unavailable()) else None,
    }  # fmt: skip
    log_path = directory / "check.log"

    def work() -> Outcome:
        # Most of debwright's code, and a run in which nothing has changed does not need it.
        from debwright.checks.run import run_checks

        if unusable is not None:
            raise unusable
        with BuildLog(log_path, lambda line: job.reporter.line(name, "check", line)) as log:
            changes = sorted(directory.glob("*.changes"))
            context = CheckContext(
                target=target.target,
                host_arch=job.plan.host.arch,
                config=config,
                debs=[read_deb(p) for p in paths],
                changes=changes[0] if changes else None,
                roots=job.roots,
                output=directory,
                log=log,
                activity=lambda text: job.reporter.activity(name, "check", text),
                project=job.plan.loaded.directory,
                companions=[read_deb(p) for p in companions],
                previous=previous,
                ask_again=job.force,
            )
            need = need_mb(config, emulated=context.emulated)
            with job.budget.share(need, waiting=context.activity) as waited:
                job.budget.arrived(name)
                with job.budget.spare(need) as second:
                    results = run_checks(
                        replace(context, second_system=second), lambda result: _tell(log, result),
                        job.environment, further,
                    )  # fmt: skip
        # The roots may not have been there before.
        inputs["base"] = _system(job, target.target)
        inputs["also_on"] = {str(t): _system(job, t) for t in further}
        outcome = check_outcome(context, results, log_path, job.dist)
        if waited >= 1:
            outcome.details["waited_seconds"] = round(waited, 1)
        return outcome

    return perform(job, job.ledger(target), work, target=name, stage="check", inputs=inputs)


def _system(job: Job, target: Target) -> str | None:
    """The id of what a target's system begins from: its base root, or the image it is made of."""
    return job.environment.begins_with(job.plan.config, job.roots, target)


def scanners(job: Job) -> dict[str, object]:
    """What scanners of this machine know: with other signatures, other things are found."""
    config, directory = job.plan.config, job.plan.loaded.directory
    paths = [directory / d for d in (config.malware.database, config.vulnerabilities.database) if d]
    return {
        "clamscan": shutil.which("clamscan"),
        "times": {str(p): newest(p) for p in (*paths, malware.DATABASE)},
    }


def newest(path: Path) -> float | None:
    """The time of the last change to a file, or to a directory's entries; None if it is absent."""
    try:
        entries = [path, *path.iterdir()] if path.is_dir() else [path]
        return max(p.stat().st_mtime for p in entries)
    except OSError:
        return None


def waiver_states(waivers: Sequence[Waiver]) -> list[bool]:
    """Which waivers still count today: on the day one ends, the checks are judged again."""
    return [waiver.until >= policy.today() for waiver in waivers]


def _previous(job: Job, target: TargetPlan, paths: Sequence[Path]) -> Previous:
    """The release before, from the configuration or from what this directory has published."""
    loaded = job.plan.loaded
    files = expand(loaded.directory, loaded.config.upgrade.previous)
    debs = [d for p in paths if p.suffix == ".deb" and not (d := read_deb(p)).debug]
    return previous_of(loaded, target.target, debs, files=files, dist=job.dist)


def _tell(log: BuildLog, result: CheckResult) -> None:
    log.heading(
        f"{result.name}: {result.status}" + (f" ({result.reason})" if result.reason else "")
    )
    for finding in result.findings:
        log(f"{finding.severity} {finding.code}: {finding.message}")


def check_report(context: CheckContext, results: Sequence[CheckResult]) -> CheckReport:
    """The content of check.json."""
    failed = any(r.status is Status.FAILED for r in results)
    unproven = not_proven(tuple(results), has_service=context.config.service is not None)
    status = Status.SKIPPED if unproven else Status.PASSED
    return CheckReport(
        debwright=__version__,
        target=str(context.target),
        packages={d.path.name: d.sha256 for d in context.debs},
        status=Status.FAILED if failed else status,
        reason=None if failed else unproven,
        checks=tuple(results),
    )


def check_outcome(
    context: CheckContext, results: Sequence[CheckResult], log_path: Path, dist: Path
) -> Outcome:
    """Write check.json; what the stage says of it.

    Packages that nothing failed, but that were not seen to work, are no failure of the stage: it
    says `unproven`, with an exit code where this machine is what stood in the way.
    """
    report, directory = check_report(context, results), context.output
    path = directory / "check.json"
    atomic_write(path, model_json(report))
    outputs = [path, log_path]
    if (directory / "lintian.json").exists():
        outputs.append(directory / "lintian.json")
    errors = [f for r in results for f in r.findings if f.severity is Severity.ERROR]
    failed = [r.name for r in results if r.status is Status.FAILED]
    details: dict[str, Any] = {
        "log": str(log_path.relative_to(dist)),
        "passed": [r.name for r in results if r.status.ok],
        "failed": failed,
        "skipped": [r.name for r in results if r.status is Status.SKIPPED],
    }
    if failed:
        # What failed may be the machine alone; that is not a package to be corrected.
        machine = bool(errors) and all(f.code.startswith(f"{INFRASTRUCTURE}/") for f in errors)
        details["exit_code"] = MissingError.exit_code if machine else CHECK_FAILED
    elif report.status is Status.SKIPPED:
        details["unproven"] = report.reason
        installed = any(r.name == "install" and r.status.ok for r in results)
        if not installed and context.config.checks.get("install", "error") == "error":
            details["exit_code"] = MissingError.exit_code
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
    return CODES.found("check/failed", f"failed: {', '.join(failed)}")


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
