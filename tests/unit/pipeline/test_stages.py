"""The ledger, the stages around it, the plan, and how a run ends."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.debs import make_deb

from debwright.checks.engine import policy
from debwright.checks.engine.base import SHARED
from debwright.config import Config, LoadedConfig
from debwright.host.process import Interrupted
from debwright.model.details import CheckDetails, StageDetails
from debwright.model.errors import BuildError, DebwrightError, ExitCode, MissingError
from debwright.model.events import Silent
from debwright.model.fix import Setup
from debwright.model.results import (
    CheckResult,
    Finding,
    RunResult,
    Severity,
    StageResult,
    Status,
    TargetResult,
)
from debwright.model.targets import Choice, HostFacts, Obstacle, Strategy, Target
from debwright.observe.report.timeline import Color
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.plan import Plan, TargetPlan
from debwright.pipeline.planning import with_all
from debwright.pipeline.run import exclusive, exit_code, rank, run, run_target
from debwright.pipeline.stages.base import Job, Outcome, Stage, TargetRun, Wanted, perform
from debwright.pipeline.stages.build import BuildStage
from debwright.pipeline.stages.check import AROUND, CheckStage
from debwright.pipeline.stages.publish import Published
from debwright.pipeline.stages.sbom import SbomStage
from debwright.pipeline.stages.source import SourceStage
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.source.make import SourcePackage
from debwright.systems.nspawn import NspawnSystem


def passed(stage: str = "build") -> StageResult:
    return StageResult(stage=stage, status=Status.PASSED, details={"log_lines": 3})


@pytest.fixture
def ledger(tmp_path: Path) -> FinishedStages:
    (tmp_path / "demo.deb").write_text("deb")
    made = FinishedStages(tmp_path)
    made.write("build", {"source": "a"}, [tmp_path / "demo.deb"], passed())
    return made


def test_the_same_inputs_with_outputs_intact_are_found(ledger: FinishedStages) -> None:
    record = FinishedStages(ledger.directory).find("build", {"source": "a"})
    assert record is not None
    assert record.result == passed()
    assert ledger.stages() == ["build"]


def test_other_inputs_are_not(ledger: FinishedStages) -> None:
    assert ledger.find("build", {"source": "b"}) is None
    assert ledger.find("check", {"source": "a"}) is None


@pytest.mark.parametrize(
    "harm",
    [
        lambda p: p.write_text("other"),
        lambda p: p.unlink(),
        lambda p: (p.unlink(), p.mkdir()),
        lambda p: (p.unlink(), p.symlink_to("nowhere")),
    ],
)
def test_an_output_altered_or_gone_is_done_again(
    ledger: FinishedStages, harm: Callable[[Path], object]
) -> None:
    harm(ledger.directory / "demo.deb")
    assert ledger.find("build", {"source": "a"}) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"x"', b'{"build": 1}', b'{"build": {}}', b"\xff\xfe"]
)
def test_what_cannot_be_read_is_as_if_nothing_was_finished(
    ledger: FinishedStages, content: bytes
) -> None:
    (ledger.directory / "stages.json").write_bytes(content)
    assert ledger.find("build", {"source": "a"}) is None
    assert ledger.stages() == []
    ledger.write("test", {}, [], passed("test"))
    assert ledger.stages() == ["test"]


def test_forgetting_one_stage_keeps_the_others(ledger: FinishedStages) -> None:
    ledger.write("check", {}, [], passed("check"))
    ledger.forget("build")
    ledger.forget("never done")
    assert ledger.stages() == ["check"]


class Heard(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def stage_started(self, target: str | None, stage: str) -> None:
        self.events.append(f"started {stage} of {target}")

    def stage_finished(self, target: str | None, result: StageResult) -> None:
        self.events.append(f"{result.status} {result.stage} of {target}")


def plan(tmp_path: Path, *targets: str, build: tuple[str, ...] | None = None, **more: Any) -> Plan:
    chosen = [Target.parse(t) for t in targets or ("bookworm-amd64",)]
    choices = [Choice(strategy=Strategy.NATIVE, reason="x") for _ in chosen]
    config = Config.model_validate({"targets": {"build": list(build or targets)}}
                                   if targets else {})  # fmt: skip
    values: dict[str, Any] = {
        "loaded": LoadedConfig(config=config, start=tmp_path),
        "host": HostFacts(arch="amd64"), "package": "demo", "version": None, "tree": None,
        "dsc": None, "targets": with_all(chosen, choices), "source_digest": "d",
    }  # fmt: skip
    return Plan(**{**values, **more})


def job(tmp_path: Path, **more: Any) -> Job:
    made = plan(tmp_path)
    return Job(made, tmp_path / "dist", Roots(Cache(tmp_path), made.config), Heard(), **more)


@dataclass(frozen=True)
class Part:
    """What the stage of these tests works on."""

    job: Job
    finished: FinishedStages
    name: str = "bookworm-amd64"


class Given(Stage[Part]):
    """A stage whose work and inputs a test gives."""

    name = "test"
    color = Color.GREY
    does = "what it is given"

    def __init__(self, work: Callable[[], Outcome], inputs: str) -> None:
        self._work, self._inputs = work, inputs

    def inputs(self, on: Part) -> dict[str, Any]:  # noqa: ARG002
        return {"n": self._inputs}

    def work(self, on: Part) -> Outcome:  # noqa: ARG002
        return self._work()


def do(
    subject: Job, ledger: FinishedStages, work: Callable[[], Outcome], inputs: str = "a"
) -> StageResult:
    result, _ = perform(Given(work, inputs), Part(subject, ledger))
    return result


def passing_through(subject: Job, target: TargetPlan | None = None) -> TargetRun:
    chosen = target or subject.plan.targets[0]
    return TargetRun(subject, chosen, source("any"), chosen.strategy, chosen.choice.reason)


def never() -> Outcome:
    raise AssertionError("done again")


def test_what_was_done_is_cached_until_its_inputs_change(tmp_path: Path) -> None:
    ledger, subject = FinishedStages(tmp_path), job(tmp_path)
    assert do(subject, ledger, Outcome).status is Status.PASSED
    again = do(subject, ledger, never)
    assert again.status is Status.CACHED
    assert again.reason
    with pytest.raises(AssertionError):
        do(subject, ledger, never, inputs="b")
    assert isinstance(subject.reporter, Heard)
    assert subject.reporter.events == [
        f"{what} test of bookworm-amd64" for what in ("started", "passed", "cached", "started")
    ]  # fmt: skip


def test_a_root_that_the_checks_made_is_no_reason_to_do_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run on a machine has no root of a target that was cross-compiled."""
    subject = job(tmp_path, place=tmp_path / "dist/1.0-1")
    roots: list[SimpleNamespace] = []
    monkeypatch.setattr(
        "debwright.roots.store.LayerStore.find",
        lambda *_: (roots[0] if roots else None, "not made yet"),
    )

    def checks(*_: object) -> list[CheckResult]:
        roots.append(SimpleNamespace(id="made meanwhile"))
        return [CheckResult(name="install", status=Status.PASSED)]

    monkeypatch.setattr("debwright.checks.run.run_checks", checks)
    (target,) = subject.plan.targets
    directory = subject.directory(target)
    directory.mkdir(parents=True)
    for expected in (Status.PASSED, Status.CACHED):
        assert perform(CheckStage(), passing_through(subject))[0].status is expected


