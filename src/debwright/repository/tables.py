"""A sorted index as a list of pieces, of which a change touches a few.

A piece is known by the digest of its text; what is known of the text, and its compressed forms,
is in the cache.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from debwright.repository import blocks
from debwright.repository.blocks import Part

Edit = Callable[[bytes | None], bytes | None]
"""What becomes of the text of a key; None is none."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of an index: its first key, the SHA-256 of its text, and how many lines that has."""

    first: bytes
    digest: bytes
    lines: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How an index is made of parts."""

    average: int
    """Parts of a piece."""
    split: Callable[[bytes], list[Part]]
    """The parts of a text."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Pieces that stand one after the other, and what takes their place."""

    begin: int
    end: int
    """Of the pieces, as of a slice."""
    old: tuple[Part, ...]
    new: tuple[Part, ...]


def runs(
    pieces: Sequence[Piece], edits: Mapping[bytes, Edit], layout: Layout,
    text_of: Callable[[Piece], bytes],
) -> list[Run]:  # fmt: skip
    """The parts of `pieces` that change, from the first to the last."""
    touched: dict[int, dict[bytes, Edit]] = {}
    firsts = [piece.first for piece in pieces]
    for key, edit in edits.items():
        touched.setdefault(max(0, bisect_right(firsts, key) - 1), {})[key] = edit
    found: list[Run] = []
    for place in sorted(touched):
        begin, end = place, min(place + 1, len(pieces))
        old = layout.split(text_of(pieces[place])) if pieces else []
        new = _edited(old, touched[place])
        # A piece whose beginning is no cut belongs to the one before it.
        while begin and not _begins(new, layout):
            begin -= 1
            if found and found[-1].end > begin:
                last = found.pop()
                begin, old, new = last.begin, [*last.old, *old], [*last.new, *new]
            else:
                before = layout.split(text_of(pieces[begin]))
                old, new = [*before, *old], [*before, *new]
        found.append(Run(begin=begin, end=end, old=tuple(old), new=tuple(new)))
    return found


def _begins(parts: Sequence[Part], layout: Layout) -> bool:
    return bool(parts) and blocks.is_cut(parts[0][0].partition(b"\0")[0], layout.average)


def _edited(parts: Iterable[Part], edits: Mapping[bytes, Edit]) -> list[Part]:
    texts = dict(parts)
    for key, edit in edits.items():
        text = edit(texts.get(key))
        if text is None:
            texts.pop(key, None)
        else:
            texts[key] = text
    return sorted(texts.items())


def dump(pieces: Sequence[Piece]) -> bytes:
    rows = [[p.first.decode("latin-1"), p.digest.hex(), p.lines] for p in pieces]
    return json.dumps(rows).encode()


def restore(data: bytes) -> list[Piece]:
    return [
        Piece(first=first.encode("latin-1"), digest=bytes.fromhex(digest), lines=lines)
        for first, digest, lines in json.loads(data)
    ]
