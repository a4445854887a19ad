"""The stage that compares a target with the others of its suite, and a cross build with another."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debwright.build.binary import PackageBuildError
from debwright.build.depends import BuildPlan
from debwright.build.log import BuildLog
from debwright.checks.engine.base import CheckContext, conclude
from debwright.host.files import sha256_file
from debwright.model.manifest import digest
from debwright.model.targets import Strategy
from debwright.observe.report.timeline import Color
from debwright.packages.debs import read_deb
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.stages.base import (
    Job,
    Outcome,
    Stage,
    TargetRun,
    Wanted,
    common_inputs,
    digests,
    perform,
)
from debwright.pipeline.stages.build import build_inputs, carry_out, dependencies, root_inputs
from debwright.pipeline.stages.checking import add_to_report, check_context, judged, policy_inputs
from debwright.pipeline.stages.companion import companion_packages

if TYPE_CHECKING:
    from debwright.checks.twice.compared import Comparison
    from debwright.checks.twice.sides import Side

NAME = "equivalence"


@dataclass(frozen=True)
class Pair:
    """A target, and what it is compared with."""

    run: TargetRun
    reference: TargetRun | None
    """Another target of its suite; None where it is compared with an emulated build alone."""

    @property
    def job(self) -> Job:
        return self.run.job

    @property
    def name(self) -> str:
        return self.run.name

    @property
    def finished(self) -> FinishedStages:
        return self.run.finished


class EquivalenceStage(Stage[Pair]):
    """Compares what the targets of a suite hold, import and answer."""

    name = NAME
    color = Color.CYAN
    does = "compares the targets of a suite, and cross builds with emulated ones, when asked for"

    def wanted(self, wanted: Wanted) -> bool:
        return wanted.equivalence

    def inputs(self, on: Pair) -> dict[str, Any]:
        from debwright.checks.twice.compared import EquivalenceCheck

        job, build = on.job, _emulated_build(on.run)
        said = job.plan.config.model_dump(mode="json", include=set(EquivalenceCheck.settings))
        paths = [*on.run.packages(), *(on.reference.packages() if on.reference else [])]
        emulated = _emulated_plan(build) if build else None
        return {
            **common_inputs(job),
            "packages": {str(p.relative_to(job.dist)): sha256_file(p) for p in paths},
            "companions": digests(companion_packages(job)),
            "config": digest(said),
            "policy": policy_inputs(job),
            "environment": str(job.environment),
            "unavailable": str(job.environment.unavailable()),
            "emulated": {**build_inputs(build, emulated), **root_inputs(build, emulated)}
            if build and emulated else None,
            "emulator": {a: str(o) for a, o in job.plan.host.emulated.items()},
        }  # fmt: skip

    def work(self, on: Pair) -> Outcome:
        from debwright.checks.twice.compared import Comparison, EquivalenceCheck
        from debwright.checks.twice.sides import Side

        started, found, run = time.monotonic(), Comparison(), on.run
        log_path = run.directory / f"{NAME}.log"
        with BuildLog(log_path, lambda line: run.log(NAME, line)) as log:
            context = check_context(run, NAME, log)
            mine = Side(name=run.name, target=run.target.target, debs=context.debs)
            if on.reference is not None:
                other = check_context(on.reference, NAME, log)
                other = replace(other, activity=context.activity)
                _with_reference(on.job, found, mine, context, other)
            if (build := _emulated_build(run)) is not None:
                _with_emulated(build, found, mine, context, log)
            for finding in found.findings:
                log(f"{finding.severity} {finding.code}: {finding.message}")
        result = conclude(
            NAME, started, found.findings, measurements=found.measurements, notes=found.notes
        )
        return judged(run, EquivalenceCheck(), result, log_path)

    def run(self, runs: Sequence[TargetRun]) -> None:
        """Compare each target that can be compared."""
        for one in runs:
            others = [r for r in runs if r.target.target.suite == one.target.target.suite]
            natives = [r for r in others if r.target.strategy is Strategy.NATIVE]
            self._compare(one, (natives or others)[0], alone=len(others) == 1)

    def _compare(self, one: TargetRun, reference: TargetRun, *, alone: bool) -> None:
        cross = one.strategy is Strategy.CROSS
        if alone and not cross:
            suite = one.target.target.suite
            one.skip(NAME, f"no other target of {suite} is there to compare it with")
            return
        if one is reference and not cross:
            return  # the others are compared with it
        for side in (one, reference):
            if side.failed or not side.packages():
                one.skip(NAME, f"{side.name} failed")
                return
        result, checks = perform(self, Pair(one, reference if one is not reference else None))
        one.stages.append(result)
        one.checks += checks
        add_to_report(one, checks)


def _with_reference(
    job: Job, found: "Comparison", mine: "Side", context: CheckContext, other: CheckContext
) -> None:
    from debwright.checks.twice.compared import (
        compare_answers,
        compare_files,
        compare_floor,
        compare_imports,
    )
    from debwright.checks.twice.sides import Side, Sides

    sides = Sides(
        left=Side(name=str(other.target), target=other.target, debs=other.debs), right=mine
    )
    compare_files(found, sides, context)
    compare_floor(found, sides.left, other)
    compare_floor(found, mine, context)
    for subject in (other, context):
        if subject.emulated and (why := _no_emulator(job, subject)):
            found.not_compared("imports and answers", why)
            return
    compare_imports(found, sides, other, context)
    compare_answers(found, sides, other, context, job.environment)


def _no_emulator(job: Job, context: CheckContext) -> str | None:
    host = job.plan.host
    if context.target.arch in host.runnable:
        return None
    return str(host.obstacle(context.target.arch) or "") or None


def _emulated_build(one: TargetRun) -> TargetRun | None:
    """The build to compare a cross-built target with."""
    if one.strategy is not Strategy.CROSS or not one.source.has_any_for(one.target.target.arch):
        return None
    return TargetRun(
        one.job, one.target, one.source, Strategy.EMULATED, "to be compared with the cross build"
    )


def _emulated_plan(build: TargetRun) -> BuildPlan:
    plan = build.job.plan.build_plan(build.target, build.source, Strategy.EMULATED)
    # Its tests have been run already, on what the cross build gave.
    return replace(plan, options=tuple(dict.fromkeys((*plan.options, "nocheck"))))


def _with_emulated(
    build: TargetRun, found: "Comparison", mine: "Side", context: CheckContext, log: BuildLog
) -> None:
    """Build under emulation and compare what a cross build gave with that."""
    from debwright.checks.twice.compared import CODES, compare_files, compare_floor
    from debwright.checks.twice.sides import Side, Sides

    if why := build.job.plan.host.obstacle(build.target.target.arch):
        found.not_compared("cross and emulated builds", str(why))
        return
    cross = replace(mine, name=f"{mine.name}, cross")
    try:
        with build.job.roots.cache.scratch("emulated") as scratch:
            debs = [read_deb(p) for p in _build_emulated(build, context, scratch, log)]
            emulated = Side(name=f"{mine.name}, emulated", target=mine.target, debs=debs)
            compare_files(found, Sides(left=cross, right=emulated), context)
            compare_floor(found, emulated, context)
    except PackageBuildError as problem:
        finding = CODES.from_error("equivalence/emulated-build", problem)
        said = f"it is cross-built, but does not build under emulation: {finding.message}"
        found.findings.append(finding.model_copy(update={"message": said}))


def _build_emulated(
    build: TargetRun, context: CheckContext, scratch: Path, log: BuildLog
) -> list[Path]:
    plan = _emulated_plan(build)
    context.activity("build dependencies, under emulation")
    layer = dependencies(build, plan, log)
    context.activity("dpkg-buildpackage, under emulation")
    (scratch / "build").mkdir(mode=0o755)
    carry_out(build, plan, layer, scratch=scratch / "build", output=scratch / "output", log=log)
    return sorted((scratch / "output").glob("*.deb"))
