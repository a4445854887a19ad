"""Errors on the terminal, as JSON, and as GitHub annotations."""

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from debwright.model.errors import DebwrightError, printable
from debwright.model.fix import command_json
from debwright.model.standing import HERE, Standing
from debwright.observe.console.stream import SafeStream, make_console

if TYPE_CHECKING:
    from rich.console import Group


def print_error(
    error: DebwrightError,
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    standing: Standing = HERE,
) -> None:
    """Print what happened, the evidence, the likely cause and the next command.

    `stream` is standard error unless given. In colour on a terminal; on GitHub it becomes an
    annotation too. The command is as it is typed where the person is `standing`.
    """
    error = _as_typed(error, standing)
    environ = os.environ if environ is None else environ
    safe = SafeStream(stream or sys.stderr)
    if environ.get("GITHUB_ACTIONS") == "true":
        from debwright.observe.console.github import error_lines

        safe.write("".join(f"{line}\n" for line in error_lines(error, environ)))
    elif safe.isatty():
        make_console(safe, environ).print(rich_error(error))
    else:
        safe.write(f"error: {error.render()}\n")
    safe.flush()


def _as_typed(error: DebwrightError, standing: Standing) -> DebwrightError:
    """The same error, with commands as they are typed where the person stands."""
    return DebwrightError(
        error.what, evidence=error.evidence, cause=standing.optional(error.cause),
        fix=standing.optional(error.fix),
    )  # fmt: skip


def rich_error(error: DebwrightError) -> "Group":
    """The error for a rich console."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[Text | Padding] = [
        Text.assemble(("error: ", "bold red"), (printable(error.what), "bold"))
    ]
    for item in error.evidence:
        line = Text.assemble(("| ", "dim"))
        if item.where():
            line.append(f"{printable(item.where())}: ", style="cyan")
        line.append(printable(item.text))
        parts.append(Padding(line, (0, 0, 0, 2)))
    if error.cause:
        cause = Text.assemble(("likely cause: ", "yellow"), printable(error.cause))
        parts.append(Padding(cause, (0, 0, 0, 2)))
    if error.fix:
        fix = Text.assemble(("next: ", "green"), (printable(error.fix), "bold"))
        parts.append(Padding(fix, (0, 0, 0, 2)))
    return Group(*parts)


def error_json(error: DebwrightError, standing: Standing = HERE) -> str:
    """The error as one JSON object, ASCII only, so that it is safe on any terminal.

    `exit_code` is the status debwright exits with.
    """
    fix = standing.optional(error.fix)
    content: dict[str, Any] = {
        "error": {
            "type": type(error).__name__,
            "what": error.what,
            "evidence": [{"text": e.text, "file": e.file, "line": e.line} for e in error.evidence],
            "cause": error.cause,
            "fix": fix,
            "fix_command": command_json(fix),
            "exit_code": error.exit_code,
        }
    }
    return json.dumps(content, indent=2)
