"""Commands are typed where the person stands, who has started debwright with -C or --output."""

import copy
from pathlib import Path

import pytest

from debwright.model.fix import Command, Install
from debwright.model.standing import HERE, Standing

NAMES = frozenset({"run", "shell", "keys", "check", "init"})
ELSEWHERE = Standing(directory="my projects/p", commands=NAMES)
BOTH = Standing(directory="p", output="/srv/out", commands=NAMES)


def test_here_nothing_changes() -> None:
    command = Command("debwright", "shell", "bookworm-amd64")
    assert HERE.typed(command) is command
    assert HERE.typed("debwright run, then wait") == "debwright run, then wait"


def test_a_command_gets_the_options() -> None:
    made = ELSEWHERE.typed(Command("debwright", "shell", "bookworm-amd64", "--booted"))
    assert made == "debwright -C 'my projects/p' shell bookworm-amd64 --booted"
    assert isinstance(made, Command)
    assert made.arguments[:3] == ("debwright", "-C", "my projects/p")
    assert BOTH.typed(Command("debwright", "run")) == "debwright -C p -o /srv/out run"
    assert copy.deepcopy(made).arguments == made.arguments


def test_with_sudo_the_options_follow_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path(__file__).parents[3] / "src/debwright/__main__.py"
    monkeypatch.setattr("sys.argv", [str(package), "doctor"])
    made = BOTH.typed(Command("debwright", "run", root=True))
    assert made.endswith(" -m debwright -C p -o /srv/out run")
    assert made.startswith("sudo ")


@pytest.mark.parametrize(
    "command",
    [
        Command("debwright", "-C", "other", "-o", "x", "init"),
        Command("debwright", "--directory=other", "--output", "x", "init"),
        Command("debwright", "-Cother", "-ox", "init"),
        Command("git", "-C", "other", "log"),
        Install("uv"),
    ],
)
def test_what_has_its_own_or_is_another_program_stays(command: Command) -> None:
    assert BOTH.typed(command) == command


def test_only_what_is_missing_is_added() -> None:
    assert BOTH.typed(Command("debwright", "-o", "x", "run")) == "debwright -C p -o x run"


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("debwright run, to publish", "debwright -C p run, to publish"),
        ("in `debwright shell`", "in `debwright -C p shell`"),
        ("made a key; next: debwright keys backup", "made a key; next: debwright -C p keys backup"),
        ("sudo /opt/bin/debwright run", "sudo /opt/bin/debwright -C p run"),
        (
            "what debwright makes, or debwright running",
            "what debwright makes, or debwright running",
        ),
        ("apt install not-debwright run", "apt install not-debwright run"),
        ("debwright -C q run", "debwright -C q run"),
    ],
)
def test_texts_that_name_commands(text: str, typed: str) -> None:
    assert Standing(directory="p", commands=NAMES).typed(text) == typed


def test_none_stays_none() -> None:
    assert ELSEWHERE.optional(None) is None
