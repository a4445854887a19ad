"""Halving: over real commits, over values, with what cannot be judged; and what a result says."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit import samples

from debwright.cli.app import call
from debwright.host.git import NotARepository
from debwright.model.errors import UsageError
from debwright.model.results import RunResult, Status
from debwright.pipeline.bisect.search import Answer, Commits, Outcome, Try, Values, search
from debwright.pipeline.bisect.symptom import symptom_of
from debwright.pipeline.bisect.tries import Laboratory

Judge = Callable[[str], Try]


def judge(answers: Callable[[str], Answer]) -> Judge:
    return lambda name: Try(name=name, answer=answers(name), said="seen")


def find(values: Sequence[str], answers: Callable[[str], Answer]) -> Outcome:
    return search(Values(values), values[0], values[-1], judge(answers), lambda _: None)


@given(st.integers(2, 60), st.data())
def test_the_first_bad_value_is_found_in_few_tries(number: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, number - 1))
    values = [f"v{n}" for n in range(number)]
    found = find(values, lambda v: Answer.BAD if int(v[1:]) >= first else Answer.GOOD)
    assert found.culprits == (f"v{first}",)
    assert len(found.tries) <= 2 + (number - 1).bit_length()


@given(st.integers(3, 30), st.sets(st.integers(1, 28)), st.data())
def test_what_cannot_be_judged_is_passed_over(
    number: int, odd: set[int], data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, number - 1))
    odd.discard(number - 1)
    values = [f"v{n}" for n in range(number)]

    def answer(value: str) -> Answer:
        n = int(value[1:])
        if n in odd:
            return Answer.UNKNOWN
        return Answer.BAD if n >= first else Answer.GOOD

    found = find(values, answer)
    assert f"v{first}" in found.culprits
    assert {int(c[1:]) for c in found.culprits[1:]} <= odd
    assert len(found.tries) <= number, "nothing is tried twice"


def test_an_end_that_is_not_as_said_is_told_before_anything_is_halved() -> None:
    seen: list[str] = []

    def always(value: str) -> Answer:
        seen.append(value)
        return Answer.BAD

    with pytest.raises(UsageError, match="1 is bad, and was said to be good"):
        find(["1", "2", "3"], always)
    assert seen == ["3", "1"]
    with pytest.raises(UsageError, match="3 is unknown"):
        find(["1", "2", "3"], lambda _: Answer.UNKNOWN)


class Repository:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        said = ("-c", "user.name=Jo", "-c", "user.email=jo@example.org")
        argv = ["git", "-C", str(self.path), *said, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, text: str) -> str:
        (self.path / "app.txt").write_text(text)
        self.git("add", ".")
        self.git("commit", "-qm", f"write {text}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


def test_commits_of_a_branch_that_was_merged_count(repo: Repository) -> None:
    good = repo.commit("1")
    repo.git("switch", "-qc", "side")
    culprit = repo.commit("broken")
    repo.git("switch", "-q", "main")
    (repo.path / "other.txt").write_text("x")
    repo.git("add", ".")
    repo.git("commit", "-qm", "beside")
    repo.git("merge", "-q", "--no-edit", "side")
    bad = repo.git("rev-parse", "HEAD")

    def answers(commit: str) -> Answer:
        return Answer.BAD if "broken" in repo.git("show", f"{commit}:app.txt") else Answer.GOOD

    found = search(Commits(repo.path), good, bad, judge(answers), lambda _: None)
    assert found.culprits == (culprit,)
    with pytest.raises(UsageError, match="does not come after"):
        search(Commits(repo.path), bad, good, judge(answers), lambda _: None)


def test_a_clone_runs_nothing_of_the_original_and_leaves_it_alone(
    repo: Repository, tmp_path: Path
) -> None:
    repo.commit("1")
    hook = repo.path / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (repo.path / "app.txt").write_text("not committed")
    place = tmp_path / "place"
    place.mkdir()
    laboratory = Laboratory.of(repo.path, place, symptom_of("build"), ["bookworm-amd64"])
    seen = laboratory.commit(repo.git("rev-parse", "HEAD"))
    assert (place / "clone/app.txt").read_text() == "1"
    assert (repo.path / "app.txt").read_text() == "not committed"
    assert not (tmp_path / "ran").exists()
    # There is no debian/ in it: debwright says so, and that is no answer.
    assert seen.answer is Answer.UNKNOWN
    assert "debian" in seen.said
    with pytest.raises(NotARepository):
        Laboratory.of(tmp_path, place, symptom_of(None), [])


def test_a_preparation_has_the_value_and_may_fail(repo: Repository, tmp_path: Path) -> None:
    head = repo.commit("1")
    place = tmp_path / "place"
    place.mkdir()
    prepare = '[ "$1" != odd ] || { echo "no such version" >&2; exit 3; }; echo "$1" > app.txt'
    laboratory = Laboratory.of(repo.path, place, symptom_of("build"), [], prepare)
    failed = laboratory.value("odd", head)
    assert failed.answer is Answer.UNKNOWN
    assert "status 3" in failed.said
    assert failed.evidence == ("no such version",)
    laboratory.value("1.0; rm -r /", head)
    assert (place / "clone/app.txt").read_text() == "1.0; rm -r /\n"


def answer(result: RunResult, name: str | None) -> Answer:
    return symptom_of(name).seen_in(result)[0]


def test_what_a_result_says_of_a_symptom() -> None:
    bad, good, unbuilt = samples.failing_check(), samples.passing(), samples.failing_build()
    assert answer(bad, None) is Answer.BAD
    assert answer(good, None) is Answer.GOOD
    assert answer(bad, "service/unhealthy") is Answer.BAD
    assert answer(bad, "service") is Answer.BAD
    assert answer(good, "service") is Answer.GOOD
    assert answer(good, "service/unhealthy") is Answer.GOOD
    assert answer(unbuilt, "build") is Answer.BAD
    assert answer(unbuilt, "service/unhealthy") is Answer.UNKNOWN, "it was not come so far"
    assert answer(bad, "build") is Answer.GOOD, "it is built, whatever the checks say"


def test_what_was_skipped_is_no_proof_that_it_is_well() -> None:
    good = samples.passing()
    target = good.targets[0]
    checks = tuple(
        c.model_copy(update={"status": Status.SKIPPED}) if c.name == "service" else c
        for c in target.checks
    )
    targets = (target.model_copy(update={"checks": checks}),)
    assert answer(good.model_copy(update={"targets": targets}), "service") is Answer.UNKNOWN


def test_a_name_that_nothing_gives_is_refused_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(["bisect", "service/unhealty", "--good", "v1"]) == 2
    assert "next: debwright bisect service/unhealthy --good v1" in capsys.readouterr().err
    assert symptom_of("build").by_building
    assert not symptom_of("service").by_building


@pytest.mark.parametrize(
    "words",
    [
        [], ["--values", "1 2"], ["--prepare", "true"], ["--values", "1", "--prepare", "true"],
        ["--values", "1 1 2", "--prepare", "true"],
        ["--values", "1 2", "--prepare", "true", "--good", "v1"],
    ],
)  # fmt: skip
def test_half_a_question_is_refused(words: list[str]) -> None:
    assert call(["bisect", *words]) == 2


def test_the_command_names_the_culprit_and_how_to_see_it(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(repo.path)
    (repo.path / "debwright.toml").write_text('[targets]\nbuild = ["bookworm-amd64"]\n')
    commits = [repo.commit(text) for text in ("1", "2", "broken", "broken 4", "broken 5")]
    repo.git("tag", "v1.0.0", commits[0])

    def look(self: Laboratory, name: str) -> Try:
        text = (self.place / "clone" / self.below / "app.txt").read_text()
        seen = Answer.BAD if "broken" in text else Answer.GOOD
        return Try(name=name, answer=seen, said="build/failed: it did not build")

    monkeypatch.setattr(Laboratory, "_try", look)
    words = ["bisect", "build", "--good", "v1.0.0", "-t", "bookworm-amd64"]
    assert call(words) == 0
    out = capsys.readouterr().out
    assert f"{commits[2]} is the first bad commit" in out
    assert "write broken" in out
    assert f"worktree add --detach /tmp/bad-{commits[2][:12]} {commits[2]} && debwright" in out
    assert call(["--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [c["name"] for c in found["culprits"]] == [commits[2]]
    assert call(["bisect", "--good", "v9.9.9"]) == 2
    assert not list((tmp_path / "cache").rglob("clone")), "nothing is left of it"


def test_an_outcome_knows_its_tries() -> None:
    one = Try(name="a", answer=Answer.BAD, said="x")
    assert Outcome(culprits=("a",), tries=(one,)).of("a") is one
    assert Outcome(culprits=("a",), tries=(replace(one, name="b"),)).of("a") is None
