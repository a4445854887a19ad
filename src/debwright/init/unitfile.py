"""Unit files of systemd as text: reading one, and writing words into one.

The syntax is that of systemd.syntax(7), and of command lines in systemd.service(5).
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./${}-]+")


@dataclass(frozen=True, kw_only=True)
class Setting:
    section: str
    key: str
    value: str
    line: int
    """Of the file, from 1."""
    last: int
    """The line that it ends on."""


def settings(text: str) -> Iterator[Setting]:
    """Every assignment of a unit file, continuation lines joined."""
    section, joined, start = "", "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if joined and line.startswith(("#", ";")):
            continue
        if not joined:
            start = number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        line, joined = joined + line, ""
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            yield Setting(
                section=section, key=key.strip(), value=value.strip(), line=start, last=number
            )


def values(text: str, section: str, key: str) -> list[str]:
    """What `key` is set to, each time that it is; an empty value takes back the earlier ones."""
    found: list[str] = []
    for setting in settings(text):
        if (setting.section, setting.key) == (section, key):
            found = [*found, setting.value] if setting.value else []
    return found


def changed(text: str, change: Callable[[Setting], str | None]) -> str:
    """`text` with the values that `change` gives others for; everything else stays as it is."""
    lines = text.splitlines()
    for setting in reversed(list(settings(text))):
        value = change(setting)
        if value is None or value == setting.value:
            continue
        lines[setting.line - 1 : setting.last] = [f"{setting.key}={value}"]
    return "\n".join(lines) + "\n"


def command_line(words: Iterable[str], *, variables: bool = False) -> str:
    """`words` for ExecStart=, so that systemd starts exactly them.

    With `variables`, `${NAME}` in a word stays what systemd replaces.
    """
    return " ".join(_word(word, variables=variables) for word in words)


def path(text: str) -> str:
    """A path for WorkingDirectory=, which knows specifiers and may have spaces."""
    return _printable(text).replace("%", "%%")


def assignment(text: str) -> str:
    """`NAME=VALUE` for Environment=, which knows specifiers and no variables."""
    return _quoted(_printable(text).replace("%", "%%"))


def split(command: str) -> list[str]:
    """The words of an ExecStart= or of a shell's simple command; empty when quotes do not match."""
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _word(word: str, *, variables: bool) -> str:
    escaped = _printable(word).replace("%", "%%")
    parts = re.split(r"(\$\{[A-Za-z_][A-Za-z0-9_]*\})", escaped) if variables else [escaped]
    escaped = "".join(p if n % 2 else p.replace("$", "$$") for n, p in enumerate(parts))
    return _quoted(escaped)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _quoted(escaped: str) -> str:
    if _PLAIN.fullmatch(escaped):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'
