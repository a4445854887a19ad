"""The command line: every command explains itself, and refuses with the right exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from debwright.cli import app as command_line
from debwright.cli.app import call, cli
from debwright.cli.commands import Commands
from debwright.cli.common import Options, emit
from debwright.host import process
from debwright.model.errors import MissingError, from_os_error
from debwright.model.fix import Setup
from debwright.model.targets import HostFacts, Obstacle


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [path]
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        deeper = (*path, name)
        found += commands(command, deeper) if isinstance(command, click.Group) else [deeper]
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in, with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "debwright.toml").write_text('[targets]\nbuild = ["bookworm-amd64"]\n')
    monkeypatch.chdir(directory)
    return directory


@pytest.mark.parametrize("path", commands(cli), ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(
    path: tuple[str, ...], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call([*path, option]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: debwright")
    text = out.split("Options:")[0]
    assert len(text.splitlines()) > 2, "a command without a word about it"
    assert not err


def test_the_exit_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    call(["--help"])
    assert "3 build failed" in " ".join(capsys.readouterr().out.split())


WRONG = {
    "command": (["biuld"], "there is no command `biuld`"),
    "option": (["build", "--taget", "x"], "no such option"),
    "strategy": (["plan", "--strategy", "magic"], "'magic' is not one of"),
    "directory": (["-C", "/nowhere/at/all", "plan"], "does not exist"),
    "argument": (["doctor", "extra"], "unexpected extra argument"),
    "lacking": (["shell"], "missing argument"),
    "target": (["plan", "-t", "bokworm-*"], "no target matches `bokworm-*`"),
    "source": (["build", "/nowhere"], "/nowhere does not exist"),
    "file": (["check", "no.deb"], "no.deb does not exist"),
    "negative": (["cache", "prune", "--max-gb", "-1"], "from 0 upwards"),
    "nan": (["cache", "prune", "--max-gb", "nan"], "from 0 upwards"),
    "infinite": (["cache", "prune", "--max-gb", "inf"], "from 0 upwards"),
    "days": (["cache", "prune", "--older-than", "-1"], "from 0 upwards"),
    "not so many days": (["metrics", "trends", "--days", "nan"], "no number of days"),
    "days without end": (["metrics", "ingest", "--github", "--days", "inf"], "not in the range"),
    "repository": (
        ["diagnose", "--issue", "--repository", "../x", "debwright.toml"],
        "'../x' is no repository",
    ),
    "no debian": (["plan"], "no debian/control"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_end_with_2_and_say_what_is_wrong(
    project: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, said = WRONG[name]
    assert call(arguments) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    assert not out


@pytest.mark.parametrize("name", [n for n in WRONG if n != "directory"])
def test_with_json_an_error_is_json_on_standard_output(
    project: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, said = WRONG[name]
    assert call(["--json", *arguments]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert said in error["what"]
    assert error["exit_code"] == 2


@pytest.mark.parametrize(
    "arguments", [["cache", "list", "--json"], ["cache", "--json", "list"], ["-v", "cache", "list",
                  "--verbose", "--json"]]
)  # fmt: skip
def test_what_belongs_to_every_command_may_stand_behind_it(
    project: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`debwright plan --json` is what plan itself tells its reader to type."""
    assert call(arguments) == 0
    assert json.loads(capsys.readouterr().out)["layers"] == []


@pytest.mark.parametrize("path", [p for p in commands(cli) if p], ids=" ".join)
def test_every_command_takes_json(path: tuple[str, ...]) -> None:
    command: click.Command | None = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    assert sum("--json" in parameter.opts for parameter in command.params) == 1