def checked(subject: Job, monkeypatch: pytest.MonkeyPatch) -> Status:
    """Of the check stage, with checks that always pass."""
    monkeypatch.setattr(
        "debwright.checks.run.run_checks",
        lambda *_: [CheckResult(name="install", status=Status.PASSED)],
    )
    (target,) = subject.plan.targets
    subject.directory(target).mkdir(parents=True, exist_ok=True)
    return perform(CheckStage(), passing_through(subject))[0].status


@pytest.mark.parametrize(
    "change",
    [
        {"smoke": ["demo --version"]},
        {"minimum": {"smoke": ["demo --version"]}},
        {"limits": {"deb_mb": 1}},
        {"hardening": {"pie": "warn"}},
        {"environments": {"install_on": ["trixie-amd64"]}},
    ],
)
def test_what_the_checks_are_told_otherwise_has_them_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    def of(values: dict[str, Any]) -> Status:
        config = Config.model_validate({"targets": {"build": ["bookworm-amd64"]}, **values})
        loaded = LoadedConfig(config=config, start=tmp_path)
        made = plan(tmp_path, loaded=loaded)
        subject = Job(made, tmp_path / "dist", Roots(Cache(tmp_path), config), Heard(),
                      place=tmp_path / "dist/1.0-1")  # fmt: skip
        return checked(subject, monkeypatch)

    assert of({}) is Status.PASSED
    assert of({"signing": {"key": "A" * 40}, "cache": {"max_gb": 5}}) is Status.CACHED
    assert of(change) is Status.PASSED
    assert of(change) is Status.CACHED


