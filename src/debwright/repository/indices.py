"""Packages, Sources and Contents of a suite, put together from the records of its pool files."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from debwright.repository import blocks, cache, store
from debwright.repository.cache import Cache, Record
from debwright.repository.describe import describe
from debwright.repository.model import Entry
from debwright.repository.promises import Promise

RECORDS_A_PIECE = 128
"""On average. Fewer would compress worse: 4 % worse than the whole at once with these."""
LINES_A_PIECE = 1024


def build(
    repo: Path,
    dists: Path,
    suites: Mapping[str, Sequence[Entry]],
    promises: Mapping[str, Promise],
) -> None:
    """Write the indices of `suites` below `dists`, which is inside `repo`: those of `promises`.

    Raises MissingError without apt-ftparchive, DebwrightError when a package cannot be read or
    contradicts its entry.
    """
    try:
        _build(repo, dists, suites, promises)
    except sqlite3.DatabaseError:
        # The cache is only there to save time.
        cache.remove(repo)
        _build(repo, dists, suites, promises)


def _build(
    repo: Path,
    dists: Path,
    suites: Mapping[str, Sequence[Entry]],
    promises: Mapping[str, Promise],
) -> None:
    with cache.opened(repo) as known:
        described = [e for entries in suites.values() for e in entries if e.kind != "file"]
        records = known.records(described)
        unknown = list({e.path: e for e in described if e.path not in records}.values())
        if unknown:
            fresh = describe(repo, unknown)
            known.add(unknown, fresh)
            records |= fresh
        for suite, entries in suites.items():
            for component in promises[suite].components:
                own = [e for e in entries if e.component == component]
                _write_component(dists / suite / component, own, records, known,
                                 promises[suite].architectures)  # fmt: skip
        known.trim(suites)


def _write_component(
    directory: Path,
    entries: Sequence[Entry],
    records: Mapping[str, Record],
    known: Cache,
    kinds: Sequence[str],
) -> None:
    for kind in kinds:
        chosen = [(e, records[e.path]) for e in entries if belongs(e, kind)]
        _write_records(directory / f"binary-{kind}" / "Packages", chosen, known)
        packed = known.pack(list(_contents(r.contents for _, r in chosen)), xz=False)
        (directory / f"Contents-{kind}.gz").write_bytes(blocks.gzip_file(packed))
    sources = [(e, records[e.path]) for e in entries if belongs(e, "source")]
    # Though it be empty: who has asked for sources once should not be warned when they go.
    _write_records(directory / "source" / "Sources", sources, known)


def _write_records(index: Path, chosen: Iterable[tuple[Entry, Record]], known: Cache) -> None:
    """An index in plain text, as .gz and as .xz."""
    parts = ((e.package.encode(), r.text) for e, r in chosen)
    texts = list(blocks.pieces(parts, RECORDS_A_PIECE))
    packed = known.pack(texts, xz=True)
    store.make_directories(index.parent)
    index.write_bytes(b"".join(texts))
    index.with_name(f"{index.name}.gz").write_bytes(blocks.gzip_file(packed))
    index.with_name(f"{index.name}.xz").write_bytes(blocks.xz_file(packed))


def belongs(entry: Entry, kind: str) -> bool:
    """Whether an entry stands in the index of an architecture, or of `source`."""
    if kind == "source":
        return entry.kind == "dsc"
    return entry.kind == "deb" and entry.architecture in (kind, "all")


def _contents(files: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of Contents: each path once, with every package that has it."""
    # Sorted first: those of each package are so already, and a set would lose it.
    lines = list(dict.fromkeys(sorted(b"".join(files).splitlines())))
    split = [line.rpartition(b" ")[::2] for line in lines]
    if len({path for path, _ in split}) == len(split):
        parts = ((path, line + b"\n") for (path, _), line in zip(split, lines, strict=True))
    else:
        owners: dict[bytes, bytes] = {}
        for path, owner in split:
            owners[path] = owners[path] + b"," + owner if path in owners else owner
        parts = ((path, path + b" " + owner + b"\n") for path, owner in owners.items())
    return blocks.pieces(parts, LINES_A_PIECE)
