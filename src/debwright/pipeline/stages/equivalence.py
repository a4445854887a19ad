"""The stage that compares a target with the others of its suite, and a cross build with another."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from debwright.build.binary import PackageBuildError
from debwright.build.depends import BuildPlan
from debwright.build.log import BuildLog
from debwright.checks.engine.base import CheckContext, conclude
from debwright.checks.twice.equivalence import (
    CODES,
    Comparison,
    EquivalenceCheck,
    compare_answers,
    compare_files,
    compare_floor,
    compare_imports,
)
from debwright.checks.twice.sides import Side, Sides
from debwright.host.files import sha256_file
from debwright.model.manifest import digest
from debwright.model.results import CheckResult, StageResult, TargetResult
from debwright.model.targets import Strategy
from debwright.packages.debs import read_deb
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.stages.base import Job, Outcome, common_inputs, perform, skipped
from debwright.pipeline.stages.build import TargetBuild, carry_out, dependencies, stage_inputs
from debwright.pipeline.stages.check import packages_of
from debwright.pipeline.stages.companion import companion_packages
from debwright.pipeline.stages.extra import extra_context, extra_outcome, policy_inputs, remember
from debwright.systems.nspawn import NspawnSystem

NAME = EquivalenceCheck.name


@dataclass(frozen=True)
class Built:
    """A target of the plan and what became of it."""

    plan: TargetPlan
    result: TargetResult

    @property
    def fit(self) -> bool:
        return self.result.ok and bool(self.result.artifacts)


def equivalence_stages(job: Job, results: Sequence[TargetResult]) -> list[TargetResult]:
    """The results with the check `equivalence` added to each target that can be compared."""
    built = [Built(p, r) for p, r in zip(job.plan.targets, results, strict=True)]
    done = []
    stage: StageResult | None
    checks: tuple[CheckResult, ...]
    for one in built:
        others = [b for b in built if b.plan.target.suite == one.plan.target.suite]
        natives = [b for b in others if b.plan.strategy is Strategy.NATIVE]
        if len(others) == 1 and one.result.strategy != Strategy.CROSS:
            reason = f"no other target of {one.plan.target.suite} is there to compare it with"
            stage, checks = skipped(job, str(one.plan.target), NAME, reason), ()
        else:
            stage, checks = _stage(job, one, (natives or others)[0])
        done.append(
            one.result.model_copy(
                update={
                    "stages": (*one.result.stages, *([stage] if stage else [])),
                    "checks": (*one.result.checks, *checks),
                }
            )
        )
    return done


def _stage(
    job: Job, one: Built, reference: Built
) -> tuple[StageResult | None, tuple[CheckResult, ...]]:
    name = str(one.plan.target)
    cross = one.result.strategy == Strategy.CROSS
    if one is reference and not cross:
        return None, ()  # the others are compared with it
    for side in (one, reference):
        if not side.fit:
            return skipped(job, name, NAME, f"{side.plan.target} failed"), ()
    return _compare(job, one, reference if one is not reference else None)


def _compare(
    job: Job, one: Built, reference: Built | None
) -> tuple[StageResult, tuple[CheckResult, ...]]:
    target = one.plan
    name = str(target.target)
    log_path = job.directory(target) / "equivalence.log"
    build = _emulated_build(job, one)
    config = job.plan.config
    paths = [*packages_of(job, target), *(packages_of(job, reference.plan) if reference else [])]
    inputs = {
        **common_inputs(job),
        "packages": {str(p.relative_to(job.dist)): sha256_file(p) for p in paths},
        "companions": {p.name: sha256_file(p) for p in companion_packages(job)},
        "config": digest(config.model_dump(mode="json", include=set(EquivalenceCheck.settings))),
        "policy": policy_inputs(job),
        "emulated": stage_inputs(build, _emulated_plan(build)) if build else None,
        "emulator": {a: str(o) for a, o in job.plan.host.emulated.items()},
    }

    def work() -> Outcome:
        started = time.monotonic()
        found = Comparison()
        with BuildLog(log_path, lambda line: job.reporter.line(name, NAME, line)) as log:
            context = extra_context(job, target, log, NAME)
            mine = Side(name=name, target=target.target, debs=context.debs)
            if reference is not None:
                other = extra_context(job, reference.plan, log, NAME)
                other = replace(other, activity=context.activity)
                _with_reference(job, found, mine, context, other)
            if build is not None:
                _with_emulated(build, found, mine, context, log)
            for finding in found.findings:
                log(f"{finding.severity} {finding.code}: {finding.message}")
        result = conclude(
            NAME, started, found.findings, measurements=found.measurements, notes=found.notes
        )
        return extra_outcome(job, target, EquivalenceCheck(), result, log_path)

    result, checks = perform(job, job.ledger(target), work, target=name, stage=NAME, inputs=inputs)
    remember(job, target, checks)
    return result, checks


def _with_reference(
    job: Job, found: Comparison, mine: Side, context: CheckContext, other: CheckContext
) -> None:
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
    system = job.environment if job.environment.any_target else NspawnSystem()
    compare_answers(found, sides, other, context, system)


def _no_emulator(job: Job, context: CheckContext) -> str | None:
    host = job.plan.host
    if context.target.arch in host.runnable:
        return None
    return str(host.obstacle(context.target.arch) or "") or None


def _emulated_build(job: Job, one: Built) -> TargetBuild | None:
    """The build to compare a cross-built target with."""
    if one.result.strategy != Strategy.CROSS:
        return None
    source = job.sources[one.plan.target.suite]
    if not source.has_any_for(one.plan.target.arch):
        return None
    return TargetBuild(
        job, one.plan, source, Strategy.EMULATED, "to be compared with the cross build"
    )


def _emulated_plan(build: TargetBuild) -> BuildPlan:
    plan = build.job.plan.build_plan(build.target, build.source, Strategy.EMULATED)
    # Its tests have been run already, on what the cross build gave.
    return replace(plan, options=tuple(dict.fromkeys((*plan.options, "nocheck"))))


def _with_emulated(
    build: TargetBuild, found: Comparison, mine: Side, context: CheckContext, log: BuildLog
) -> None:
    """Build under emulation and compare what a cross build gave with that."""
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
    build: TargetBuild, context: CheckContext, scratch: Path, log: BuildLog
) -> list[Path]:
    plan = _emulated_plan(build)
    context.activity("build dependencies, under emulation")
    layer = dependencies(build.job, build.source, plan, log)
    context.activity("dpkg-buildpackage, under emulation")
    (scratch / "build").mkdir(mode=0o755)
    carry_out(build, plan, layer, scratch=scratch / "build", output=scratch / "output", log=log)
    return sorted((scratch / "output").glob("*.deb"))
