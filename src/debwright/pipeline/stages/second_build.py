"""The stage that builds a target a second time and compares."""

import shutil
import time
from pathlib import Path

from debwright.build.binary import PackageBuildError
from debwright.build.log import BuildLog
from debwright.build.variations import Second, second_build
from debwright.checks.twice import diffoscope
from debwright.checks.twice.reproducible import (
    ReproducibleCheck,
    TwoBuilds,
    compare_builds,
    failed_second_build,
)
from debwright.host.files import sha256_file
from debwright.model.results import CheckResult, StageResult, Status
from debwright.pipeline.stages.base import Outcome, common_inputs, perform
from debwright.pipeline.stages.build import (
    TargetBuild,
    carry_out,
    dependencies,
    plan_of,
    stage_inputs,
)
from debwright.pipeline.stages.extra import extra_outcome, policy_inputs, remember
from debwright.roots.cache import remove_tree

NAME = ReproducibleCheck.name
DIRECTORY = "again"
"""Below a target's directory: packages of the second build that are not those of the first."""


def reproducible_stage(build: TargetBuild) -> tuple[StageResult, tuple[CheckResult, ...]]:
    """Build the target again with everything varied; the result is the check `reproducible`."""
    job, plan = build.job, plan_of(build)
    log_path = build.directory / "reproducible.log"
    inputs = {
        **common_inputs(job),
        "build": stage_inputs(build, plan),
        "packages": {p.name: sha256_file(p) for p in _packages(build)},
        "policy": policy_inputs(job),
        "diffoscope": diffoscope.available(),
    }

    def work() -> Outcome:
        if not (plan.with_all or plan.with_any):
            return Outcome(skipped="built by another target: it is all `all`")
        remove_tree(build.directory / DIRECTORY)
        with (
            BuildLog(log_path, lambda line: job.reporter.line(build.name, NAME, line)) as log,
            job.roots.cache.scratch("again") as scratch,
        ):
            result = _twice(build, scratch, log)
        return extra_outcome(job, build.target, ReproducibleCheck(), result, log_path)

    result, checks = perform(
        job, job.ledger(build.target), work, target=build.name, stage=NAME, inputs=inputs
    )
    remember(job, build.target, checks)
    return result, checks


def _packages(build: TargetBuild) -> list[Path]:
    return sorted(build.directory.glob("*.deb"))


def _twice(build: TargetBuild, scratch: Path, log: BuildLog) -> CheckResult:
    job, plan, started = build.job, plan_of(build), time.monotonic()
    job.reporter.activity(build.name, NAME, "build dependencies")
    how = second_build(job.roots, plan, dependencies(job, build.source, plan, log), log)
    output = scratch / "output"
    try:
        how, lent = _second(build, how, scratch, output, log)
    except PackageBuildError as problem:
        return failed_second_build(how, problem, started, build.name)
    job.reporter.activity(build.name, NAME, "comparing")
    second = sorted(output.glob("*.deb"))
    shown = build.directory / DIRECTORY
    builds = TwoBuilds(
        first=_packages(build), second=second, how=how, target=build.name, shown=str(shown),
        lent=lent,
    )  # fmt: skip
    result = compare_builds(builds, started, job.roots.cache)
    if result.status is Status.FAILED:
        shown.mkdir()
        for path in second:
            shutil.copyfile(path, shown / path.name)
    return result


def _second(
    build: TargetBuild, how: Second, scratch: Path, output: Path, log: BuildLog
) -> tuple[Second, tuple[str, ...]]:
    """Build; with the real clock when the build does not bear another.

    How it was done at last, and the compiled wheels that both builds were lent.
    """
    for variation in how.variations:
        log(f"varied: {variation}")
    build.job.reporter.activity(build.name, NAME, "dpkg-buildpackage, once more")
    try:
        lent = _build(build, how, scratch / "first", output, log)
    except PackageBuildError as problem:
        if not how.clock_varied:
            raise
        log.heading("once more, with the real clock")
        why = f"the build fails under libfaketime ({problem.what})"
        how = how.without_clock(why)
        remove_tree(output)
        lent = _build(build, how, scratch / "second", output, log)
    return how, lent


def _build(
    build: TargetBuild, how: Second, scratch: Path, output: Path, log: BuildLog
) -> tuple[str, ...]:
    """Build once more; the wheels it was lent."""
    scratch.mkdir(mode=0o755)
    _, wheels = carry_out(
        build, how.plan, how.layer, scratch=scratch, output=output, log=log,
        workplace=how.workplace,
    )  # fmt: skip
    return tuple(f"{w['name']} {w['version']}" for w in wheels.details.get("wheels", ()))
