"""What the doctor finds missing, and what of it is installed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.kit.commands import invoke

from debwright.cli.common import Options
from debwright.cli.doctor import show_doctor
from debwright.config import Config
from debwright.doctor import Health, install
from debwright.host.process import Completed
from debwright.model.errors import MissingError
from debwright.model.fix import Command, Install, Setup


class Machine:
    """What the doctor finds, and what is then done about it."""

    def __init__(self, *rounds: Sequence[Health]) -> None:
        self.rounds = list(rounds)
        self.done: list[list[str]] = []
        self.answers: list[tuple[int, str]] = []

    def examine(self, _: Config) -> list[Health]:
        return list(self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0])

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        self.done.append(list(argv))
        code, said = self.answers.pop(0) if self.answers else (0, "")
        return Completed(argv=tuple(argv), returncode=code, output=said)


def lacking(name: str, fix: str | None) -> Health:
    return Health(name=name, ok=False, found="not there", fix=fix)


FINE = [Health(name="all", ok=True, found="there")]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(FINE)
    monkeypatch.setattr(install, "examine", made.examine)
    monkeypatch.setattr("debwright.host.process.run", made.run)
    monkeypatch.setattr("debwright.host.process.pause", lambda _: None)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return made


def test_what_lacks_is_installed_in_one_go(machine: Machine) -> None:
    machine.rounds = [
        [lacking("a", Install("xz-utils")), lacking("b", Install("gpg"))],
        FINE,
    ]
    assert install.install_missing(Config(), lambda _: None) == FINE
    (update, installed) = machine.done
    assert "update" in update
    assert installed[-2:] == ["xz-utils", "gpg"]


def test_an_emulator_is_registered_once_its_package_is_there(machine: Machine) -> None:
    machine.rounds = [
        [lacking("e", Install("qemu-user-static", "binfmt-support"))],
        [lacking("e", Setup("update-binfmts", "--enable", "qemu-aarch64"))],
        FINE,
    ]
    install.install_missing(Config(), lambda _: None)
    assert machine.done[-1] == ["update-binfmts", "--enable", "qemu-aarch64"]


@pytest.mark.parametrize(
    "fix",
    [
        "sudo rm -rf /", "sudo apt-get install gpg", str(Install("gpg")), f"{Install('gpg')}",
        Command("debwright", "cache", "prune"), Command("debwright", "run", root=True), None,
    ],
)  # fmt: skip
def test_no_other_recommendation_is_carried_out(machine: Machine, fix: str | None) -> None:
    machine.rounds = [[lacking("x", fix)]]
    assert install.install_missing(Config(), lambda _: None)[0].name == "x"
    assert machine.done == []


def test_the_network_is_tried_again_and_nothing_else(machine: Machine) -> None:
    machine.rounds = [[lacking("a", Install("gpg"))], FINE]
    machine.answers = [(100, "E: Failed to fetch http://x/y  Connection failed")]
    said: list[str] = []
    install.install_missing(Config(), said.append)
    assert any("attempt 2 of 3" in text for text in said)
    assert len(machine.done) == 3
    machine.done.clear()
    machine.rounds = [[lacking("a", Install("no-such-package"))], FINE]
    machine.answers = [(0, ""), (100, "E: Unable to locate package no-such-package")]
    with pytest.raises(MissingError, match="no-such-package"):
        install.install_missing(Config(), lambda _: None)
    assert len(machine.done) == 2


def test_what_lacks_on_github_is_an_annotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job ends there, and has no report yet that could say so."""
    (tmp_path / "debwright.toml").write_text("")
    short = Health(name="disk", ok=False, found="3 GiB free\n::error::x", fix="cache prune")
    monkeypatch.setattr("debwright.doctor.machine.examine", lambda _: [short])
    monkeypatch.setattr("debwright.doctor.examine_project", lambda *_: [])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    options = Options(directory=tmp_path, json=True)
    assert invoke(show_doctor, options) == 5
    said = capsys.readouterr()
    json.loads(said.out)
    assert said.err == (
        "::error title=missing on this machine%3A disk::3 GiB free%0A::error::x%0A"
        "next: cache prune\n"
    )