def test_every_table_counts_for_the_checks_or_is_known_not_to() -> None:
    """A new one would else be changed without anything being checked again."""
    others = {
        "package", "targets", "companions", "equivalence", "resources", "signing", "repository",
        "release", "notify", "metrics", "roots", "cache", "build", "wheelhouse", "workflows",
    }  # fmt: skip
    assert set(Config.model_fields) == AROUND | SHARED | set(policy.SETTINGS) | others


def test_what_an_ordinary_user_could_not_check_root_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = job(tmp_path, place=tmp_path / "dist/1.0-1")
    for root, expected in (
        (False, Status.PASSED), (False, Status.CACHED), (True, Status.PASSED), (True, Status.CACHED)
    ):  # fmt: skip
        monkeypatch.setattr("debwright.systems.nspawn.is_root", lambda root=root: root)
        assert checked(subject, monkeypatch) is expected


def test_force_does_it_again(tmp_path: Path) -> None:
    ledger = FinishedStages(tmp_path)
    do(job(tmp_path), ledger, Outcome)
    with pytest.raises(AssertionError):
        do(job(tmp_path, force=True), ledger, never)


def test_what_is_begun_again_no_longer_counts(tmp_path: Path) -> None:
    """Or a run that is killed half-way would leave the old result for the new files."""
    ledger, subject = FinishedStages(tmp_path), job(tmp_path)
    do(subject, ledger, Outcome)
    with pytest.raises(AssertionError):
        do(subject, ledger, never, inputs="b")
    assert ledger.stages() == []


@pytest.mark.parametrize(
    ("error", "code", "exit_status"),
    [
        (BuildError("x"), "test/failed", 3),
        (MissingError("x"), "test/failed", 5),
        (OSError(28, "No space left on device"), "test/failed", 5),
        (PermissionError(13, "Permission denied", "/dist"), "test/failed", 1),
    ],
)
def test_a_failure_is_a_result_and_not_remembered(
    tmp_path: Path, error: Exception, code: str, exit_status: int
) -> None:
    def fails() -> Outcome:
        raise error

    ledger, subject = FinishedStages(tmp_path), job(tmp_path)
    result = do(subject, ledger, fails)
    assert result.status is Status.FAILED
    assert result.error is not None
    assert result.error.code == code
    assert result.details.exit_code == exit_status
    assert ledger.stages() == []
    assert do(subject, ledger, Outcome).status is Status.PASSED


def test_an_interrupt_is_nobodys_failure(tmp_path: Path) -> None:
    def interrupted() -> Outcome:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        do(job(tmp_path), FinishedStages(tmp_path), interrupted)


def test_a_skip_is_remembered_as_a_skip_or_not_at_all(tmp_path: Path) -> None:
    ledger, subject = FinishedStages(tmp_path), job(tmp_path)
    first = do(subject, ledger, lambda: Outcome(skipped="no emulator"))
    assert (first.status, first.reason) == (Status.SKIPPED, "no emulator")
    again = do(subject, ledger, never)
    assert (again.status, again.reason) == (Status.SKIPPED, "no emulator")
    do(subject, ledger, lambda: Outcome(skipped="busy", remember=False), inputs="b")
    assert do(subject, ledger, Outcome, inputs="b").status is Status.PASSED


def test_results_of_a_failed_stage_are_kept(tmp_path: Path) -> None:
    finding = Finding(severity=Severity.ERROR, code="service/crashed", message="it crashed")
    details = CheckDetails(exit_code=ExitCode.CHECK)
    result = do(
        job(tmp_path), FinishedStages(tmp_path), lambda: Outcome(failed=finding, details=details)
    )
    assert result.status is Status.FAILED
    assert result.error == finding


def run_result(*failed: tuple[str, int | None], whole: tuple[StageResult, ...] = ()) -> RunResult:
    targets = tuple(
        TargetResult(
            target=f"bookworm-{n}", strategy="native", strategy_reason="x",
            stages=(StageResult(stage=stage, status=Status.FAILED,
                                details={} if code is None else {"exit_code": code}),),
        )
        for n, (stage, code) in enumerate(failed)
    )  # fmt: skip
    return RunResult(debwright="0", package="demo", version="1", started=datetime.now(UTC),
                     seconds=1, host="amd64", stages=whole, targets=targets)  # fmt: skip


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


def choices(*strategies: Strategy) -> list[Choice]:
    return [Choice(strategy=s, reason="x") for s in strategies]


def test_each_suite_has_one_target_that_builds_all() -> None:
    targets = [Target.parse(t) for t in
               ("bookworm-arm64", "bookworm-amd64", "trixie-arm64", "trixie-armhf")]  # fmt: skip
    made = with_all(targets, choices(Strategy.CROSS, Strategy.NATIVE, Strategy.CROSS,
                                      Strategy.EMULATED))  # fmt: skip
    assert [str(t.target) for t in made if t.build_all] == ["bookworm-amd64", "trixie-arm64"]


