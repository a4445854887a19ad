"""debwright init as a person meets it: questions, the diff, what is said at 80 columns."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.kit.installing import INSTALL

from debwright.cli import init
from debwright.cli.app import call, cli

PYPROJECT = """\
[project]
name = "bells"
version = "1.0"
description = "rings bells"

[project.scripts]
bells = "bells:main"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of nobody's, to work in, on a terminal of 80 columns."""
    (tmp_path / "bells.py").write_text(
        "import http.server\nport = 8123\n'/health'\ndef main(): ...\n"
    )
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    for name in ("DEBFULLNAME", "DEBEMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("debwright.init.flows.installed_from", lambda: INSTALL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def terminal(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(init, "is_terminal", lambda: True)
    return project


def names(directory: Path) -> list[str]:
    return sorted(p.name for p in directory.iterdir())


def test_what_is_written_is_said_and_fits(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["init"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("bells 1.0: Python (")
    assert "wrote debwright.toml" in lines
    assert any("--no-workflows leaves them out" in line for line in lines)
    assert lines[-1] == "next: debwright run"
    assert max(map(len, lines)) <= 80
    assert call(["init"]) == 0
    assert "nothing changes" in capsys.readouterr().out


def test_a_dry_run_shows_all_and_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(project)
    assert call(["init", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "\n--- /dev/null\n+++ debian/control\n" in out
    assert "\n+Source: bells\n" in out
    assert "would have wrote" not in out
    assert "would write debian/" in out
    assert "Commit it" not in out, "what is kept in mind is nobody's reading"
    assert out.splitlines()[-1] == "next: debwright init"
    assert names(project) == before


def test_a_second_time_shows_what_changed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(["init", "--no-workflows"])
    (project / "pyproject.toml").write_text(PYPROJECT.replace("rings bells", "rings the bells"))
    capsys.readouterr()
    assert call(["--json", "init"]) == 0
    changes = {c["path"]: c for c in json.loads(capsys.readouterr().out)["changes"]}
    assert changes["debian/control"]["act"] == "updated"
    assert "-Description: rings bells" in changes["debian/control"]["diff"]
    assert changes["debian/rules"]["diff"] == []


def test_a_person_is_asked_and_asked_again(terminal: Path) -> None:
    done = CliRunner().invoke(cli, ["init"], input="Ada\nAda L. <ada@example.org>\n")
    assert done.exit_code == 0, done.output
    assert "Who maintains the package? [bells maintainers <bells@example.org>]:" in done.output
    assert "the answer is NAME <ADDRESS>" in done.output
    assert "Maintainer: Ada L. <ada@example.org>" in (terminal / "debian/control").read_text()
    again = CliRunner().invoke(cli, ["init"], input="")
    assert again.exit_code == 0, again.output
    assert "Who" not in again.output


def test_return_takes_the_default(terminal: Path) -> None:
    done = CliRunner().invoke(cli, ["init"], input="\n")
    assert done.exit_code == 0, done.output
    assert "<bells@example.org>" in (terminal / "debian/control").read_text()


def test_yes_asks_nothing_and_names_the_default(terminal: Path) -> None:
    done = CliRunner().invoke(cli, ["init", "--yes"], input="")
    assert done.exit_code == 0, done.output
    assert "--answer maintainer=..." in done.output


def test_ctrl_c_in_a_question_leaves_nothing(
    terminal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> str:
        raise click.Abort

    monkeypatch.setattr(click, "prompt", stopped)
    before = names(terminal)
    assert call(["init"]) == 130
    assert "nothing was left half-done" in capsys.readouterr().err
    assert names(terminal) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--answer", "port"], "an answer is NAME=VALUE"),
        (["--answer", "prot=1"], "bells has no question 'prot'"),
        (["--answer", "maintainer=x"], "the answer is NAME <ADDRESS>"),
        (["--ecosystem", "pyhton"], "next: debwright init --ecosystem python"),
        (["nowhere"], "next: mkdir -p nowhere"),
        (["--dryrun"], "next: debwright init --dry-run"),
        (["a", "b"], "unexpected extra argument"),
    ],
)
def test_wrong_arguments_say_what_is_right(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    before = names(project)
    assert call(["init", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert names(project) == before


def test_another_directory_is_named_in_the_next_command(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert call(["-C", str(project.parent), "init", "--no-workflows", project.name]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"next: debwright -C {project} run"
    assert (project / "debian/control").exists()
