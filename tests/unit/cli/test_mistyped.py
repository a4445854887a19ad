"""A word that was mistyped: the next command is the whole line, with that word corrected."""

import json
import shlex
from pathlib import Path

import pytest

from debwright.cli.app import call

TOML = """
[targets]
build = ["bookworm-amd64", "trixie-arm64"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "debwright.toml").write_text(TOML)
    debian = tmp_path / "debian"
    debian.mkdir()
    (debian / "control").write_text("Source: hello\n\nPackage: hello\nArchitecture: any\n")
    (debian / "changelog").write_text(
        "hello (1.0-1) unstable; urgency=low\n\n  * x\n\n"
        " -- A <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("run -t bookwrm-amd64", "run -t bookworm-amd64"),
        ("run --target=bookwrm-amd64 --force", "run --target=bookworm-amd64 --force"),
        ("run -tbookwrm-amd64", "run -tbookworm-amd64"),
        ("-C . plan -t trixie-arm64 -t bokworm-*", "-C . plan -t trixie-arm64 -t bookworm-amd64"),
        ("shell bookwrm-amd64", "shell bookworm-amd64"),
        ("plan --targett x", "plan --target x"),
        ("plan --strategy=croos", "plan --strategy=cross"),
        ("rnu -t bookworm-amd64", "run -t bookworm-amd64"),
        ("cache lst", "cache list"),
        ("-C . repo --json lst", "-C . repo --json list"),
        ("check --sandbox nspwn --force", "check --sandbox nspawn --force"),
        ("init --ecosystem pyhton --yes", "init --ecosystem python --yes"),
        ("init --answer port", "init --answer NAME=VALUE"),
        ("workflows matrix --arch amd46", "workflows matrix --arch amd64"),
        ("plan --strategy quickly", "plan --help"),
        ("xyzzy", "--help"),
        ("keys rotate", None),
    ],
)
def test_the_next_command_is_the_whole_line(
    project: Path, capsys: pytest.CaptureFixture[str], typed: str, meant: str | None
) -> None:
    assert call(shlex.split(typed)) != 0
    last = capsys.readouterr().err.splitlines()[-1]
    if meant is None:
        assert "write `" not in last
    else:
        assert last == f"  next: debwright {meant}"


def test_as_json_it_is_a_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["--json", "plan", "-t", "bookwrm-amd64"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["fix_command"] == {
        "arguments": ["debwright", "--json", "plan", "-t", "bookworm-amd64"],
        "root": False,
    }


def test_what_stands_in_the_configuration_is_corrected_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "debwright.toml"
    file.write_text(file.read_text().replace("bookworm-amd64", "bookworm-amd46"))
    assert call(["plan"]) == 2
    assert "write `bookworm-amd64`" in capsys.readouterr().err
