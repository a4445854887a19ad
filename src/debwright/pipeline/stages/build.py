"""The build stage, the fallback from cross to emulated, and the tests of cross-built packages."""

from dataclasses import dataclass, field
from pathlib import Path

from debwright.build.binary import (
    HOME,
    Built,
    PackageBuildError,
    build_binary,
    build_command,
    build_environment,
    run_tests,
    steps_to_test,
    tree_name,
)
from debwright.build.depends import BuildPlan, build_dependencies
from debwright.build.log import BuildLog
from debwright.build.workplace import USUAL, Workplace
from debwright.host.files import share
from debwright.model.errors import MissingError
from debwright.model.results import CheckResult, Evidence, Finding, StageResult, Status
from debwright.model.targets import Strategy, Target
from debwright.observe.diagnose.record import FailedStage, forget_record, write_record
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.stages.base import (
    CODES,
    Job,
    Outcome,
    base_id,
    common_inputs,
    perform,
    skipped,
)
from debwright.pipeline.stages.lent import Wheels, compiled_wheels, wheel_inputs
from debwright.roots.store import Layer
from debwright.source.make import SourcePackage

CROSS_LOG = "cross.log"
"""The log of a cross build that failed, where an emulated one followed it."""


@dataclass
class TargetBuild:
    """The build of one target as it proceeds."""

    job: Job
    target: TargetPlan
    source: SourcePackage
    strategy: Strategy
    strategy_reason: str
    stages: list[StageResult] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.target.target)

    @property
    def directory(self) -> Path:
        return self.job.directory(self.target)

    @property
    def changes(self) -> Path | None:
        return next(iter(sorted(self.directory.glob("*.changes"))), None)


def build_stage(build: TargetBuild) -> bool:
    """Build the target; on a failed cross build fall back to emulation where that is allowed."""
    ledger = build.job.ledger(build.target)
    with build.job.roots.cache.scratch("build") as scratch:
        cross = stage_inputs(build, plan_of(build)) if _may_fall_back(build) else None
        known = ledger.find("cross", cross) if cross and not build.job.force else None
        if known is not None:
            return _fall_back(build, scratch, known.result)
        _forget_untested(build)
        if _attempt(build, scratch / "first"):
            return _tests(build, scratch)
        if cross is None or not _worth_emulating(build.stages[-1]):
            return False
        failed = build.stages.pop()
        cross = stage_inputs(build, plan_of(build))  # of roots that are there by now
        _keep_cross_log(build)
        built = _fall_back(build, scratch, failed)
        if built:
            # Or the next run would try the cross build again before finding nothing to do.
            ledger.write("cross", cross, [], failed)
        return built


def _worth_emulating(failed: StageResult) -> bool:
    """Whether a build under emulation may succeed where this cross build has failed.

    Not where the machine or the archive lacks something: emulation brings none of it, and what is
    remembered of the failure would keep later runs from trying the cross build again. Not where
    time ran out, which emulation takes more of; nor for a wheel, which was tried both ways.
    """
    finding, exit_code = failure_of(failed)
    if exit_code == MissingError.exit_code or finding.code == "build/timeout":
        return False
    return not finding.code.startswith("wheelhouse/")


def _keep_cross_log(build: TargetBuild) -> None:
    log = build.directory / "build.log"
    if log.exists():
        log.replace(build.directory / CROSS_LOG)


def _fall_back(build: TargetBuild, scratch: Path, failed: StageResult) -> bool:
    """Build emulated after all; the report tells what became of the cross build."""
    assert failed.error is not None
    build.strategy = Strategy.EMULATED
    build.strategy_reason = f"cross failed ({failed.error.code}); fell back to emulated"
    note = f"{build.name}: {build.strategy_reason}, see {CROSS_LOG}"
    build.job.notes.append(note)
    build.job.reporter.note(note)
    return _attempt(build, scratch / "second")


def plan_of(build: TargetBuild) -> BuildPlan:
    """How the target is built, after a fallback that of the build that worked."""
    return build.job.plan.build_plan(build.target, build.source, build.strategy)


def _forget_untested(build: TargetBuild) -> None:
    """A cross build whose tests have no result is done again: they need its tree."""
    if build.strategy is Strategy.CROSS:
        ledger = build.job.ledger(build.target)
        if ledger.find("test", _test_inputs(build)) is None:
            ledger.forget("build")


