"""A stream that takes anything: it escapes what its encoding has not; a closed pipe is ignored."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TextIO, cast

from debwright.model.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 110
"""Columns where there is no terminal to ask."""


class SafeStream:
    """The part of a text stream that rich and the reporters use.

    A reader that went away (`debwright run | head`) must not stop a build half way through a
    publication, so writes after that are dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"

    @property
    def unicode(self) -> bool:
        return self.encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf16")

    def write(self, text: str) -> int:
        if not self._gone:
            safe = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
            try:
                self._stream.write(safe)
            except BrokenPipeError:
                self._gone = True
        return len(text)

    def flush(self) -> None:
        if self._gone:
            return
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._gone = True

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


def make_console(
    stream: SafeStream, environ: Mapping[str, str], *, width: int | None = None
) -> "Console":
    """A rich console on the stream; without a terminal it has a fixed width and no colour.

    NO_COLOR and COLUMNS of `environ` are obeyed.
    """
    from rich.console import Console

    if width is None and not stream.isatty() and not environ.get("COLUMNS", "").isdigit():
        width = PLAIN_WIDTH
    return Console(
        file=cast(TextIO, stream),
        width=width,
        highlight=False,
        emoji=False,
        markup=False,
        soft_wrap=False,
        legacy_windows=False,
        _environ=environ,
    )


class Ring:
    """The last lines of an output, bounded in number and length whatever the tool prints."""

    def __init__(self, lines: int, width: int = 2000) -> None:
        self._lines: deque[str] = deque(maxlen=lines)
        self._width = width
        self.dropped = 0

    def append(self, text: str) -> None:
        if len(self._lines) == self._lines.maxlen:
            self.dropped += 1
        # Made printable when read: most lines of a build never are.
        self._lines.append(text[: self._width + 1])

    def __iter__(self) -> Iterator[str]:
        return (one_line(line, self._width) for line in self._lines)

    def __len__(self) -> int:
        return len(self._lines)


def one_line(text: str, width: int = 2000) -> str:
    """Untrusted text as one printable line of at most `width` characters."""
    clean = text[:width]
    if not clean.isprintable():
        clean = printable(clean).replace("\n", " ").expandtabs(4)
    return clean if len(text) <= width else f"{clean}…"
