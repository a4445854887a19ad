"""Finds the line on which a key of a TOML document is written.

tomllib says nothing about positions, so this walks the text once more and notes where each key,
table and array element begins. It reads only what tomllib has already accepted and checks
nothing itself. Grammar: https://toml.io/en/v1.0.0.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping, Sequence

KeyPath = tuple[str | int, ...]
"""Keys and, below arrays, indices: `("waivers", 0, "until")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:\\.|[^"\\])*"')
_LITERAL = re.compile(r"'[^']*'")
_SCALAR = re.compile(r"[^\n#,\]}]+")
_ESCAPED_OR_QUOTES = re.compile(r'\\.|"""', re.DOTALL)


def locate(text: str) -> dict[KeyPath, int]:
    """Every key, table and array element of the valid TOML `text`, with its line from 1.

    A table has the line of its own header, or of the first key that implies it.
    """
    scanner = _Scanner(text)
    try:
        scanner.document()
    except RecursionError:
        pass  # absurd nesting: what was found so far is still right, and callers fall back
    return scanner.lines


def line_of(lines: Mapping[KeyPath, int], path: Sequence[str | int]) -> int | None:
    """The line of `path`, or of the nearest table around it; None when none is in `lines`."""
    for end in range(len(path), 0, -1):
        if (line := lines.get(tuple(path[:end]))) is not None:
            return line
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        # tomllib does the same, so that a line ends where it thinks one does.
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.array_lengths: dict[KeyPath, int] = {}
        self.starts = [0, *(m.end() for m in re.finditer("\n", self.text))]

    def document(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            table = self._header() if self._sees("[") else self._key_value(table)
            self._skip(_BLANK)

    def _header(self) -> KeyPath:
        line = self._line()
        is_array = self._sees("[[")
        self.at += 2 if is_array else 1
        keys = self._keys()
        self.at += 2 if is_array else 1
        path: KeyPath = ()
        for key in keys[:-1]:
            path = self._last_element((*path, key))
            self.lines.setdefault(path, line)
        path = (*path, keys[-1])
        if not is_array:
            self.lines[path] = line
            return path
        self.lines.setdefault(path, line)
        index = self.array_lengths.get(path, 0)
        self.array_lengths[path] = index + 1
        self.lines[*path, index] = line
        return (*path, index)

    def _last_element(self, path: KeyPath) -> KeyPath:
        """A header that goes through an array of tables means its latest table."""
        length = self.array_lengths.get(path)
        if length is None:
            return path
        return (*path, length - 1)

    def _key_value(self, table: KeyPath) -> KeyPath:
        """Reads `key = value`; returns `table`, in which the next one will be, too."""
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)
        return table

    def _keys(self) -> list[str]:
        """A dotted key, up to and without what follows it."""
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(self._key())
            self._skip(_SPACE)
            if not self._sees("."):
                return keys
            self.at += 1

    def _key(self) -> str:
        if self._sees("'"):
            return self._take(_LITERAL)[1:-1]
        if self._sees('"'):
            return next(iter(tomllib.loads(f"{self._take(_BASIC)} = 0")))
        return self._take(_BARE_KEY)

    def _value(self, path: KeyPath) -> None:
        for opening, read in (
            ('"""', self._long_basic),
            ("'''", self._long_literal),
        ):
            if self._sees(opening):
                read()
                return
        if self._sees('"'):
            self._take(_BASIC)
        elif self._sees("'"):
            self._take(_LITERAL)
        elif self._sees("["):
            self._array(path)
        elif self._sees("{"):
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while True:
            self._skip(_BLANK)
            if self._sees("]"):
                break
            self.lines[*path, index] = self._line()
            self._value((*path, index))
            index += 1
            self._skip(_BLANK)
            if self._sees(","):
                self.at += 1
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while True:
            self._skip(_BLANK)
            if self._sees("}"):
                break
            self._key_value(path)
            self._skip(_BLANK)
            if self._sees(","):
                self.at += 1
        self.at += 1

    def _long_basic(self) -> None:
        self.at += 3
        while (match := _ESCAPED_OR_QUOTES.search(self.text, self.at)) is not None:
            self.at = match.end()
            if match.group() == '"""':
                break
        self._trailing_quotes('"')

    def _long_literal(self) -> None:
        self.at = self.text.index("'''", self.at + 3) + 3
        self._trailing_quotes("'")

    def _trailing_quotes(self, quote: str) -> None:
        """Up to two quotes may stand directly before the closing three."""
        for _ in range(2):
            if self._sees(quote):
                self.at += 1

    def _sees(self, start: str) -> bool:
        return self.text.startswith(start, self.at)

    def _line(self) -> int:
        return bisect_right(self.starts, self.at)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not valid TOML at line {self._line()}")
        self.at = match.end()
        return match.group()
