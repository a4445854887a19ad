"""What is remembered of a run, and that remembering never fails one."""

from pathlib import Path

import pytest
from tests.kit import samples

from debwright.config import Config, LoadedConfig
from debwright.model.errors import DebwrightError, MissingError
from debwright.model.results import Finding, RunResult, Severity, StageResult, Status, Usage
from debwright.observe.metrics import place
from debwright.observe.metrics.hook import remember, remember_broken, store_path
from debwright.observe.metrics.model import RunRecord, parse
from debwright.observe.metrics.store import Store
from debwright.pipeline.stages.diagnosis import diagnosis_of


def loaded(directory: Path, text: str = "") -> LoadedConfig:
    import tomllib

    return LoadedConfig(config=Config.model_validate(tomllib.loads(text)), start=directory)


def recorded(tmp_path: Path, *results: RunResult) -> list[RunRecord]:
    notes: list[str] = []
    for result in results:
        remember(loaded(tmp_path), tmp_path, result, notes.append, cache_bytes=7)
    assert notes == []
    with Store.open(store_path(loaded(tmp_path), tmp_path), create=False) as store:
        found = [parse(line) for line in store.documents()]
    return [r for r in found if isinstance(r, RunRecord)]


def test_a_run_as_it_was(tmp_path: Path) -> None:
    (record,) = recorded(tmp_path, samples.passing())
    assert record.package == "greeter"
    assert record.result == "passed"
    assert record.cache_bytes == 7
    assert record.peak_memory_bytes
    first = record.targets[0]
    assert first.packages["greeter"] > 0
    assert first.measurements["service.start_seconds"] == 0.41
    assert first.checks["service"] == "passed"
    assert first.stages[0].seconds == 18.2


def test_why_it_failed(tmp_path: Path) -> None:
    (record,) = recorded(tmp_path, samples.failing_build())
    bad = next(t for t in record.targets if t.result == "failed")
    assert bad.failed_stage == "build"
    assert bad.code
    assert bad.message
    assert bad.next
    assert not bad.infrastructure


def test_failures_of_the_machine_are_told_apart(tmp_path: Path) -> None:
    result = samples.passing()
    stage = StageResult(
        stage="build", status=Status.FAILED, details={"exit_code": 5},
        error=Finding(severity=Severity.ERROR, code="build/failed", message="no mirror"),
        usage=Usage(retries=2, fetched_bytes=5, layers_made=1),
    )  # fmt: skip
    first = result.targets[0].model_copy(update={"stages": (stage,), "checks": ()})
    (record,) = recorded(tmp_path, result.model_copy(update={"targets": (first,)}))
    assert record.targets[0].infrastructure
    assert record.targets[0].stages[0].retries == 2
    assert record.targets[0].stages[0].fetched_bytes == 5


@pytest.mark.parametrize(
    ("said", "code", "machine"),
    [("cc1: error writing to /tmp/x.s: No space left on device", "3001", True),
     ("main.c:1:10: fatal error: zlib.h: No such file or directory", "1101", False),
     ("curl: (6) Could not resolve host: gizmo.example.org", "3010", False)],
)  # fmt: skip
def test_what_a_diagnosis_says_is_remembered(
    tmp_path: Path, said: str, code: str, *, machine: bool
) -> None:
    """dpkg-buildpackage ends with the same status for a full disk and a missing header."""
    (tmp_path / "build.log").write_text(f"{said}\nmake: *** [Makefile:2: x] Error 1\n")
    error = Finding(severity=Severity.ERROR, code="build/failed", message="it failed")
    stage = StageResult(
        stage="build", status=Status.FAILED, error=error,
        details={"exit_code": 3, "diagnosis": diagnosis_of("build", tmp_path, error, ())},
    )  # fmt: skip
    result = samples.passing()
    first = result.targets[0].model_copy(update={"stages": (stage,), "checks": ()})
    (record,) = recorded(tmp_path, result.model_copy(update={"targets": (first,)}))
    assert [p.code for p in record.targets[0].problems] == [code]
    assert record.targets[0].problems[0].confidence > 0.5
    assert record.targets[0].infrastructure is machine


def test_what_was_cached_costs_nothing(tmp_path: Path) -> None:
    (record,) = recorded(tmp_path, samples.cached())
    assert record.result == "cached"
    assert {t.seconds for t in record.targets} == {0}


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_hostile_texts_are_recorded_harmlessly(tmp_path: Path, text: str) -> None:
    (record,) = recorded(tmp_path, samples.hostile(text))
    assert all(c.isprintable() for c in record.model_dump_json())


def test_nothing_fails_a_run(tmp_path: Path) -> None:
    notes: list[str] = []
    (tmp_path / "metrics").write_text("a file in the way")
    remember(loaded(tmp_path), tmp_path, samples.passing(), notes.append)
    assert "not recorded" in notes[0]
    broken = samples.passing().model_copy(update={"seconds": float("nan")})
    remember(loaded(tmp_path, '[metrics]\npath = "m.sqlite"'), tmp_path, broken, notes.append)
    assert "not recorded" in notes[1]
    remember(loaded(tmp_path, "[metrics]\nenabled = false"), tmp_path, broken, notes.append)
    assert len(notes) == 2


def test_a_run_without_a_result_is_remembered_too(tmp_path: Path) -> None:
    error: DebwrightError = MissingError("the disk is full")
    begun = samples.BEGIN
    remember_broken(
        loaded(tmp_path), tmp_path, error, print, names=("greeter", "1.0-1"), started=begun
    )
    with Store.open(store_path(loaded(tmp_path), tmp_path)) as store:
        record = parse(next(store.documents()))
    assert isinstance(record, RunRecord)
    assert record.result == "failed"
    assert record.stages[0].code == "MissingError"


def test_the_branch_is_found_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    assert place.branch_of(tmp_path / "nowhere") is None
    (tmp_path / "a/.git").mkdir(parents=True)
    (tmp_path / "a/.git/HEAD").write_text("ref: refs/heads/feature/x\n")
    (tmp_path / "a/deep").mkdir()
    assert place.branch_of(tmp_path / "a/deep") == "feature/x"
    (tmp_path / "a/.git/HEAD").write_text("0" * 40)
    assert place.branch_of(tmp_path / "a") is None
    (tmp_path / "b").mkdir()
    (tmp_path / "b/.git").write_text("gitdir: ../a/.git/worktrees/b\n")
    (tmp_path / "a/.git/worktrees/b").mkdir(parents=True)
    (tmp_path / "a/.git/worktrees/b/HEAD").write_text("ref: refs/heads/tree\n")
    assert place.branch_of(tmp_path / "b") == "tree"
    monkeypatch.setenv("GITHUB_HEAD_REF", "pull")
    assert place.branch_of(tmp_path) == "pull"
    assert place.ci_run() is None
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/greeter")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    run = place.ci_run()
    assert run is not None
    assert run.key == "github:example/greeter:7:2"
    assert "github" in place.machine_class("amd64 debian 12")
