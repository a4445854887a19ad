"""The check stage: every check on one target's packages."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from debwright import __version__
from debwright.build.log import BuildLog
from debwright.checks.engine import policy
from debwright.checks.engine.base import SHARED, CheckContext
from debwright.checks.engine.previous import Previous, expand
from debwright.checks.engine.released import previous_of
from debwright.checks.files import malware
from debwright.host.files import atomic_write
from debwright.model.codes import ERROR, INFRASTRUCTURE, Code, Codes
from debwright.model.details import CheckDetails
from debwright.model.errors import DebwrightError, Evidence, ExitCode, MissingError
from debwright.model.manifest import digest
from debwright.model.results import CheckReport, CheckResult, Finding, Severity, StageResult, Status
from debwright.model.targets import Target, also_on
from debwright.observe.report.timeline import Color
from debwright.observe.report.write import model_json
from debwright.packages.debs import read_deb
from debwright.packages.sbom import CYCLONEDX, SPDX
from debwright.pipeline.capacity import need_mb
from debwright.pipeline.stages.base import (
    Job,
    Outcome,
    TargetRun,
    TargetStage,
    Wanted,
    common_inputs,
    digests,
)
from debwright.pipeline.stages.checking import check_context, waiver_states
from debwright.pipeline.stages.companion import companion_packages
from debwright.systems.environments import Environments

EMULATOR = Codes(
    {"infrastructure/emulator": Code(ERROR, "Programs of the architecture do not run here.")}
)
AROUND = frozenset({"suites"})
"""Tables of debwright.toml that decide where the checks run, next to those that checks read."""


class CheckStage(TargetStage):
    """Every check; the stage fails when one of them does, with its worst finding."""

    name = "check"
    color = Color.GREEN
    does = "runs every check, ending on a booted system"
    proves = True

    def wanted(self, wanted: Wanted) -> bool:
        return wanted.check

    def refused(self, on: TargetRun) -> StageResult | None:
        """A target whose programs cannot be run here.

        Asked before the build: a cross build needs no emulator, and would find out only at its
        end, maybe after an hour.
        """
        arch = on.target.target.arch
        problem = on.job.plan.host.emulated.get(arch)
        if problem is None or not on.job.environment.own_root:
            return None
        missing = MissingError(
            f"{on.name} cannot be checked: {arch} programs do not run on this machine",
            evidence=[Evidence(text=problem.why)],
            cause="its packages are installed and started here, which takes a working qemu-user; "
            f"`debwright build -t {on.name}` only builds them",
            fix=problem.fix,
        )
        return StageResult(
            stage=self.name, status=Status.FAILED,
            error=EMULATOR.from_error(f"{INFRASTRUCTURE}/emulator", missing),
            details=CheckDetails(exit_code=missing.exit_code),
        )  # fmt: skip

    def inputs(self, on: TargetRun) -> dict[str, Any]:
        job, config = on.job, on.job.plan.config
        try:
            previous = _previous(on)
        except DebwrightError:
            previous = Previous()  # the work itself will say so
        bills = [p for p in on.directory.glob("*.json") if p.name.endswith((CYCLONEDX, SPDX))]
        return {
            **common_inputs(job),
            "packages": digests(on.packages()),
            "companions": digests(companion_packages(job)),
            "config": digest(
                {
                    **config.model_dump(mode="json", include={*SHARED, *policy.SETTINGS, *AROUND}),
                    **config.said_to("debwright.checks.files"),
                    **config.said_to("debwright.checks.live"),
                    **config.said_to("debwright.systems"),
                }
            ),
            "previous": {d.path.name: d.sha256 for d in previous.debs},
            "older": [d.sha256 for debs in previous.older for d in debs],
            "sbom": digests(sorted(bills)),
            "databases": scanners(job),
            "preseed": digests([p for p in _preseeds(job) if p.is_file()]),
            "today": waiver_states(config.waivers),
            "environment": str(job.environment),
            # What an ordinary user could not do, root can.
            "unavailable": str(job.environment.unavailable()),
        }

    def changing(self, on: TargetRun) -> dict[str, Any]:
        """The systems it is checked on, which may not have been there before."""
        return {
            "base": _system(on.job, on.target.target),
            "also_on": {str(t): _system(on.job, t) for t in _further(on)},
        }

    def work(self, on: TargetRun) -> Outcome:
        # Most of debwright's code, and a run in which nothing has changed does not need it.
        from debwright.checks.run import run_checks

        job, log_path = on.job, on.directory / "check.log"
        previous = _previous(on)
        with BuildLog(log_path, lambda line: on.log(self.name, line)) as log:
            need = need_mb(job.plan.config, emulated=on.target.target.arch != job.plan.host.arch)
            waiting = lambda why: on.activity(self.name, why)  # noqa: E731
            with job.budget.share(need, waiting=waiting) as waited:
                job.budget.arrived(on.name)
                with job.budget.spare(need) as second:
                    context = check_context(
                        on,
                        self.name,
                        log,
                        previous=previous,
                        ask_again=job.force,
                        second_system=second,
                    )
                    results = run_checks(
                        context,
                        lambda result: write_down(log, result),
                        job.environment,
                        _further(on),
                    )
        return check_outcome(context, results, log_path, job.dist, waited=waited)


def _preseeds(job: Job) -> list[Path]:
    """Files with answers to debconf's questions."""
    loaded = job.plan.loaded
    return [
        loaded.inside(one.preseed, "install.preseed")
        for one in loaded.config.install
        if one.preseed
    ]


