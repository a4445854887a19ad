"""Packages, Sources and Contents of a suite, put together from the records of its pool files.

What did not change since the publication before is neither read nor packed again (tables.py).
"""

import gzip
import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from debwright.repository import blocks, cache, diffs, pool, store, tables
from debwright.repository.blocks import Part, XzFile
from debwright.repository.cache import Cache, Record
from debwright.repository.describe import describe
from debwright.repository.diffs import Digest
from debwright.repository.entries import Changes, Entries
from debwright.repository.index_parts import (
    belongs,
    constant,
    contents_edits,
    contents_parts,
    owners_of,
    record_key,
    record_text,
    split_contents,
    split_records,
)
from debwright.repository.model import Entry
from debwright.repository.promises import Promise
from debwright.repository.release import listed_files
from debwright.repository.tables import Edit, Layout, Piece, Run

RECORDS_A_PIECE = 128
"""On average. Fewer would compress worse: 4 % worse than the whole at once with these."""
LINES_A_PIECE = 1024
DESCRIBED_AT_ONCE = 10_000
RECORDS_AT_ONCE = 500
RECORDS = Layout(average=RECORDS_A_PIECE, split=split_records)
CONTENTS = Layout(average=LINES_A_PIECE, split=split_contents)


@dataclass(frozen=True, kw_only=True)
class SuiteChange:
    """A suite whose indices are to be written."""

    entries: Entries
    state: str
    """The new state of the entries."""
    before: str
    """The state that they had, of which `changes` are; empty when it is not known."""
    changes: Changes
    promise: Promise
    number: int
    """Of the publication that they are for."""
    published: Path | None = None
    """The directory of the suite in the publication before."""


@dataclass(frozen=True, kw_only=True)
class Index:
    """One index: of a suite, a component and an architecture or `source`."""

    directory: Path
    """Of its component."""
    suite: str
    component: str
    kind: str

    @property
    def path(self) -> Path:
        if self.kind == "source":
            return self.directory / "source" / "Sources"
        return self.directory / f"binary-{self.kind}" / "Packages"

    def has(self, entry: Entry) -> bool:
        return entry.component == self.component and belongs(entry, self.kind)


def build(
    repo: Path, dists: Path, suites: Mapping[str, SuiteChange], every: Mapping[str, Entries]
) -> None:
    """Write the indices of `suites` below `dists`, which is inside `repo`; `every` is all suites.

    Raises MissingError without apt-ftparchive, DebwrightError when a package cannot be read or
    contradicts its entry.
    """
    try:
        _build(repo, dists, suites, every)
    except sqlite3.DatabaseError:
        # The cache is only there to save time.
        cache.remove(repo)
        _build(repo, dists, suites, every)


def _build(
    repo: Path, dists: Path, suites: Mapping[str, SuiteChange], every: Mapping[str, Entries]
) -> None:
    with cache.opened(repo) as known:
        for suite, change in suites.items():
            suite_indices = _Suite(repo, dists / suite, change, known)
            for component in change.promise.components:
                for kind in (*change.promise.architectures, "source"):
                    suite_indices.write(Index(
                        directory=dists / suite / component, suite=suite, component=component,
                        kind=kind,
                    ))  # fmt: skip
        known.trim(every)


