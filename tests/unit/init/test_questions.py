"""What is asked, how often, and what becomes of the answers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from debwright.init import Wishes, prepare
from debwright.init.licences import Licence
from debwright.init.maintainer import with_maintainer
from debwright.init.model import Answers, Person, Project, Question
from debwright.init.questions import settle
from debwright.model.errors import UsageError

BELLS = Project(
    name="bells", package="bells", version="1.0",
    licence=Licence(name="Expat", text=" Text.", known=True),
)  # fmt: skip


def reader(*names: str) -> Callable[[Answers], Project]:
    """A project whose description is its answers."""
    questions = tuple(Question(name=n, text=f"{n}?", default="d") for n in names)

    def read(answers: Answers) -> Project:
        said = " ".join(q.answered(answers) for q in questions)
        return replace(BELLS, description=said, questions=questions)

    return read


def test_defaults_hold_and_are_named() -> None:
    settled = settle(reader("a", "b"), {}, {"b": "B"})
    assert settled.project.description == "d B"
    assert [q.name for q in settled.assumed] == ["a"]
    assert settled.answers == {"b": "B"}, "a default is no answer: it may be better next time"


def test_a_person_is_asked_three_times_at_most() -> None:
    asked = []

    def ask(question: Question) -> str:
        asked.append(question.name)
        return question.name.upper()

    settled = settle(reader(*"abcde"), {"a": "before"}, {}, ask)
    assert asked == ["b", "c", "d"]
    assert settled.project.description == "before B C D d"
    assert [q.name for q in settled.assumed] == ["e"]


def test_an_answer_to_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no question 'prot'") as refused:
        settle(reader("port"), {}, {"prot": "1"})
    assert "port=d: port?" in refused.value.render()
    # One from before may be to a question that has gone.
    settle(reader("port"), {"prot": "1"}, {})


def project(directory: Path) -> Path:
    (directory / "bells.py").touch()
    (directory / "pyproject.toml").write_text(
        '[project]\nname = "bells"\nversion = "1.0"\n[project.scripts]\nbells = "bells:main"\n'
    )
    return directory


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    for name in ("DEBFULLNAME", "DEBEMAIL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("nobody")
def test_an_answer_is_kept(tmp_path: Path) -> None:
    project(tmp_path)
    assert [n for n in prepare(tmp_path).notes if "--answer maintainer=" in n]
    wishes = Wishes(answers={"maintainer": "Ada Lovelace <ada@example.org>"})
    prepare(tmp_path, wishes).write()
    again = prepare(tmp_path)
    assert not [n for n in again.notes if "maintainer" in n]
    again.write()
    assert "Maintainer: Ada Lovelace <ada@example.org>\n" in (
        (tmp_path / "debian/control").read_text()
    )


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("who", ["", "Ada", "Ada <ada>", "A\nB: c <a@example.org>", "<a@b.org>"])
def test_a_maintainer_is_a_name_and_an_address(tmp_path: Path, who: str) -> None:
    with pytest.raises(UsageError, match="no answer"):
        prepare(project(tmp_path), Wishes(answers={"maintainer": who}))
    assert not (tmp_path / "debian").exists()


def test_whoever_works_here_maintains_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Git User\nemail = git@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    found = with_maintainer(BELLS, tmp_path, {}, environ={})
    assert found.author == Person(name="Git User", email="git@example.org")
    environ = {"DEBFULLNAME": "Deb User", "DEBEMAIL": "deb@example.org"}
    found = with_maintainer(BELLS, tmp_path, {}, environ)
    assert found.author == Person(name="Deb User", email="deb@example.org")
    assert found.questions == ()