def test_help_imports_no_more_than_commands_and_click() -> None:
    """Or it would take a second; what a command works with is imported when it is called."""
    code = (
        "import sys; from debwright.cli.app import call; code = call(sys.argv[1:]);"
        "print(*sorted(sys.modules), sep='\\n', file=sys.stderr); sys.exit(code)"
    )
    for arguments in (["--help"], ["keys", "--help"], ["metrics", "--help"], ["run", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        loaded = set(done.stderr.splitlines())
        assert not loaded & {"pydantic", "httpx", "rich", "jinja2"}, arguments
        rooms = {m.split(".")[1] for m in loaded if m.startswith("debwright.")}
        assert rooms == {"cli", "host", "model"}


def test_a_new_file_is_a_new_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_commands"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "greet.py").write_text(
        "import click\n\n@click.command()\n@click.pass_obj\ndef greet(options):\n"
        "    return options.verbose\n\n@click.command('two-words')\ndef other():\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    group = Commands("group", package="some_commands")
    options = Options(directory=tmp_path)
    assert group.list_commands(click.Context(group)) == ["greet", "two-words"]
    assert group.main(["greet", "-v"], obj=options, standalone_mode=False) is True
    assert group.get_command(click.Context(group), "nothing") is None


def test_a_wrong_configuration_has_file_and_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "debwright.toml").write_text('[targets]\n\nbiuld = ["bookworm-amd64"]\n')
    assert call(["plan"]) == 2
    err = capsys.readouterr().err
    assert "debwright.toml:3" in err
    assert "build" in err


def test_plan_says_what_cannot_be_checked_here(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anybody has waited for a build."""
    (project / "debwright.toml").write_text(
        '[targets]\nbuild = ["bookworm-amd64", "bookworm-arm64"]\n'
    )
    (project / "debian").mkdir()
    (project / "debian/control").write_text("Source: demo\n\nPackage: demo\nArchitecture: any\n")
    (project / "debian/changelog").write_text(
        "demo (1-1) unstable; urgency=low\n\n  * First.\n\n"
        " -- A B <a@example.org>  Mon, 23 Nov 2026 12:00:00 +0000\n"
    )
    why = "qemu-aarch64 is registered but disabled"
    obstacle = Obstacle(why=why, fix=Setup("update-binfmts", "--enable", "qemu-aarch64"))
    facts = HostFacts(arch="amd64", emulated={"arm64": obstacle})
    monkeypatch.setattr("debwright.pipeline.planning.host_facts", lambda _: facts)
    assert call(["plan"]) == 0
    native, cross = capsys.readouterr().out.split("\n\n")[1:3]
    assert "cannot be checked" not in native
    assert f"cannot be checked here: {why}" in cross
    assert "next: sudo update-binfmts --enable qemu-aarch64" in cross
    assert call(["plan", "--json"]) == 0
    targets = json.loads(capsys.readouterr().out)["targets"]
    assert [t["not_checkable"] for t in targets] == [None, why]


def test_an_empty_cache_is_listed_and_pruned(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["--json", "cache", "list"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"] == []
    assert call(["cache", "prune", "--all"]) == 0
    assert capsys.readouterr().out.endswith("0 layers removed\n")


def test_a_cache_that_cannot_be_written_ends_with_5(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "debwright.toml"))
    assert call(["cache", "list"]) == 5
    assert "XDG_CACHE_HOME" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left on device", "/dist/x"), 5, "the disk is full"),
        (PermissionError(13, "Permission denied", "/dist/x"), 1, "Permission denied"),
        (MissingError("gpg is not installed"), 5, "gpg is not installed"),
        (KeyboardInterrupt(), 130, "stopped"),
        (process.Interrupted("stopped"), 130, "stopped"),
    ],
)
def test_what_goes_wrong_later_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    error: BaseException, code: int, said: str,
) -> None:  # fmt: skip
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(command_line.cli, "main", fails)
    assert call(["plan"]) == code
    assert said in capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_error_to_speak_of() -> None:
    source = str(Path(process.__file__).parents[2])
    code = "import sys; from debwright.cli.app import main; main(['--help'])"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, check=False,
        env={**os.environ, "PYTHONPATH": source}, text=True,
    )  # fmt: skip
    os.close(writing)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_the_umask_of_who_starts_it_does_not_count(tmp_path: Path) -> None:
    """With 077 the root directory of a sandbox, or /etc, was closed to all but root."""
    source = str(Path(process.__file__).parents[2])
    code = (
        "import os, sys; from debwright.cli import app as cli; "
        "cli.call = lambda _: print(oct(os.umask(0))) or 0; cli.main([])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": source}, text=True,
        capture_output=True, check=True, umask=0o077,
    )  # fmt: skip
    assert done.stdout == "0o22\n"


def test_errors_of_the_system_are_put_into_words() -> None:
    full = from_os_error(OSError(28, "No space left on device", "/x"))
    assert isinstance(full, MissingError)
    assert "debwright cache prune" in str(full.fix)
    assert from_os_error(OSError("odd")).what.endswith("odd")
    with pytest.raises(OSError, match="gone") as caught:
        Path("gone/file").read_text()
    assert from_os_error(caught.value).evidence[0].text == "gone/file"


def test_a_mistake_of_debwright_is_told_without_a_traceback(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("bookworm")

    monkeypatch.chdir(project)
    monkeypatch.setattr("debwright.pipeline.planning.make_plan", broken)
    assert call(["plan"]) == 1
    said = capsys.readouterr().err
    assert "debwright itself failed: KeyError: 'bookworm'" in said
    assert "Traceback" not in said
    assert 'raise KeyError("bookworm")' in said
    assert "DEBWRIGHT_DEBUG=1" in said
    monkeypatch.setenv("DEBWRIGHT_DEBUG", "1")
    with pytest.raises(KeyError):
        call(["plan"])


def test_what_a_command_prints_does_not_turn_the_direction_of_writing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What it says may come from a package, a file or a server."""
    emit(Options(directory=Path()), {}, "good\u202e\u2066\x1b[2J")
    assert capsys.readouterr().out == "good\\x202e\\x2066\\x1b[2J\n"
