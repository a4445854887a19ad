"""Reading a log: in pieces, without colour, without what a runner puts before a line.

A piece ends at a line's end, so that no line is cut, unless the line is longer than a piece.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

PIECE = 1 << 20
"""Bytes read at once."""

WINDOW = 2000
"""Bytes of a line looked at on either side of what was found in it."""

# CSI and OSC sequences (ECMA-48), and lone controls of terminals.
_ANSI = re.compile(
    rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,400}(?:\x07|\x1b\\)?|[@-Z\\^_])"
)

_PREFIXES = tuple(
    re.compile(p)
    for p in (
        # debwright's build.log: seconds since the start.
        r" {0,8}\d{1,7}\.\d\d ",
        # `gh run view --log`: job, step, time; and a runner's own log, with the time alone.
        r"(?:[^\t\n]{1,200}\t[^\t\n]{0,200}\t)?\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ",
        r"##\[(?:error|warning|debug|command|section)\]",
        # BuildKit: step and seconds.
        r"#\d{1,4} (?:\d+\.\d+ )?",
        # journalctl's short forms: time (short, short-iso, short-full, short-monotonic and
        # short-unix, with their precise kin), host, program.
        r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|"
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,20}|"
        r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z][A-Za-z0-9+-]{1,8}|"
        r"\[\s{0,6}\d{1,7}\.\d{6}\]|\d{10}\.\d{6}) "
        r"[^\s:]{1,64} [^\s:\[\]]{1,64}(?:\[\d+\])?: ",
        # the kernel's, and what systemd writes to the console
        r"\[\s{0,6}\d{1,7}\.\d{6}\] ",
        r"systemd\[\d{1,7}\]: ",
        # what pip, pytest and docker draw beside other programs' output
        "[ \t\u2502\u2570\u2500>\u00d7|]+",
        r"E {3,}",
    )
)


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """The log in pieces of whole lines; a line longer than PIECE comes in several."""
    rest = b""
    while block := stream.read(PIECE):
        if rest:
            block = rest + block
        cut = block.rfind(b"\n") + 1
        if cut:
            rest = block[cut:]
            yield block[:cut]
        elif len(block) >= PIECE:
            rest = b""
            yield block
        else:
            rest = block
    if rest:
        yield rest


def without_colour(piece: bytes) -> bytes:
    """The same lines without escape sequences."""
    return _ANSI.sub(b"", piece) if b"\x1b" in piece else piece


def window(piece: bytes, start: int, end: int) -> tuple[int, int]:
    """The line around piece[start:end]: to its ends, or a carriage return, or WINDOW bytes."""
    first = max(piece.rfind(b"\n", 0, start), piece.rfind(b"\r", max(0, start - WINDOW), start)) + 1
    last = piece.find(b"\n", end)
    last = len(piece) if last < 0 else last
    turn = piece.find(b"\r", end, min(last, end + WINDOW))
    return max(first, start - WINDOW), min(last if turn < 0 else turn, end + WINDOW)


def bare(text: str) -> str:
    """A line without what stands before the message itself."""
    for _ in range(4):
        for prefix in _PREFIXES:
            found = prefix.match(text)
            if found and found.end() < len(text):
                text = text[found.end() :]
                break
        else:
            return text
    return text
