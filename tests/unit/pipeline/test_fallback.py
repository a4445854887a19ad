"""A cross build that fails: when it is built emulated instead, what is said, and what is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from debwright.build.binary import Built, PackageBuildError
from debwright.build.depends import BuildPlan, UnmetBuildDependency
from debwright.config import Config, LoadedConfig
from debwright.host.process import CommandError, Completed
from debwright.model.errors import MissingError
from debwright.model.events import Silent
from debwright.model.manifest import Manifest
from debwright.model.results import Status
from debwright.model.targets import Choice, HostFacts, Obstacle, Strategy, Target
from debwright.pipeline.plan import Plan, TargetPlan
from debwright.pipeline.stages.base import Job, TargetRun
from debwright.pipeline.stages.build import CROSS_LOG, BuildStage
from debwright.pipeline.stages.test import TestingStage
from debwright.pipeline.stages.wheels import Wheels
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.roots.store import Layer
from debwright.source.make import SourcePackage

FAILED = PackageBuildError("demo did not build", code="build/failed")
MADE = "demo_1-1_arm64.deb"


class Machine:
    """Builds by `outcomes`: what a strategy raises; nothing where it works."""

    def __init__(self, home: Path, **config: Any) -> None:
        (home / "demo.dsc").write_text("x")
        (home / "cache").mkdir(exist_ok=True)
        settings = {"targets": {"build": ["bookworm-arm64"], **config}}
        self.home = home
        self.loaded = LoadedConfig(config=Config.model_validate(settings), start=home)
        self.outcomes: dict[Strategy, Exception] = {}
        self.emulator: Obstacle | None = None
        self.asked = False
        self.tried: list[Strategy] = []

    def carry_out(
        self, _: TargetRun, plan: BuildPlan, *__: object, output: Path, log: Any, **___: object
    ) -> tuple[Built, Wheels]:
        self.tried.append(plan.strategy)
        log(f"built {plan.strategy}")
        if (error := self.outcomes.get(plan.strategy)) is not None:
            raise error
        (output / MADE).write_text(str(plan.strategy))
        return Built(files=(output / MADE,), cpu_seconds=1.0), Wheels()

    def run(self) -> tuple[bool, TargetRun]:
        target = Target("bookworm", "arm64")
        planned = TargetPlan(
            target=target,
            build_all=True,
            choice=Choice(strategy=Strategy.CROSS, reason="x", asked=self.asked),
        )
        plan = Plan(
            loaded=self.loaded, host=HostFacts(arch="amd64", emulated={"arm64": self.emulator}),
            package="demo", version=None, tree=None, dsc=None, targets=(planned,),
            source_digest="d",
        )  # fmt: skip
        source = SourcePackage(
            dsc=self.home / "demo.dsc", name="demo", version="1-1", files=(), binaries=("demo",),
            architectures=frozenset({"any"}),
        )  # fmt: skip
        cache = Cache(self.home / "cache")
        cache.prepare()
        job = Job(plan, self.home / "dist", Roots(cache, plan.config), Silent(),
                  place=self.home / "dist/1-1")  # fmt: skip
        build = TargetRun(job, planned, source, planned.strategy, planned.choice.reason)
        self.tried.clear()
        with build.stack:
            return BuildStage().run(build) and TestingStage().run(build), build


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Machine]:
    manifest = Manifest(name="builddeps", target="bookworm-amd64", parent=None, inputs={},
                        packages=(), created=datetime.now(UTC))  # fmt: skip
    layer = Layer(tmp_path / "layer", manifest)

    def make(**config: Any) -> Machine:
        made = Machine(tmp_path, **config)
        monkeypatch.setattr("debwright.pipeline.stages.build.carry_out", made.carry_out)
        return made

    for stage in ("build", "test"):
        monkeypatch.setattr(f"debwright.pipeline.stages.{stage}.dependencies", lambda *_: layer)
    monkeypatch.setattr("debwright.pipeline.stages.test.steps_to_test", lambda *_: [])
    return make


def test_a_failed_cross_build_is_built_emulated_and_that_is_said(
    machine: Callable[..., Machine],
) -> None:
    subject = machine()
    subject.outcomes[Strategy.CROSS] = FAILED
    ok, build = subject.run()
    assert ok
    assert subject.tried == [Strategy.CROSS, Strategy.EMULATED]
    assert (build.directory / MADE).read_text() == "emulated"
    assert build.strategy is Strategy.EMULATED
    assert build.strategy_reason == "cross failed (build/failed); fell back to emulated"
    assert build.job.notes == [f"bookworm-arm64: {build.strategy_reason}, see {CROSS_LOG}"]
    assert [(s.stage, s.status) for s in build.stages] == [("build", Status.PASSED)]
    assert "built cross" in (build.directory / CROSS_LOG).read_text()
    assert "built emulated" in (build.directory / "build.log").read_text()


def test_the_next_run_does_nothing_and_says_it_again(machine: Callable[..., Machine]) -> None:
    subject = machine()
    subject.outcomes[Strategy.CROSS] = FAILED
    subject.run()
    ok, build = subject.run()
    assert ok
    assert subject.tried == []
    assert build.stages[-1].status is Status.CACHED
    assert build.strategy is Strategy.EMULATED
    assert build.job.notes


@pytest.mark.parametrize(
    "problem",
    [
        UnmetBuildDependency("no libx-dev:arm64"),
        CommandError(Completed(argv=("apt-get",), returncode=100, output="trying to overwrite x")),
    ],
)
def test_what_cannot_be_installed_for_a_cross_build_emulation_may_have(
    machine: Callable[..., Machine], problem: Exception
) -> None:
    """Packages of two architectures may not exist beside each other."""
    subject = machine()
    subject.outcomes[Strategy.CROSS] = problem
    assert subject.run()[0]
    assert subject.tried == [Strategy.CROSS, Strategy.EMULATED]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (MissingError("the package archive could not be read"), "build/failed"),
        (OSError(28, "No space left on device"), "build/failed"),
        (PackageBuildError("too long", code="build/timeout"), "build/timeout"),
        (PackageBuildError("x did not compile", code="wheelhouse/compile"), "wheelhouse/compile"),
    ],
)
def test_what_emulation_would_not_mend_is_no_reason_for_it(
    machine: Callable[..., Machine], problem: Exception, code: str
) -> None:
    """And it is not remembered: once the mirror is back, the cross build is tried again."""
    subject = machine()
    subject.outcomes[Strategy.CROSS] = problem
    ok, build = subject.run()
    assert not ok
    assert subject.tried == [Strategy.CROSS]
    assert build.stages[-1].error is not None
    assert build.stages[-1].error.code == code
    subject.outcomes.clear()
    assert subject.run()[0]
    assert subject.tried == [Strategy.CROSS]


def without_emulator(subject: Machine) -> None:
    subject.emulator = Obstacle(why="binfmt_misc is not mounted")


def asked_for(subject: Machine) -> None:
    subject.asked = True


def switched_off(subject: Machine) -> None:
    targets = subject.loaded.config.targets.model_copy(update={"fallback": False})
    config = subject.loaded.config.model_copy(update={"targets": targets})
    subject.loaded = replace(subject.loaded, config=config)


@pytest.mark.parametrize("change", [without_emulator, asked_for, switched_off])
def test_where_there_is_no_fallback_the_cross_build_has_failed(
    machine: Callable[..., Machine], change: Callable[[Machine], None]
) -> None:
    subject = machine()
    change(subject)
    subject.outcomes[Strategy.CROSS] = FAILED
    ok, build = subject.run()
    assert not ok
    assert subject.tried == [Strategy.CROSS]
    assert [(s.stage, s.status) for s in build.stages] == [("build", Status.FAILED)]


def test_a_cross_build_that_works_again_leaves_no_log_of_the_one_that_failed(
    machine: Callable[..., Machine],
) -> None:
    subject = machine()
    subject.outcomes[Strategy.CROSS] = FAILED
    _, build = subject.run()
    assert (build.directory / CROSS_LOG).exists()
    subject.outcomes.clear()
    (subject.home / "demo.dsc").write_text("mended")
    ok, build = subject.run()
    assert ok
    assert subject.tried == [Strategy.CROSS]
    assert not (build.directory / CROSS_LOG).exists()
    assert (build.directory / MADE).read_text() == "cross"


def test_a_build_that_fails_keeps_the_packages_of_the_one_before(
    machine: Callable[..., Machine], tmp_path: Path
) -> None:
    subject = machine(fallback=False)
    directory = tmp_path / "dist/1-1/bookworm-arm64"
    directory.mkdir(parents=True)
    for name in (MADE, "demo_1-1_arm64.changes"):
        (directory / name).write_text("before")
    subject.outcomes = {Strategy.CROSS: FAILED}
    for _ in range(2):
        built, on = subject.run()
        assert not built
        assert not (directory / MADE).exists()
        assert (directory / ".before" / MADE).read_text() == "before"
        assert any("packages of the build before" in note for note in on.job.notes)
    subject.outcomes = {}
    built, _ = subject.run()
    assert built
    assert not (directory / ".before").exists()
