"""The stage that builds a target a second time and compares."""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debwright.build.binary import PackageBuildError
from debwright.build.log import BuildLog
from debwright.checks.twice import diffoscope
from debwright.model.details import CheckDetails
from debwright.model.results import CheckResult, Status
from debwright.observe.report.timeline import Color
from debwright.pipeline.stages.base import (
    Outcome,
    TargetRun,
    TargetStage,
    Wanted,
    common_inputs,
    digests,
)
from debwright.pipeline.stages.build import (
    build_inputs,
    builder_of,
    builds_nothing,
    carry_out,
    dependencies,
    plan_of,
    root_inputs,
    why_nothing,
)
from debwright.pipeline.stages.checking import add_to_report, judged, policy_inputs
from debwright.roots.cache import remove_tree

if TYPE_CHECKING:
    from debwright.build.variations import Second

NAME = "reproducible"
DIRECTORY = "second-build"
"""Below a target's directory: packages of the second build that are not those of the first."""


class ReproducibleStage(TargetStage):
    """Builds the target again with everything varied; the result is the check `reproducible`."""

    name = NAME
    color = Color.AMBER
    does = "builds every target a second time and compares bit for bit, when asked for"

    def wanted(self, wanted: Wanted) -> bool:
        return wanted.check and wanted.reproducible

    def inputs(self, on: TargetRun) -> dict[str, Any]:
        plan = plan_of(on)
        return {
            **common_inputs(on.job),
            "build": {**build_inputs(on, plan), **root_inputs(on, plan)},
            "packages": digests(_packages(on)),
            "policy": policy_inputs(on.job),
            "diffoscope": diffoscope.available(),
        }

    def work(self, on: TargetRun) -> Outcome:
        from debwright.checks.twice.reproducible import ReproducibleCheck

        if builds_nothing(plan_of(on)):
            return Outcome(skipped=why_nothing(on), details=CheckDetails(done_by=builder_of(on)))
        log_path = on.directory / f"{NAME}.log"
        remove_tree(on.directory / DIRECTORY)
        with (
            BuildLog(log_path, lambda line: on.log(NAME, line)) as log,
            on.job.roots.cache.scratch(DIRECTORY) as scratch,
        ):
            result = _twice(on, scratch, log)
        return judged(on, ReproducibleCheck(), result, log_path)

    def run(self, on: TargetRun) -> bool:
        before = len(on.checks)
        passed = super().run(on)
        add_to_report(on, on.checks[before:])
        return passed


def _packages(on: TargetRun) -> list[Path]:
    return sorted(on.directory.glob("*.deb"))


def _twice(on: TargetRun, scratch: Path, log: BuildLog) -> CheckResult:
    from debwright.build.variations import second_build
    from debwright.checks.twice.reproducible import TwoBuilds, compare_builds, failed_second_build

    job, plan, started = on.job, plan_of(on), time.monotonic()
    on.activity(NAME, "build dependencies")
    how = second_build(job.roots, plan, dependencies(on, plan, log), log)
    output = scratch / "output"
    try:
        how, lent = _second(on, how, scratch, output, log)
    except PackageBuildError as problem:
        return failed_second_build(how, problem, started, on.name)
    on.activity(NAME, "comparing")
    second = sorted(output.glob("*.deb"))
    shown = on.directory / DIRECTORY
    builds = TwoBuilds(
        first=_packages(on), second=second, how=how, target=on.name, shown=str(shown),
        lent=lent,
    )  # fmt: skip
    result = compare_builds(builds, started, job.roots.cache)
    if result.status is Status.FAILED:
        shown.mkdir()
        for path in second:
            shutil.copyfile(path, shown / path.name)
    return result


def _second(
    on: TargetRun, how: "Second", scratch: Path, output: Path, log: BuildLog
) -> tuple["Second", tuple[str, ...]]:
    """Build; with the real clock when the build does not bear another.

    How it was done at last, and the compiled wheels that both builds had.
    """
    for variation in how.variations:
        log(f"varied: {variation}")
    on.activity(NAME, "dpkg-buildpackage, once more")
    try:
        lent = _build(on, how, scratch / "first", output, log)
    except PackageBuildError as problem:
        if not how.clock_varied:
            raise
        log.heading("once more, with the real clock")
        why = f"the build fails under libfaketime ({problem.what})"
        how = how.without_clock(why)
        remove_tree(output)
        lent = _build(on, how, scratch / "second", output, log)
    return how, lent


def _build(
    on: TargetRun, how: "Second", scratch: Path, output: Path, log: BuildLog
) -> tuple[str, ...]:
    """Build once more; the compiled wheels that it used."""
    scratch.mkdir(mode=0o755)
    _, wheels = carry_out(
        on, how.plan, how.layer, scratch=scratch, output=output, log=log,
        workplace=how.workplace,
    )  # fmt: skip
    return tuple(f"{w.name} {w.version}" for w in wheels.made)
