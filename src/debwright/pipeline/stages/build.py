"""The build stage, and the fallback from cross to emulated."""

from pathlib import Path
from typing import Any

from debwright.build.binary import (
    HOME,
    Built,
    build_binary,
    build_command,
    build_environment,
    tree_name,
)
from debwright.build.depends import BuildPlan, build_dependencies
from debwright.build.log import BuildLog
from debwright.build.workplace import USUAL, Workplace
from debwright.host.files import share, shown
from debwright.model.details import BuildDetails
from debwright.model.errors import ExitCode
from debwright.model.results import StageResult
from debwright.model.targets import Strategy
from debwright.observe.diagnose.failed import FailedStage, forget_record, write_record
from debwright.observe.report.timeline import Color
from debwright.pipeline.stages.base import (
    Outcome,
    TargetRun,
    TargetStage,
    base_id,
    common_inputs,
    digests,
    perform,
)
from debwright.pipeline.stages.wheels import Wheels, compiled_wheels, wheel_inputs
from debwright.roots.cache import remove_tree
from debwright.roots.store import Layer

CROSS_LOG = "cross.log"
"""The log of a cross build that failed, where an emulated one followed it."""
BEFORE = ".before"
"""Where the packages of an earlier build are until they are replaced."""
CROSS = "cross"
"""What the failed cross build is remembered by."""
TEST = "test"
"""The stage after it, which needs the tree that it leaves."""


class BuildStage(TargetStage):
    """`dpkg-buildpackage`; a cross build that fails may be followed by an emulated one."""

    name = "build"
    color = Color.BLUE
    does = "`dpkg-buildpackage` in a throw-away root with no network"
    builds = True

    def inputs(self, on: TargetRun) -> dict[str, Any]:
        return build_inputs(on, plan_of(on))

    def changing(self, on: TargetRun) -> dict[str, Any]:
        """The roots it is built in, and wheels compiled in, may not have been there before."""
        return root_inputs(on, plan_of(on))

    def work(self, on: TargetRun) -> Outcome:
        assert on.scratch is not None
        plan, log_path = plan_of(on), on.directory / "build.log"
        _clear(on)
        on.directory.mkdir(parents=True, exist_ok=True)
        sources = _copy_source(on)
        _remember(on, plan)
        with BuildLog(log_path, lambda line: on.log(self.name, line)) as log:
            on.activity(self.name, "build dependencies")
            log.heading(f"{on.source.name} {on.source.version} for {on.name}: "
                        f"{on.strategy} ({on.strategy_reason})")  # fmt: skip
            layer = dependencies(on, plan, log)
            _remember(on, plan, layer)
            on.activity(self.name, "dpkg-buildpackage")
            built, wheels = carry_out(
                on, plan, layer, scratch=on.scratch, output=on.directory, log=log
            )
        forget_record(on.directory)
        remove_tree(on.directory / BEFORE)
        return Outcome(
            outputs=[*built.files, *sources, log_path],
            details=BuildDetails(
                strategy=str(on.strategy),
                layer=layer.id,
                log=str(log_path.relative_to(on.job.dist)),
                log_lines=log.lines,
                wheels=wheels.made,
            ),
            cpu_seconds=built.cpu_seconds + wheels.cpu_seconds,
        )

    def run(self, on: TargetRun) -> bool:
        """Build the target; on a failed cross build fall back to emulation where allowed."""
        scratch = on.stack.enter_context(on.job.roots.cache.scratch("build"))
        may_fall_back = _may_fall_back(on)
        known = on.finished.find(CROSS, _all_inputs(on)) if may_fall_back else None
        if known is not None and not on.job.force:
            return self._fall_back(on, scratch, known.result)
        _forget_untested(on)
        if self._attempt(on, scratch / "first"):
            return True
        if (on.directory / BEFORE).is_dir():
            aside = shown(on.directory / BEFORE)
            on.job.note(f"{on.name}: the packages of the build before are in {aside}")
        if not may_fall_back or not _worth_emulating(on.stages[-1]):
            return False
        failed, inputs = on.stages.pop(), _all_inputs(on)
        if (log := on.directory / "build.log").exists():
            log.replace(on.directory / CROSS_LOG)
        built = self._fall_back(on, scratch, failed)
        if built:
            # Or the next run would try the cross build again before finding nothing to do.
            on.finished.write(CROSS, inputs, [], failed)
        return built

    def _fall_back(self, on: TargetRun, scratch: Path, failed: StageResult) -> bool:
        """Build emulated after all; the report says what became of the cross build."""
        assert failed.error is not None
        on.strategy = Strategy.EMULATED
        on.strategy_reason = f"cross failed ({failed.error.code}); fell back to emulated"
        on.job.note(f"{on.name}: {on.strategy_reason}, see {CROSS_LOG}")
        return self._attempt(on, scratch / "second")

    def _attempt(self, on: TargetRun, scratch: Path) -> bool:
        scratch.mkdir(mode=0o755)
        on.scratch = scratch
        if builds_nothing(plan_of(on)):
            on.skip(self.name, why_nothing(on), BuildDetails(done_by=builder_of(on)))
            return True
        result, _ = perform(self, on)
        on.stages.append(result)
        return result.status.ok


def builds_nothing(plan: BuildPlan) -> bool:
    """Whether all packages are of architecture `all`, and another target builds those."""
    return not (plan.with_all or plan.with_any)