def _attempt(build: TargetBuild, scratch: Path) -> bool:
    scratch.mkdir(mode=0o755)
    job, target = build.job, build.target
    plan = plan_of(build)
    if not (plan.with_all or plan.with_any):
        result = skipped(job, build.name, "build", "built by another target: it is all `all`")
        build.stages.append(result)
        return True
    inputs = stage_inputs(build, plan)
    log_path = build.directory / "build.log"

    def work() -> Outcome:
        _clear(build)
        build.directory.mkdir(parents=True, exist_ok=True)
        sources = _beside(build)
        _remember(build, plan)
        with BuildLog(log_path, lambda line: job.reporter.line(build.name, "build", line)) as log:
            job.reporter.activity(build.name, "build", "build dependencies")
            log.heading(f"{build.source.name} {build.source.version} for {build.name}: "
                        f"{build.strategy} ({build.strategy_reason})")  # fmt: skip
            layer = dependencies(job, build.source, plan, log)
            _remember(build, plan, layer)
            job.reporter.activity(build.name, "build", "dpkg-buildpackage")
            built, wheels = carry_out(
                build, plan, layer, scratch=scratch, output=build.directory, log=log
            )
            # The roots it is built in, and wheels compiled in, may not have been there before.
            inputs.update(stage_inputs(build, plan))
        forget_record(build.directory)
        outputs = [*built.files, *sources, log_path]
        details = {
            "strategy": str(build.strategy),
            "layer": layer.id,
            "log": str(log_path.relative_to(job.dist)),
            "log_lines": log.lines,
            **wheels.details,
        }
        cpu_seconds = built.cpu_seconds + wheels.cpu_seconds
        return Outcome(outputs=outputs, details=details, cpu_seconds=cpu_seconds)

    result, _ = perform(
        job, job.ledger(target), work, target=build.name, stage="build", inputs=inputs
    )
    build.stages.append(result)
    return result.status.ok


def _remember(build: TargetBuild, plan: BuildPlan, layer: Layer | None = None) -> None:
    """What the build is about to be; it stays there, beside the source, when it fails."""
    record = FailedStage(
        target=build.name, stage="build", strategy=str(plan.strategy),
        command=tuple(build_command(plan)), directory=f"/{HOME}/{tree_name(build.source)}",
        environment=build_environment(plan, build.job.plan.config.build.environment),
        layer=layer.id if layer else None, dsc=build.source.dsc.name,
    )  # fmt: skip
    write_record(build.directory, record)


def carry_out(
    build: TargetBuild,
    plan: BuildPlan,
    layer: Layer,
    *,
    scratch: Path,
    output: Path,
    log: BuildLog,
    workplace: Workplace = USUAL,
) -> tuple[Built, Wheels]:
    """Build the target's source by `plan`, as its project says, with the wheels it is lent."""
    config = build.job.plan.config.build
    wheels = compiled_wheels(build.job, build.target, build.source, scratch, log)
    built = build_binary(
        build.source, plan, layer, scratch=scratch, output=output, log=log,
        environment={**config.environment, **wheels.environment}, binds=wheels.binds,
        timeout=config.timeout_minutes * 60, workplace=workplace,
    )  # fmt: skip
    return built, wheels


def stage_inputs(build: TargetBuild, plan: BuildPlan) -> dict[str, object]:
    """All that a build of the target depends on."""
    job = build.job
    return {
        **common_inputs(job),
        "dsc": build.source.digest(),
        "machine": str(plan.machine),
        "strategy": str(plan.strategy),
        "kinds": plan.kind_option(),
        "profiles": list(plan.profiles),
        "options": list(plan.options),
        "base": base_id(job, plan.machine),
        "environment": job.plan.config.build.environment,
        **wheel_inputs(job, build.target, build.source),
    }


def dependencies(job: Job, source: SourcePackage, plan: BuildPlan, log: BuildLog) -> Layer:
    """The layer with the build dependencies; UnmetBuildDependency where apt cannot find them."""
    return build_dependencies(job.roots, source, plan, log)


def _clear(build: TargetBuild) -> None:
    """Old artifacts would be taken for new ones if this build fails half-way."""
    kept = {"stages.json"}
    if build.strategy is not build.target.strategy:
        kept.add(CROSS_LOG)  # of the cross build that this one stands in for
    for path in build.directory.glob("*"):
        if path.is_file() and path.name not in kept:
            path.unlink()


