"""A patch leads from the old index to the new one, whatever has changed."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.repository import blocks, diffs, tables
from debwright.repository.diffs import Digest
from debwright.repository.index_parts import constant, split_records
from debwright.repository.tables import Layout, Piece

TEXTS = st.dictionaries(st.integers(0, 60), st.integers(0, 3), max_size=40)
LAYOUT = Layout(average=4, split=split_records)


def part(number: int, content: int) -> tuple[bytes, bytes]:
    text = f"Package: p{number:03}\nFilename: pool/{number:03}\n" + "X: y\n" * content + "\n"
    return f"p{number:03}\0pool/{number:03}".encode(), text.encode()


def apply(old: bytes, patch: bytes) -> bytes:
    """What apt's methods/rred.cc does; it refuses commands that do not go backwards."""
    lines, rest = old.splitlines(keepends=True), patch.splitlines(keepends=True)
    offset = len(lines) + 1
    while rest:
        command = rest.pop(0).decode().strip()
        first, _, last = command[:-1].partition(",")
        start, end = int(first), int(last or first)
        assert start <= offset
        text = []
        if command[-1] in "ac":
            while (line := rest.pop(0)) != b".\n":
                text.append(line)
        if command[-1] == "a":
            lines[start:start] = text
            offset = start
        else:
            assert command[-1] in "cd"
            assert 0 < start <= end <= len(lines)
            lines[start - 1 : end] = text
            offset = start - 1
    return b"".join(lines)


@given(TEXTS, TEXTS, st.sets(st.integers(0, 60), max_size=30))
def test_a_patch_leads_to_the_new_index(
    before: dict[int, int], more: dict[int, int], less: set[int]
) -> None:
    texts: dict[bytes, bytes] = {}
    pieces = []
    for group in blocks.pieces([part(n, c) for n, c in sorted(before.items())], 4):
        text = b"".join(t for _, t in group)
        digest = hashlib.sha256(text).digest()
        texts[digest] = text
        pieces.append(Piece(first=group[0][0], digest=digest, lines=text.count(b"\n")))
    edits = {part(n, 0)[0]: constant(None) for n in less}
    edits |= {part(n, c)[0]: constant(part(n, c)[1]) for n, c in more.items()}
    after = {n: c for n, c in before.items() if n not in less} | more
    patch = diffs.script(pieces, tables.runs(pieces, edits, LAYOUT, lambda p: texts[p.digest]))
    assert patch is not None
    old = b"".join(part(n, c)[1] for n, c in sorted(before.items()))
    assert apply(old, patch) == b"".join(part(n, c)[1] for n, c in sorted(after.items()))


@pytest.mark.parametrize(
    "text", [b"Package: a\n.\n\n", b"Package: a\nX: " + b"x" * 40_000 + b"\n\n"]
)
def test_what_rred_cannot_read_is_no_patch(text: bytes) -> None:
    assert diffs.script([], tables.runs([], {b"a\0": constant(text)}, LAYOUT, bytes)) is None  # type: ignore[arg-type]


class Series:
    """Publications of one index, each below a directory of its own."""

    def __init__(self, place: Path, *, packed: int = 100_000) -> None:
        self.place, self.packed, self.number = place, packed, 0
        self.current = self.make(b"0")

    def index(self, number: int) -> Path:
        return self.place / str(number) / "Packages"

    def make(self, text: bytes) -> Digest:
        self.index(self.number).parent.mkdir()
        self.index(self.number).write_bytes(text)
        self.index(self.number).with_name("Packages.xz").write_bytes(b"x" * self.packed)
        return Digest.of(text)

    def publish(self, text: bytes, patch: bytes | None = b"1d\n") -> diffs.DiffIndex | None:
        before, was = self.index(self.number), self.current
        self.number += 1
        self.current = self.make(text)
        index = self.index(self.number)
        diffs.write(index, before, was=was, now=self.current, patch=patch, name=f"n{self.number}")
        return diffs.read(self.list)

    @property
    def list(self) -> Path:
        return diffs.directory_of(self.index(self.number)) / "Index"

    @property
    def files(self) -> set[str]:
        return {p.name for p in self.list.parent.iterdir() if p.name != "Index"}


def test_patches_gather_and_the_oldest_go(tmp_path: Path) -> None:
    series = Series(tmp_path)
    for number in range(1, diffs.MOST_PATCHES + 4):
        found = series.publish(str(number).encode())
        assert found is not None
        assert found.current == Digest.of(str(number).encode())
        first = max(1, number - diffs.MOST_PATCHES + 1)
        assert [p.name for p in found.patches] == [f"n{n}" for n in range(first, number + 1)]
        assert [p.start for p in found.patches][-1] == Digest.of(str(number - 1).encode())
        # One that has just gone is there for who has read the list before.
        assert {f"n{n}.gz" for n in range(max(1, first - 1), number + 1)} == series.files


def test_an_index_that_stays_keeps_its_patches(tmp_path: Path) -> None:
    series = Series(tmp_path)
    first = series.publish(b"1")
    assert series.publish(b"1", None) == first


def test_without_a_patch_there_is_no_way_from_before(tmp_path: Path) -> None:
    series = Series(tmp_path)
    series.publish(b"1")
    assert series.publish(b"2", None) is None
    found = series.publish(b"3")
    assert found is not None
    assert [p.start for p in found.patches] == [Digest.of(b"2")]


def test_patches_are_never_more_than_half_of_what_they_save(tmp_path: Path) -> None:
    series = Series(tmp_path, packed=60)  # a patch is more than 20 bytes
    assert len((series.publish(b"1") or pytest.fail()).patches) == 1
    assert len((series.publish(b"2") or pytest.fail()).patches) == 1
    (tmp_path / "small").mkdir()
    small = Series(tmp_path / "small", packed=30)
    assert small.publish(b"1") is None
    assert not small.list.parent.exists()


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"SHA256-Current: x\n", b"SHA256-History:\n a b c\n"]
)
def test_a_list_that_is_none_is_none(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "Index").write_bytes(text)
    assert diffs.read(tmp_path / "Index") is None


@given(st.text())
def test_any_list_is_read_without_an_error(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "Index"
        path.write_text(text, encoding="utf-8", errors="replace")
        found = diffs.read(path)
        assert all("/" not in p.name for p in (found.patches if found is not None else ()))