class _Suite:
    """The indices of one suite in the making."""

    def __init__(self, repo: Path, directory: Path, change: SuiteChange, known: Cache) -> None:
        self._repo, self._directory = repo, directory
        self._change, self._known = change, known
        self._before, self._published = change.before, change.published
        gone = known.unknown(e for e in change.changes.removed if e.kind != "file")
        if not all(pool.in_pool(repo, e) for e in gone):
            # Nobody knows any more what they had in the indices.
            self._before, self._published = "", None
        elif change.published is not None:
            self._learn(gone)
        self._learn(e for e in change.changes.added if e.kind != "file")

    def write(self, index: Index) -> None:
        name = f"{index.suite}/{index.component}/{index.kind}"
        self._write_records(f"{name}/records", index)
        if index.kind != "source":
            self._write_contents(f"{name}/contents", index)

    def _learn(self, entries: Iterable[Entry]) -> None:
        """Read what was never read."""
        for some in cache.batches(entries, DESCRIBED_AT_ONCE):
            if unknown := self._known.unknown(some):
                self._known.add(unknown, describe(self._repo, unknown))

    def _all(self, index: Index) -> Iterator[tuple[Entry, Record]]:
        """All entries of an index with their records."""
        for some in cache.batches(
            (e for e in self._change.entries if index.has(e)), RECORDS_AT_ONCE
        ):
            self._learn(some)
            records = self._known.records(some)
            yield from ((e, records[e.path]) for e in some)

    def _write_records(self, name: str, index: Index) -> None:
        before, patch = self._layout_before(name, index.path, RECORDS), None
        if before is None:
            parts = ((record_key(e), record_text(e, r)) for e, r in self._all(index))
            pieces = self._pack(blocks.pieces(parts, RECORDS.average), plain=True)
        else:
            runs = self._runs(before, self._record_edits(index), RECORDS)
            pieces = self._apply(before, runs, RECORDS, plain=True)
            patch = self._patch(before, runs)
        self._keep(name, pieces)
        store.make_directories(index.path.parent)
        with (
            index.path.open("wb") as plain,
            index.path.with_name(f"{index.path.name}.gz").open("wb") as gz,
            index.path.with_name(f"{index.path.name}.xz").open("wb") as xz,
        ):
            stream, sum_ = XzFile(xz.write), hashlib.sha256()
            for piece in pieces:
                stored = self._known.piece(piece.digest)
                plain.write(stored.text)
                sum_.update(stored.text)
                gz.write(stored.packed.gz)
                stream.add(stored.packed.xz)
            if not pieces:
                gz.write(blocks.EMPTY_GZIP)
            stream.finish()
            now = Digest(sha256=sum_.hexdigest(), size=plain.tell())
        self._write_diffs(index, now, patch)

    def _write_contents(self, name: str, index: Index) -> None:
        path = index.directory / f"Contents-{index.kind}.gz"
        before = self._layout_before(name, path, CONTENTS)
        if before is None:
            parts = contents_parts(r.contents for _, r in self._all(index))
            pieces = self._pack(blocks.pieces(parts, CONTENTS.average), plain=False)
        else:
            runs = self._runs(before, self._contents_edits(index), CONTENTS)
            pieces = self._apply(before, runs, CONTENTS, plain=False)
        self._keep(name, pieces)
        with path.open("wb") as gz:
            for piece in pieces:
                gz.write(self._known.piece(piece.digest).packed.gz)
            if not pieces:
                gz.write(blocks.EMPTY_GZIP)

    def _layout_before(self, name: str, path: Path, layout: Layout) -> list[Piece] | None:
        """The pieces of the index that was published before; None when it has to be made of its
        records, as one that there was not."""
        found = self._known.layout(name, self._before)
        if found is not None or self._published is None:
            return found
        # A machine that did not write it reads it, when it is the one that was signed.
        below = path.relative_to(self._directory)
        try:
            data = (self._published / below).read_bytes()
        except FileNotFoundError:
            return None
        if self._published_sums.get(below.as_posix()) != Digest.of(data):
            return None
        plain = path.suffix != ".gz"
        parts = layout.split(data if plain else gzip.decompress(data))
        keys = [key for key, _ in parts]
        if any(one >= other for one, other in pairwise(keys)):
            return None
        return self._pack(blocks.pieces(parts, layout.average), plain=plain)

    def _keep(self, name: str, pieces: Sequence[Piece]) -> None:
        self._known.keep_layout(name, self._change.state, pieces, [self._before])

    def _pack(self, groups: Iterable[Sequence[Part]], *, plain: bool) -> list[Piece]:
        firsts: list[tuple[bytes, int]] = []

        def texts() -> Iterator[bytes]:
            for group in groups:
                text = b"".join(text for _, text in group)
                firsts.append((group[0][0], text.count(b"\n")))
                yield text

        digests = self._known.pack(texts(), plain=plain)
        return [
            Piece(first=first, digest=digest, lines=lines)
            for digest, (first, lines) in zip(digests, firsts, strict=True)
        ]

    def _runs(
        self, before: Sequence[Piece], edits: Mapping[bytes, Edit], layout: Layout
    ) -> list[Run]:  # fmt: skip
        return tables.runs(before, edits, layout, self._known.text)

    def _apply(
        self, before: Sequence[Piece], runs: Iterable[Run], layout: Layout, *, plain: bool
    ) -> list[Piece]:
        pieces: list[Piece] = []
        end = 0
        for run in runs:
            pieces += before[end : run.begin]
            pieces += self._pack(blocks.pieces(run.new, layout.average), plain=plain)
            end = run.end
        return [*pieces, *before[end:]]

    @property
    def _with_diffs(self) -> bool:
        return self._change.entries.packages > diffs.FROM_PACKAGES

    def _patch(self, before: Sequence[Piece], runs: Sequence[Run]) -> bytes | None:
        return diffs.script(before, runs) if self._with_diffs else None

    def _write_diffs(self, index: Index, now: Digest, patch: bytes | None) -> None:
        """What leads apt from the index of earlier publications to this one."""
        published = self._published
        if published is None or not self._with_diffs:
            return
        name = index.path.relative_to(self._directory).as_posix()
        was = self._published_sums.get(name)
        if was is not None:
            diffs.write(
                index.path, published / name, was=was, now=now, patch=patch,
                name=f"{self._change.number:08}-{self._change.state}",
            )  # fmt: skip

    @cached_property
    def _published_sums(self) -> Mapping[str, Digest]:
        assert self._published is not None
        listed = listed_files((self._published / "Release").read_bytes())
        return {name: Digest(sha256=sha256, size=size) for name, size, sha256 in listed}

    def _record_edits(self, index: Index) -> dict[bytes, Edit]:
        changes = self._change.changes
        gone = [record_key(e) for e in changes.removed if index.has(e)]
        edits = dict.fromkeys(gone, constant(None))
        for some in cache.batches((e for e in changes.added if index.has(e)), RECORDS_AT_ONCE):
            records = self._known.records(some)
            for entry in some:
                edits[record_key(entry)] = constant(record_text(entry, records[entry.path]))
        return edits

    def _contents_edits(self, index: Index) -> dict[bytes, Edit]:
        changes = self._change.changes
        names = dict.fromkeys(e.package for e in changes.removed if index.has(e))
        # Another version of a package that goes may have the same file.
        staying = [e for name in names for e in self._change.entries.named(name)]
        return contents_edits(
            more=self._owners(index, [*changes.added, *staying]),
            less=self._owners(index, changes.removed),
        )

    def _owners(self, index: Index, entries: Iterable[Entry]) -> dict[bytes, set[bytes]]:
        """Who has which path, of those entries that the index has."""
        found: dict[bytes, set[bytes]] = defaultdict(set)
        for some in cache.batches((e for e in entries if index.has(e)), RECORDS_AT_ONCE):
            self._learn(some)
            for record in self._known.records(some).values():
                for path, owner in owners_of(record.contents):
                    found[path].add(owner)
        return found
