"""Showing things on a terminal: tables, sizes, times, JSON. Hostile text cannot steer it."""

import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Escape sequences and characters that turn the writing direction could forge what is shown.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_STYLES = {
    "ok": "green", "done": "green", "new": "green",
    "degraded": "yellow", "paused": "yellow", "changed": "yellow", "cancelled": "yellow",
    "failed": "red", "missing": "red", "deleted": "red",
}  # fmt: skip


class Exit(IntEnum):
    """What the exit codes of the command mean; docs/usage.md lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    PARTLY = 4


def clean(value: object) -> str:
    """Return text that is safe to write to a terminal."""
    text = str(value).replace("\r\n", "\n")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def text(value: object, style: str = "") -> Text:
    """Return safe text that is not read as markup."""
    return Text(clean(value), style=style)


def state(value: str) -> Text:
    """Return a state in its colour."""
    return text(value, _STYLES.get(value, ""))


def console(*, stderr: bool = False) -> Console:
    """Return a console; made again each time so that redirected streams are noticed."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def say(*parts: object, stderr: bool = False) -> None:
    """Print one line of text."""
    console(stderr=stderr).print(Text.assemble(*(_piece(part) for part in parts)))


def _piece(part: object) -> Text:
    return part if isinstance(part, Text) else text(part)


def write_json(value: Any) -> None:
    """Print JSON; ASCII only, so that no terminal and no encoding can spoil it."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], right: str = "") -> None:
    """Print rows under headings; `right` names the columns set to the right."""
    view = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        flush = name in right.split(",")
        view.add_column(name, justify="right" if flush else "left", no_wrap=flush)
    for row in rows:
        view.add_row(*(_piece("" if cell is None else cell) for cell in row))
    # A table may wrap inside its cells, which soft wrapping would forbid.
    out = console()
    out.soft_wrap = False
    out.print(view)


def place(uri: str) -> str:
    """Return where a document comes from as people write it: a path instead of a file URI."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" and not parts.netloc else uri


def size(count: float | None) -> str:
    """Return bytes as people read them, in powers of 1000."""
    if count is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def when(value: str | None) -> str:
    """Return a time of the service in local time, to the minute."""
    if not value:
        return ""
    # Python 3.10 knows no Z.
    moment = datetime.fromisoformat(re.sub("Z$", "+00:00", value))
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