def _further(on: TargetRun) -> list[Target]:
    """The further targets that the packages are installed on."""
    config = on.job.plan.config
    return also_on(config.targets.build, config.section(Environments).install_on, on.target.target)


def _system(job: Job, target: Target) -> str | None:
    """The id of what a target's system begins from: its base root, or the image it is made of."""
    return job.environment.begins_with(job.plan.config, job.roots, target)


def scanners(job: Job) -> dict[str, object]:
    """What scanners of this machine know: with other signatures, other things are found."""
    config, directory = job.plan.config, job.plan.loaded.directory
    # What the file says, for the checks themselves need not be there to know it.
    said = config.said_to("debwright.checks")
    found = (said.get(table, {}).get("database") for table in ("malware", "vulnerabilities"))
    paths = [directory / d for d in found if d]
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


def _previous(on: TargetRun) -> Previous:
    """The release before, from the configuration or from what this directory has published."""
    loaded = on.job.plan.loaded
    files = expand(loaded.directory, loaded.config.upgrade.previous)
    debs = [d for p in on.packages() if p.suffix == ".deb" and not (d := read_deb(p)).debug]
    return previous_of(loaded, on.target.target, debs, files=files, dist=on.job.dist)


def write_down(log: BuildLog, result: CheckResult) -> None:
    """A check's result, with its findings, into the stage's log."""
    log.heading(
        f"{result.name}: {result.status}" + (f" ({result.reason})" if result.reason else "")
    )
    for finding in result.findings:
        log(f"{finding.severity} {finding.code}: {finding.message}")


def check_report(context: CheckContext, results: Sequence[CheckResult]) -> CheckReport:
    """The content of check.json."""
    failed = any(r.status is Status.FAILED for r in results)
    unproven = not_proven(tuple(results), has_service=bool(context.config.service))
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
    context: CheckContext,
    results: Sequence[CheckResult],
    log_path: Path,
    dist: Path,
    *,
    waited: float = 0.0,
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
    code, unproven = None, None
    if failed:
        # What failed may be the machine alone; that is not a package to be corrected.
        machine = bool(errors) and all(f.code.startswith(f"{INFRASTRUCTURE}/") for f in errors)
        code = ExitCode.MISSING if machine else ExitCode.CHECK
    elif report.status is Status.SKIPPED:
        unproven = report.reason
        installed = any(r.name == "install" and r.status.ok for r in results)
        if not installed and context.config.checks.get("install", "error") == "error":
            code = ExitCode.MISSING
    details = CheckDetails(
        log=str(log_path.relative_to(dist)),
        exit_code=code,
        unproven=unproven,
        passed=tuple(r.name for r in results if r.status.ok),
        failed=tuple(failed),
        skipped=tuple(r.name for r in results if r.status is Status.SKIPPED),
        waited_seconds=round(waited, 1) if waited >= 1 else None,
    )
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
    return CheckStage().codes.found("check/failed", f"failed: {', '.join(failed)}")


def not_proven(checks: tuple[CheckResult, ...], *, has_service: bool) -> str | None:
    """Why these checks do not allow publishing: a service that was never seen to start."""
    by_name = {c.name: c for c in checks}
    # What is measured only once it has worked: a failure that `[checks]` softens to a warning, or
    # a waiver excuses, fails no run, but proves nothing.
    proofs = {"install": "install_seconds"}
    if has_service:
        proofs["service"] = "start_seconds"
    # Packages that conflict are checked in sets, each of which must have been installed.
    further = (c.name for c in checks if c.name.startswith("install+"))
    proofs |= dict.fromkeys(further, "install_seconds")
    for name, proof in proofs.items():
        check = by_name.get(name)
        if check is None:
            return f"the check `{name}` was not run"
        if not check.status.ok:
            return f"{name}: {check.reason or 'failed'}"
        if proof not in check.measurements:
            return f"{name}: it did not succeed, though its findings are not errors here"
    return None