def _beside(build: TargetBuild) -> list[Path]:
    """Copy the source package to the target's directory: it is complete by itself."""
    copies = []
    for path in (build.source.dsc, *build.source.files):
        copy = build.directory / path.name
        share(path, copy)
        copies.append(copy)
    return copies


def _may_fall_back(build: TargetBuild) -> bool:
    job = build.job
    config = job.plan.config.targets
    if build.strategy is not Strategy.CROSS or not config.fallback:
        return False
    if build.target.choice.reason.startswith("asked for"):
        return False
    return job.plan.host.obstacle(build.target.target.arch) is None


def _tests(build: TargetBuild, scratch: Path) -> bool:
    """Run the build-time tests of a cross-built package under emulation."""
    job = build.job
    if build.strategy is not Strategy.CROSS or build.stages[-1].status is Status.SKIPPED:
        return True
    inputs = _test_inputs(build)
    log_path = build.directory / "test.log"
    tree = _built_tree(scratch / "first")

    def work() -> Outcome:
        problem = job.plan.host.obstacle(build.target.target.arch)
        if problem is not None:
            return Outcome(
                skipped=f"the package was cross-built and its tests cannot run: {problem}"
            )
        # The package had this directory in its hands; a link could lead anywhere on this machine.
        if tree is None or tree.is_symlink() or not tree.is_dir():
            return Outcome(skipped="the build left no tree to test")
        for name in ("steps", "test"):
            (scratch / name).mkdir(mode=0o755)
        plan = _native_plan(build, job)
        with BuildLog(log_path, lambda line: job.reporter.line(build.name, "test", line)) as log:
            # Asked where it was built: many minutes of installation under emulation can be spared.
            layer = dependencies(job, build.source, plan_of(build), log)
            steps = steps_to_test(build.source, tree, layer, plan, scratch / "steps")
            if not steps:
                return Outcome(
                    skipped="debian/rules has no dh_auto_test step that could be run on its own"
                )
            job.reporter.activity(build.name, "test", "build dependencies under emulation")
            layer = dependencies(job, build.source, plan, log)
            job.reporter.activity(build.name, "test", "tests under emulation")
            run_tests(build.source, tree, steps, layer, plan, scratch=scratch / "test", log=log)
        return Outcome(
            outputs=[log_path],
            details={"log": str(log_path.relative_to(job.dist)), "emulated": True},
        )

    result, _ = perform(
        job, job.ledger(build.target), work, target=build.name, stage="test", inputs=inputs
    )
    build.stages.append(result)
    return result.status is not Status.FAILED


def _test_inputs(build: TargetBuild) -> dict[str, object]:
    return {
        **common_inputs(build.job),
        "built": _built_digest(build),
        "emulator": str(build.job.plan.host.obstacle(build.target.target.arch)),
    }


def _built_digest(build: TargetBuild) -> dict[str, str]:
    from debwright.host.files import sha256_file

    return {p.name: sha256_file(p) for p in sorted(build.directory.glob("*.deb"))}


def _built_tree(scratch: Path) -> Path | None:
    """The source tree as the cross build left it, in the overlay's upper directory."""
    home = scratch / "upper/build"
    found = [p for p in home.glob("*/debian") if p.is_dir() and not p.parent.is_symlink()]
    return found[0].parent if found else None


def _native_plan(build: TargetBuild, job: Job) -> BuildPlan:
    config = job.plan.config.build
    return BuildPlan(
        source=build.source.name,
        target=build.target.target,
        strategy=Strategy.EMULATED,
        machine=Target(build.target.target.suite, build.target.target.arch),
        with_all=build.target.build_all and build.source.has_all,
        with_any=True,
        profiles=tuple(config.profiles),
        options=tuple(config.options),
    )


def failure_of(stage: StageResult) -> tuple[Finding, int]:
    """A failed stage's finding and the exit code it calls for."""
    finding = stage.error or CODES.found(
        f"{stage.stage}/failed", "it failed",
        evidence=(Evidence(text=stage.stage),),
    )  # fmt: skip
    return finding, int(stage.details.get("exit_code", 1))


__all__ = ["CheckResult", "PackageBuildError", "TargetBuild", "build_stage", "failure_of"]
