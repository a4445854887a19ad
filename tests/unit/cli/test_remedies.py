"""Every remedy that is a command of debwright's is one that its own command line takes."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import debwright
from debwright.cli.app import call, cli
from debwright.cli.common import Options

SOURCE = Path(debwright.__file__).parent
PLACEHOLDER = "x"


def commands() -> Iterator[tuple[str, list[str]]]:
    """`Command("debwright", ...)` of every module, what is no literal being a placeholder."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id not in {"Command", "Setup"} or not node.args:
                continue
            words = [_word(a) for a in node.args if not isinstance(a, ast.Starred)]
            # An option whose very name is put together cannot be known here.
            known = len(words) == len(node.args) and f"--{PLACEHOLDER}" not in words
            if words[:1] == ["debwright"] and known:
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", words[1:]


def texts() -> Iterator[tuple[str, list[str]]]:
    """`fix="debwright ..."`: the command that the text begins with, up to the first mark."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.keyword) or node.arg != "fix":
                continue
            said = _word(node.value) if isinstance(node.value, ast.Constant | ast.JoinedStr) else ""
            match = re.match(r"debwright ([^,;:(]*)(?:$|[,;:(])", said)
            if match and "..." not in match[1] and f"--{PLACEHOLDER}" not in match[1].split():
                said = match[1].replace("'", "")
                yield f"{path.relative_to(SOURCE)}:{node.value.lineno}", shlex.split(said)


def _word(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            _word(v) if isinstance(v, ast.Constant) else PLACEHOLDER for v in node.values
        )
    return PLACEHOLDER


def refused(words: list[str]) -> str | None:
    """Why the command line would not take these words; values themselves are not judged."""
    command: click.Command = cli
    # A command keeps the names of its option for help from the first context that asks for them.
    names = cli.context_settings["help_option_names"]
    context = click.Context(
        cli, info_name="debwright", allow_interspersed_args=False, help_option_names=names
    )
    rest = list(words)
    while isinstance(command, click.Group):
        try:
            _, rest, _ = command.make_parser(context).parse_args(args=rest)
        except click.UsageError as error:
            return error.format_message()
        if not rest:
            return None if {"--help", "--version"} & set(words) else "it names no command"
        found = command.get_command(context, rest.pop(0))
        if found is None:
            return f"there is no command {words[: len(words) - len(rest)]}"
        group = isinstance(found, click.Group)
        command = found
        context = click.Context(found, parent=context, allow_interspersed_args=not group)
    try:
        values, left, _ = command.make_parser(context).parse_args(args=rest)
    except click.UsageError as error:
        return error.format_message()
    if left:
        return f"too many arguments: {left}"
    needed = (p.name or "" for p in command.params if p.required)
    # click has a value of its own for what was not given.
    absent = [
        n for n in needed if not isinstance(values.get(n), str | tuple | bool) or not values[n]
    ]
    return f"it misses {absent}" if absent else None


@pytest.mark.parametrize(("place", "words"), [pytest.param(*c, id=c[0]) for c in commands()])
def test_a_command_is_one_that_the_command_line_takes(place: str, words: list[str]) -> None:
    assert refused(words) is None, f"{place}: debwright {shlex.join(words)}: {refused(words)}"


@pytest.mark.parametrize(("place", "words"), [pytest.param(*c, id=c[0]) for c in texts()])
def test_a_text_begins_with_such_a_command(place: str, words: list[str]) -> None:
    assert refused(words) is None, f"{place}: debwright {shlex.join(words)}: {refused(words)}"


def test_a_text_of_any_command_can_be_typed_elsewhere() -> None:
    standing = Options(directory=Path("p")).standing
    for name in cli.list_commands(click.Context(cli)):
        assert standing.typed(f"debwright {name} X") == f"debwright -C p {name} X"


@pytest.mark.parametrize(
    "words", [["keys", "new"], ["frobnicate"], ["run", "--nope"], ["keys"], ["plan", "too", "many"]]
)
def test_what_the_command_line_refuses_is_found(words: list[str]) -> None:
    assert refused(words) is not None


def test_an_error_is_for_where_the_person_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`debwright -C DIR plan` told to type `debwright init`, which would be the wrong directory."""
    assert call(["-C", str(tmp_path), "-o", "out", "publish", "--nope"]) == 2
    capsys.readouterr()
    assert call(["-C", str(tmp_path), "-o", "out", "dashboard", "--serve", "nowhere"]) == 2
    said = capsys.readouterr().err
    assert f"next: debwright -C {tmp_path} -o out dashboard --serve" in said
    assert call(["-C", str(tmp_path), "--json", "dashboard", "--serve", "nowhere"]) == 2
    assert f'"fix": "debwright -C {tmp_path} --json dashboard --serve' in capsys.readouterr().out
