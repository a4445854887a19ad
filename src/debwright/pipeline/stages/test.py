"""The test stage: a cross-built package's own tests, which its build could not run."""

from pathlib import Path
from typing import Any

from debwright.build.binary import run_tests, steps_to_test
from debwright.build.depends import BuildPlan
from debwright.build.log import BuildLog
from debwright.model.details import TestingDetails
from debwright.model.results import Status
from debwright.model.targets import Strategy, Target
from debwright.observe.report.timeline import Color
from debwright.pipeline.stages.base import Outcome, TargetRun, TargetStage
from debwright.pipeline.stages.build import TEST, dependencies, inputs_of_tests, plan_of


class TestingStage(TargetStage):
    """The build-time tests of a cross-built package, under emulation."""

    name = TEST
    color = Color.VIOLET
    does = "runs a cross-built package's own tests under emulation, without compiling again"
    builds = True

    def inputs(self, on: TargetRun) -> dict[str, Any]:
        return inputs_of_tests(on)

    def run(self, on: TargetRun) -> bool:
        if on.strategy is not Strategy.CROSS or on.stages[-1].status is Status.SKIPPED:
            return True
        return super().run(on)

    def work(self, on: TargetRun) -> Outcome:
        assert on.scratch is not None
        problem = on.job.plan.host.obstacle(on.target.target.arch)
        if problem is not None:
            return Outcome(
                skipped=f"the package was cross-built and its tests cannot run: {problem}"
            )
        tree = _built_tree(on.scratch)
        # The package had this directory in its hands; a link could lead anywhere on this machine.
        if tree is None or tree.is_symlink() or not tree.is_dir():
            return Outcome(skipped="the build left no tree to test")
        scratch, plan, log_path = on.scratch.parent, _native_plan(on), on.directory / "test.log"
        for name in ("steps", "test"):
            (scratch / name).mkdir(mode=0o755)
        with BuildLog(log_path, lambda line: on.log(self.name, line)) as log:
            # Asked where it was built: many minutes of installation under emulation can be spared.
            layer = dependencies(on, plan_of(on), log)
            steps = steps_to_test(on.source, tree, layer, plan, scratch / "steps")
            if not steps:
                return Outcome(
                    skipped="debian/rules has no dh_auto_test step that could be run on its own"
                )
            on.activity(self.name, "build dependencies under emulation")
            layer = dependencies(on, plan, log)
            on.activity(self.name, "tests under emulation")
            run_tests(on.source, tree, steps, layer, plan, scratch=scratch / "test", log=log)
        log_name = str(log_path.relative_to(on.job.dist))
        return Outcome(outputs=[log_path], details=TestingDetails(log=log_name, emulated=True))


def _built_tree(scratch: Path) -> Path | None:
    """The source tree as the cross build left it, in the overlay's upper directory."""
    home = scratch / "upper/build"
    found = [p for p in home.glob("*/debian") if p.is_dir() and not p.parent.is_symlink()]
    return found[0].parent if found else None


def _native_plan(on: TargetRun) -> BuildPlan:
    config = on.job.plan.config.build
    return BuildPlan(
        source=on.source.name,
        target=on.target.target,
        strategy=Strategy.EMULATED,
        machine=Target(on.target.target.suite, on.target.target.arch),
        with_all=on.target.build_all and on.source.has_all,
        with_any=True,
        profiles=tuple(config.profiles),
        options=tuple(config.options),
    )
