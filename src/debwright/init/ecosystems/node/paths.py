"""Paths in JavaScript, as far as they are written down: strings, path.join, __dirname, constants.

Nothing is run. A path that depends on what only the running program knows is None.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

TOP = "/<top>"
"""The project's directory, where the service is started."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)"""
    r"""|(?P<name>(?:new\s+)?[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)*)|(?P<mark>\|\||\?\?|[(),+]))"""
)
_CONSTANT = re.compile(r"\b(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*(?::\s*\w+\s*)?=(?!=)")
_HOLE = re.compile(r"\$\{([^}]*)\}")
_DEEP = 12


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script whose paths are read."""

    text: str
    here: str
    """The path it is run from, below TOP."""

    def constants(self) -> dict[str, int]:
        """Where the expressions begin that names are given."""
        return {match[1]: match.end() for match in _CONSTANT.finditer(self.text)}


def path_at(script: Script, place: int) -> str | None:
    """The path that the expression at `place` is: absolute, with TOP, or from where it is run."""
    return _Reading(script, script.constants()).expression(place, 0)[0]


@dataclass(frozen=True)
class _Reading:
    script: Script
    known: Mapping[str, int]

    def expression(self, place: int, depth: int) -> tuple[str | None, int]:
        """The value, and where the text goes on."""
        value, place, settled = *self._term(place, depth), False
        while (match := _TOKEN.match(self.script.text, place)) and match["mark"] in {
            "||", "??", "+",
        }:  # fmt: skip
            other, place = self._term(match.end(), depth)
            if match["mark"] == "+":
                value = value + other if value is not None and other is not None else None
            elif not settled:
                # What stands before it comes from elsewhere, as process.env does.
                value = other if value is None else value
            settled = settled or (match["mark"] != "+" and value is not None)
        return value, place

    def _term(self, place: int, depth: int) -> tuple[str | None, int]:
        match = _TOKEN.match(self.script.text, place)
        if match is None or depth > _DEEP:
            return None, place
        if match["text"]:
            return self._text(match["text"], depth), match.end()
        if match["mark"] == "(":
            value, place = self.expression(match.end(), depth + 1)
            return value, self._closed(place)
        if match["mark"]:
            return None, place
        name, place = re.sub(r"\s+", " ", match["name"]).replace("?.", "."), match.end()
        after = _TOKEN.match(self.script.text, place)
        if after and after["mark"] == "(" and after[0].startswith("("):
            arguments, place = self._arguments(after.end(), depth)
            return _called(name, arguments, self.script.here), place
        return self._named(name, depth), place

    def _text(self, quoted: str, depth: int) -> str | None:
        inner = quoted[1:-1]
        if quoted[0] != "`":
            return inner
        parts = _HOLE.split(inner)
        values = [
            part if n % 2 == 0 else self._named(part.strip(), depth) for n, part in enumerate(parts)
        ]
        return None if any(v is None for v in values) else "".join(v or "" for v in values)

    def _named(self, name: str, depth: int) -> str | None:
        if name in ("__dirname", "import.meta.dirname"):
            return str(PurePosixPath(self.script.here).parent)
        if name in ("__filename", "import.meta.filename", "import.meta.url"):
            return self.script.here
        if name not in self.known or depth > _DEEP:
            return None
        return self.expression(self.known[name], depth + 1)[0]

    def _arguments(self, place: int, depth: int) -> tuple[list[str | None], int]:
        found: list[str | None] = []
        while True:
            value, after = self.expression(place, depth + 1)
            match = _TOKEN.match(self.script.text, after)
            if match is None or match["mark"] not in (",", ")"):
                # An object, a function: what comes after it is not read.
                return [*found, None], after
            if match["mark"] == ")" and after == place:
                return found, match.end()
            found.append(value)
            place = match.end()
            if match["mark"] == ")":
                return found, place

    def _closed(self, place: int) -> int:
        match = _TOKEN.match(self.script.text, place)
        return match.end() if match and match["mark"] == ")" else place


def _called(name: str, arguments: list[str | None], here: str) -> str | None:
    """The path that a function of node's gives."""
    if name == "process.cwd":
        return TOP
    parts = [a for a in arguments if a is not None]
    if not parts or len(parts) < len(arguments):
        return None
    known: dict[str, Callable[[], str]] = {
        "new URL": lambda: _joined([str(PurePosixPath(here).parent), parts[0]]),
        "fileURLToPath": lambda: parts[0],
        "normalize": lambda: parts[0],
        "dirname": lambda: str(PurePosixPath(parts[0]).parent),
        "join": lambda: _joined([p.lstrip("/") if n else p for n, p in enumerate(parts)]),
        "resolve": lambda: _resolved(parts),
    }
    function = known.get(name) or known.get(name.rpartition(".")[2])
    return function() if function else None


def _resolved(parts: list[str]) -> str:
    """As path.resolve: from the last one that is absolute, else from where the service starts."""
    begin = max((n for n, part in enumerate(parts) if part.startswith("/")), default=-1)
    return _joined(parts[begin:] if begin >= 0 else [TOP, *parts])


def _joined(parts: list[str]) -> str:
    """The path without `.` and `..`."""
    found: list[str] = []
    for part in "/".join(parts).split("/"):
        if part == ".." and found and found[-1] != "..":
            found.pop()
        elif part not in ("", "."):
            found.append(part)
    return ("/" if parts[0].startswith("/") else "") + "/".join(found)