def builder_of(on: TargetRun) -> str | None:
    """The target that builds the `all` packages of a suite; None where it has none of these."""
    if not on.source.has_all:
        return None
    suite = on.target.target.suite
    targets = (t for t in on.job.plan.targets if t.target.suite == suite and t.build_all)
    return next((str(t.target) for t in targets), None)


def why_nothing(on: TargetRun) -> str:
    """Why a target has no build of its own."""
    if (builder := builder_of(on)) is not None:
        return f"built by {builder}: its packages are for all architectures"
    has = " ".join(sorted(on.source.architectures))
    return f"nothing to build for {on.target.target.arch}: debian/control has packages for {has}"


def plan_of(on: TargetRun) -> BuildPlan:
    """How the target is built, after a fallback that of the build that worked."""
    return on.job.plan.build_plan(on.target, on.source, on.strategy)


def build_inputs(on: TargetRun, plan: BuildPlan) -> dict[str, Any]:
    """All that a build of the target depends on, but for the roots it is built in."""
    return {
        **common_inputs(on.job),
        "dsc": on.source.digest(),
        "machine": str(plan.machine),
        "strategy": str(plan.strategy),
        "kinds": plan.kind_option(),
        "profiles": list(plan.profiles),
        "options": list(plan.options),
        "environment": on.job.plan.config.build.environment,
    }


def root_inputs(on: TargetRun, plan: BuildPlan) -> dict[str, Any]:
    """The roots that a build of the target depends on, as far as they are there."""
    wheels = wheel_inputs(on.job, on.target, on.source)
    return {"base": base_id(on.job, plan.machine), **wheels}


def _all_inputs(on: TargetRun) -> dict[str, Any]:
    plan = plan_of(on)
    return {**build_inputs(on, plan), **root_inputs(on, plan)}


def carry_out(
    on: TargetRun,
    plan: BuildPlan,
    layer: Layer,
    *,
    scratch: Path,
    output: Path,
    log: BuildLog,
    workplace: Workplace = USUAL,
) -> tuple[Built, Wheels]:
    """Build the target's source by `plan`, as its project says, with the wheels it may use."""
    config = on.job.plan.config.build
    wheels = compiled_wheels(on.job, on.target, on.source, scratch, log)
    built = build_binary(
        on.source, plan, layer, scratch=scratch, output=output, log=log,
        environment={**config.environment, **wheels.environment}, binds=wheels.binds,
        timeout=config.timeout_minutes * 60, workplace=workplace,
    )  # fmt: skip
    return built, wheels


def dependencies(on: TargetRun, plan: BuildPlan, log: BuildLog) -> Layer:
    """The layer with the build dependencies; UnmetBuildDependency where apt cannot find them."""
    return build_dependencies(on.job.roots, on.source, plan, log)


def _worth_emulating(failed: StageResult) -> bool:
    """Whether a build under emulation may succeed where this cross build has failed.

    Not where something is missing on the machine or in the archive: emulation brings none of it,
    and what is remembered of the failure would keep later runs from trying the cross build again.
    Not where time ran out, which emulation takes more of; nor for a wheel, which was tried both
    ways.
    """
    code = failed.error.code if failed.error else ""
    if failed.details.exit_code is ExitCode.MISSING or code == "build/timeout":
        return False
    return not code.startswith("wheelhouse/")


def _may_fall_back(on: TargetRun) -> bool:
    if on.strategy is not Strategy.CROSS or not on.job.plan.config.targets.fallback:
        return False
    if on.target.choice.asked:
        return False
    return on.job.plan.host.obstacle(on.target.target.arch) is None


def inputs_of_tests(on: TargetRun) -> dict[str, Any]:
    """What the tests of the packages that are there depend on."""
    return {
        **common_inputs(on.job),
        "built": digests(sorted(on.directory.glob("*.deb"))),
        "emulator": str(on.job.plan.host.obstacle(on.target.target.arch)),
    }


def _forget_untested(on: TargetRun) -> None:
    """A cross build whose tests have no result is done again: they need its tree."""
    if on.strategy is Strategy.CROSS and on.finished.find(TEST, inputs_of_tests(on)) is None:
        on.finished.forget("build")


def _remember(on: TargetRun, plan: BuildPlan, layer: Layer | None = None) -> None:
    """What the build is about to be; it stays there, next to the source, when it fails."""
    record = FailedStage(
        target=on.name, stage="build", strategy=str(plan.strategy),
        command=tuple(build_command(plan)), directory=f"/{HOME}/{tree_name(on.source)}",
        environment=build_environment(plan, on.job.plan.config.build.environment),
        layer=layer.id if layer else None, dsc=on.source.dsc.name,
    )  # fmt: skip
    write_record(on.directory, record)


def _clear(on: TargetRun) -> None:
    """Set aside what an earlier build made: it would be taken for new if this one fails half-way.

    It goes once this build has made what replaces it.
    """
    aside = on.directory / BEFORE
    whole = on.changes is not None
    if whole:
        remove_tree(aside)
        aside.mkdir(parents=True)
    kept = {"stages.json"}
    if on.strategy is not on.target.strategy:
        kept.add(CROSS_LOG)  # of the cross build that this one stands in for
    for path in on.directory.glob("*"):
        if path.is_file() and path.name not in kept:
            if whole:
                path.rename(aside / path.name)
            else:
                path.unlink()


def _copy_source(on: TargetRun) -> list[Path]:
    """Copy the source package to the target's directory: it is complete by itself."""
    copies = []
    for path in (on.source.dsc, *on.source.files):
        copy = on.directory / path.name
        share(path, copy)
        copies.append(copy)
    return copies
