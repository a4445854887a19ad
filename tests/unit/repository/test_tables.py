"""A table changed in place is the table made of the changed parts."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from debwright.repository import blocks, tables
from debwright.repository.blocks import Part
from debwright.repository.index_parts import constant, split_records
from debwright.repository.tables import Edit, Layout, Piece

KEYS = st.integers(0, 200)
TEXTS = st.dictionaries(KEYS, st.integers(0, 3), max_size=80)


def part(number: int, content: int) -> Part:
    name, path = f"p{number // 2:03}", f"pool/{number:03}"
    text = f"Package: {name}\nFilename: {path}\nX: {content}\n\n"
    return f"{name}\0{path}".encode(), text.encode()


class Pieces:
    """What the cache does, in a dictionary."""

    def __init__(self) -> None:
        self.texts: dict[bytes, bytes] = {}
        self.read = 0

    def text_of(self, piece: Piece) -> bytes:
        self.read += 1
        return self.texts[piece.digest]

    def make(self, parts: list[Part], average: int) -> list[Piece]:
        made = []
        for group in blocks.pieces(parts, average):
            text = b"".join(t for _, t in group)
            digest = hashlib.sha256(text).digest()
            self.texts[digest] = text
            made.append(Piece(first=group[0][0], digest=digest, lines=text.count(b"\n")))
        return made

    def changed(self, pieces: list[Piece], edits: dict[bytes, Edit], layout: Layout) -> list[Piece]:
        made: list[Piece] = []
        end = 0
        for run in tables.runs(pieces, edits, layout, self.text_of):
            assert run.begin >= end
            assert b"".join(t for _, t in run.old) == b"".join(
                self.texts[p.digest] for p in pieces[run.begin : run.end]
            )
            made += pieces[end : run.begin]
            made += self.make(list(run.new), layout.average)
            end = run.end
        return made + pieces[end:]


@given(TEXTS, TEXTS, st.sets(KEYS, max_size=80), st.integers(1, 40))
def test_edits_give_what_the_whole_would(
    before: dict[int, int], more: dict[int, int], less: set[int], average: int
) -> None:
    known, layout = Pieces(), Layout(average=average, split=split_records)
    pieces = known.make([part(n, c) for n, c in sorted(before.items())], average)
    edits = {part(n, 0)[0]: constant(None) for n in less}
    edits |= {part(n, c)[0]: constant(part(n, c)[1]) for n, c in more.items()}
    after = {n: c for n, c in before.items() if n not in less} | more
    found = known.changed(pieces, edits, layout)
    # Where the pieces end may differ by a version of one package; what they say may not.
    wanted = b"".join(part(n, c)[1] for n, c in sorted(after.items()))
    assert b"".join(known.texts[p.digest] for p in found) == wanted
    assert [split_records(known.texts[p.digest])[0][0] for p in found] == [p.first for p in found]
    assert [p.first for p in found] == sorted({p.first for p in found})
    assert tables.restore(tables.dump(found)) == found


def test_one_change_reads_one_piece_or_two() -> None:
    known, layout = Pieces(), Layout(average=8, split=split_records)
    pieces = known.make([part(n, 0) for n in range(0, 2000, 2)], 8)
    key, text = part(777, 1)
    found = known.changed(pieces, {key: constant(text)}, layout)
    assert known.read <= 2
    assert len(set(found) - set(pieces)) <= 2
