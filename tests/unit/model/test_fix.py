"""Commands and texts: what a person reads, what may be carried out, and what a file keeps of it."""

import copy
import pickle
import sys

import pytest

from debwright.model.errors import DebwrightError
from debwright.model.fix import Command, Correction, Install, Setup, again_as_root
from debwright.model.results import Finding, Severity


def finding(fix: str | None) -> Finding:
    return Finding(severity=Severity.ERROR, code="x/y", message="broken", fix=fix)


def test_a_command_reads_as_a_shell_takes_it() -> None:
    command = Command("ls", "-l", "a file", root=True)
    assert command == "sudo ls -l 'a file'"
    assert command.arguments == ("ls", "-l", "a file")


def test_sudo_is_for_those_who_are_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    command = Setup("update-binfmts", "--enable", "qemu-aarch64")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert command.argv() == ["sudo", *command.arguments]
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert command.argv() == list(command.arguments)
    assert Command("ls").argv() == ["ls"]


def test_what_is_made_of_a_command_is_a_text() -> None:
    assert not isinstance(f"{Install('gpg')}", Command)
    assert not isinstance(Install("gpg") + "; reboot", Command)


@pytest.mark.parametrize(
    "fix", [Command("ls", "a b", root=True), Setup("mount", "x"), Install("gpg", reinstall=True)]
)
def test_a_copy_is_the_same_command(fix: Command) -> None:
    for twin in (copy.deepcopy(fix), pickle.loads(pickle.dumps(fix))):  # noqa: S301 - made here
        assert (type(twin), twin, twin.arguments, twin.root) == (
            type(fix), fix, fix.arguments, fix.root,
        )  # fmt: skip


@pytest.mark.parametrize("fix", [Command("ls", "a b", root=True), "read the log", None])
def test_a_file_keeps_what_is_a_command_and_what_is_a_text(fix: str | None) -> None:
    written = finding(fix)
    document = written.model_dump(mode="json")
    assert document["fix"] == fix
    again = Finding.model_validate_json(written.model_dump_json())
    assert again == written
    assert isinstance(again.fix, Command) is isinstance(fix, Command)
    assert again.fix_command == written.fix_command


def test_a_file_of_an_older_debwright_has_texts() -> None:
    document = finding(None).model_dump(mode="json") | {"fix": "debwright keys list"}
    del document["fix_command"]
    read = Finding.model_validate(document)
    assert read.fix == "debwright keys list"
    assert read.fix_command is None


def test_a_finding_has_the_command_of_its_error() -> None:
    error = DebwrightError("broken", fix=Command("debwright", "doctor"))
    assert isinstance(Finding.from_error("x/y", error).fix, Command)


@pytest.mark.parametrize("place", ["/opt/venv/bin", "/usr/local/bin"])
def test_a_command_for_root_is_found_by_sudo(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pipx, uv or a venv have put elsewhere has its whole path."""
    monkeypatch.setattr("shutil.which", lambda _: f"{place}/debwright")
    monkeypatch.setattr("sys.argv", ["debwright", "check", "-t", "a b"])
    program = "debwright" if place == "/usr/local/bin" else f"{place}/debwright"
    assert Command("debwright", "run", root=True) == f"sudo {program} run"
    assert again_as_root() == f"sudo {program} check -t 'a b'"
    assert Command("debwright", "run") == "debwright run"
    assert Command("apt-get", "update", root=True) == "sudo apt-get update"


def test_a_module_is_started_by_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/x/debwright/__main__.py", "run"])
    assert again_as_root() == f"sudo {sys.executable} -m debwright run"


@pytest.mark.parametrize(
    ("correction", "given", "typed"),
    [
        (Correction("b", wrong="a", option="-t"), ["run", "-t", "a"], "debwright run -t b"),
        (Correction("b", wrong="a", option="-t"), ["run"], "debwright run -t b"),
        (Correction("b", wrong="a", option="-t"), ["x", "--", "y"], "debwright x -t b -- y"),
        (Correction("b c", wrong="a"), ["--of=a", "aa"], "debwright '--of=b c' aa"),
        (Correction("b", wrong="a"), ["aa", "bash", "x=a"], "write `b`"),
        (Correction("b", wrong="a", option="-t"), [], "-t b"),
    ],
)
def test_a_correction_is_the_command_once_more(
    correction: Correction, given: list[str], typed: str
) -> None:
    assert correction.retyped(given) == typed
    assert isinstance(correction.retyped(given), Command) == typed.startswith("debwright")
    assert copy.deepcopy(correction).retyped(given) == typed


def test_who_typed_it_with_sudo_gets_it_with_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_COMMAND", "/usr/bin/debwright run -t a")
    assert Correction("b", wrong="a").retyped(["run", "a"]).startswith("sudo ")
