"""The order of a run, what it needs before it begins, and how it ends."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kit.stages import Heard, Version, job, passed, plan, run_result, source, target

from debwright.config import Config, LoadedConfig
from debwright.model.details import BuildDetails, StageDetails
from debwright.model.errors import DebwrightError, MissingError
from debwright.model.fix import Setup
from debwright.model.results import (
    RunResult,
    StageResult,
    Status,
)
from debwright.model.targets import HostFacts, Obstacle, Strategy
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.run import exclusive, exit_code, rank, run, run_target
from debwright.pipeline.stages.base import Job, TargetRun, Wanted
from debwright.pipeline.stages.build import BuildStage
from debwright.pipeline.stages.publish import Published
from debwright.pipeline.stages.source import SourceStage
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.systems.nspawn import NspawnSystem


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        ((), 0),
        ((("build", 3),), 3),
        ((("check", 4),), 4),
        ((("check", 4), ("build", 3)), 3),
        ((("build", 5), ("check", 4)), 4),
        ((("build", 5), ("build", 1)), 5),
        ((("build", None),), 1),
    ],
)
def test_a_run_ends_with_the_code_of_what_matters_most(
    failed: tuple[tuple[str, int | None], ...], code: int
) -> None:
    assert exit_code(run_result(*failed)) == code


def test_what_is_not_proven_fails_the_run_that_should_publish() -> None:
    reason = "bookworm-amd64 is not proven to work: install: needs root"
    skipped = StageResult(
        stage="publish", status=Status.SKIPPED, reason=reason, details={"exit_code": 4}
    )
    assert exit_code(run_result(whole=(skipped,))) == 4
    other = skipped.model_copy(update={"details": StageDetails()})
    assert exit_code(run_result(whole=(other,))) == 0
    source = StageResult(stage="source", status=Status.FAILED, details={"exit_code": 2})
    assert exit_code(run_result(whole=(source,))) == 2


def test_one_debwright_works_in_a_directory_at_a_time(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "dist"),
        pytest.raises(DebwrightError, match="another debwright is working"),
        exclusive(tmp_path / "dist"),
    ):
        pass
    with exclusive(tmp_path / "dist"):
        pass


@pytest.mark.parametrize(
    ("architectures", "first"),
    [(("any",), ["bookworm-arm64", "bookworm-amd64"]),
     (("any", "all"), ["bookworm-amd64", "bookworm-arm64"])],
)  # fmt: skip
def test_emulated_targets_begin_first_unless_they_wait_for_another(
    tmp_path: Path, architectures: tuple[str, ...], first: list[str]
) -> None:
    subject = job(tmp_path)
    subject.sources["bookworm"] = source(*architectures)
    targets = [target("bookworm-amd64", Strategy.NATIVE),
               target("bookworm-arm64", Strategy.CROSS, build_all=False)]  # fmt: skip
    assert [str(t.target) for t in sorted(targets, key=lambda t: rank(subject, t))] == first


class Elsewhere(NspawnSystem):
    """A machine of its own."""

    kind = "ssh"
    own_root = False


BROKEN = Obstacle(why="disabled", fix=Setup("update-binfmts", "--enable", "qemu-aarch64"))


@pytest.mark.parametrize(
    ("facts", "environment", "wanted", "built"),
    [
        ({"arm64": BROKEN}, NspawnSystem(), Wanted(), False),
        ({"arm64": BROKEN}, NspawnSystem(), Wanted(check=False), True),
        ({"arm64": BROKEN}, Elsewhere(), Wanted(), True),
        ({"arm64": None}, NspawnSystem(), Wanted(), True),
    ],
)
def test_a_missing_emulator_is_reported_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, facts: dict[str, Obstacle | None],
    environment: NspawnSystem, wanted: Wanted, built: bool,
) -> None:  # fmt: skip
    """A cross build does not need it, its checks do."""
    asked: list[str] = []
    monkeypatch.setattr(BuildStage, "run", lambda _, on: asked.append(on.name))
    made = plan(tmp_path, "bookworm-arm64", host=HostFacts(arch="amd64", emulated=facts))
    subject = Job(made, tmp_path, Roots(Cache(tmp_path), made.config), Heard(),
                  environment=environment, place=tmp_path / "1",
                  sources={"bookworm": source("any")})  # fmt: skip
    subject.all_built["bookworm"] = threading.Event()
    result = run_target(subject, made.targets[0], wanted)
    assert asked == (["bookworm-arm64"] if built else [])
    assert subject.all_built["bookworm"].is_set()
    if not built:
        assert [(s.stage, s.status) for s in result.stages] == [
            ("build", Status.SKIPPED), ("check", Status.FAILED)
        ]  # fmt: skip
        told = result.stages[-1].error
        assert told is not None
        assert told.fix is BROKEN.fix
        assert exit_code(run_result().model_copy(update={"targets": (result,)})) == 5


def test_a_target_whose_packages_another_builds_says_which(tmp_path: Path) -> None:
    made = plan(tmp_path, "bookworm-amd64", "bookworm-arm64")
    targets = (target("bookworm-amd64", Strategy.NATIVE),
               target("bookworm-arm64", Strategy.CROSS, build_all=False))  # fmt: skip
    cache = Cache(tmp_path)
    cache.prepare()
    subject = Job(replace(made, targets=targets), tmp_path, Roots(cache, made.config), Heard(),
                  place=tmp_path / "1")  # fmt: skip
    reason = target("bookworm-arm64", Strategy.CROSS).choice.reason
    on = TargetRun(subject, targets[1], source("all"), Strategy.CROSS, reason)
    assert BuildStage().run(on)
    (built,) = on.stages
    assert built.status is Status.SKIPPED
    assert built.details == BuildDetails(done_by="bookworm-amd64")
    assert built.reason == "built by bookworm-amd64: its packages are for all architectures"


def test_a_key_that_lacks_is_told_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing = {"key": "A" * 40, "key_env": "A_KEY_THAT_IS_NOT_SET"}
    config = Config.model_validate({"signing": signing})
    made = plan(tmp_path, loaded=LoadedConfig(config=config, start=tmp_path), version=Version())
    monkeypatch.setattr(SourceStage, "run", lambda *_: passed("source"))
    monkeypatch.setattr("debwright.pipeline.run._targets", lambda *_: [])

    def go(*, publish: bool) -> RunResult:
        subject = Job(made, tmp_path / "dist", Roots(Cache(tmp_path), config), Heard())
        return run(subject, Wanted(publish=publish))

    with pytest.raises(MissingError, match="A_KEY_THAT_IS_NOT_SET is not set"):
        go(publish=True)
    assert not (tmp_path / "dist").exists()
    (tmp_path / "dist").mkdir()
    assert go(publish=False).ok, "who only builds needs no key"
    # What was published before may be all there is to do.
    FinishedStages(tmp_path / "dist/1.2-1").write("publish", {}, [], passed("publish"))
    monkeypatch.setattr("debwright.pipeline.run._publish", lambda *_: Published(stage=passed()))
    assert go(publish=True).ok