class Version:
    debian = "1.2-1"
    notes = ()
    commit = None


def version(tmp_path: Path, *targets: str, build: tuple[str, ...]) -> dict[str, str]:
    made = plan(tmp_path, *targets, build=build, version=Version())
    return {suite: made.version_for(suite) for suite in made.suites}


def test_a_version_has_a_suffix_where_suites_could_clash(tmp_path: Path) -> None:
    both = ("bookworm-amd64", "trixie-amd64")
    assert version(tmp_path, *both, build=both) == {
        "bookworm": "1.2-1~deb12u1", "trixie": "1.2-1~deb13u1",
    }  # fmt: skip
    one = ("bookworm-amd64", "bookworm-arm64")
    assert version(tmp_path, *one, build=one) == {"bookworm": "1.2-1"}


def test_the_version_of_a_target_built_alone_is_the_one_it_has_among_others(tmp_path: Path) -> None:
    both = ("bookworm-amd64", "trixie-amd64")
    assert version(tmp_path, "bookworm-amd64", build=both) == {"bookworm": "1.2-1~deb12u1"}


def source(*architectures: str) -> SourcePackage:
    return SourcePackage(dsc=Path("x.dsc"), name="demo", version="1", files=(),
                         architectures=frozenset(architectures), binaries=())  # fmt: skip


def target(name: str, strategy: Strategy, *, build_all: bool = True) -> TargetPlan:
    return TargetPlan(target=Target.parse(name), build_all=build_all,
                      choice=Choice(strategy=strategy, reason="x"))  # fmt: skip


def test_a_cross_build_has_its_profiles_and_runs_no_tests(tmp_path: Path) -> None:
    subject = plan(tmp_path)
    cross = target("bookworm-arm64", Strategy.CROSS)
    made = subject.build_plan(cross, source("any", "all"), Strategy.CROSS)
    assert made.cross
    assert (str(made.machine), str(made.target)) == ("bookworm-amd64", "bookworm-arm64")
    assert made.profiles == ("cross", "nocheck")
    assert made.options == ("nocheck",)
    fallen_back = subject.build_plan(cross, source("any"), Strategy.EMULATED)
    assert (str(fallen_back.machine), fallen_back.profiles) == ("bookworm-arm64", ())


@pytest.mark.parametrize(
    ("architectures", "build_all", "kinds"),
    [
        (("any", "all"), True, (True, True)),
        (("any", "all"), False, (False, True)),
        (("all",), True, (True, False)),
        (("all",), False, (False, False)),
        (("arm64",), True, (False, False)),
    ],
)
def test_which_kinds_of_package_a_target_builds(
    tmp_path: Path, architectures: tuple[str, ...], build_all: bool, kinds: tuple[bool, bool]
) -> None:
    native = target("bookworm-amd64", Strategy.NATIVE, build_all=build_all)
    made = plan(tmp_path).build_plan(native, source(*architectures), Strategy.NATIVE)
    assert (made.with_all, made.with_any) == kinds


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


def test_bills_of_packages_that_another_target_built_have_a_place(tmp_path: Path) -> None:
    """All of a source's packages are for every architecture: a second target builds nothing."""
    subject = job(tmp_path)
    subject.plan = plan(tmp_path, dsc=source())
    subject.roots.cache.prepare()
    (one,) = subject.plan.targets
    other = replace(one, target=Target.parse("bookworm-arm64"), build_all=False)
    subject.directory(one).mkdir(parents=True)
    deb = make_deb(subject.directory(one) / "demo_1_all.deb", arch="all")
    subject.all_packages["bookworm"] = (deb,)
    result, _ = perform(SbomStage(), passing_through(subject, other))
    assert result.status is Status.PASSED, result.error
    assert len(list(subject.directory(other).glob("*.json"))) >= 2


def test_what_is_finished_is_json_a_person_can_read(ledger: FinishedStages) -> None:
    document = json.loads((ledger.directory / "stages.json").read_text())
    assert list(document["build"]["outputs"]) == ["demo.deb"]


def test_a_record_needs_no_directory_made_before(tmp_path: Path) -> None:
    """The source stage of a .dsc writes no file of its own, but its record must be kept."""
    ledger = FinishedStages(tmp_path / "source/bookworm")
    ledger.write("source", {"a": 1}, [], StageResult(stage="source", status=Status.PASSED))
    assert ledger.find("source", {"a": 1}) is not None


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
