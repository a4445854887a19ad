"""What is known of pool files and of indices that were written before.

A publication reads the new packages alone, and packs again what they change. Nothing here is needed
to be right: each row carries a checksum, and a damaged database is made again from the pool.
"""

import gzip
import hashlib
import os
import shutil
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from debwright.repository import store, tables
from debwright.repository.blocks import Packed, pack
from debwright.repository.entries import Entries
from debwright.repository.model import Entry
from debwright.repository.tables import Piece

NAME = "index.db"
_VERSION = 2
_SPARE = 1000
"""Rows beyond the needed ones that may stay: for a rollback, or a suite published in turn."""
_AT_ONCE = 500
_PACKED_AT_ONCE = 64
_TABLES = """
CREATE TABLE IF NOT EXISTS file (
    path TEXT PRIMARY KEY, sha256 TEXT, record BLOB, contents BLOB, mark INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS piece (
    digest BLOB PRIMARY KEY, text BLOB, gz BLOB, xz BLOB, mark INTEGER
);
CREATE TABLE IF NOT EXISTS layout (
    name TEXT, state TEXT, count INTEGER, pieces BLOB, mark INTEGER, PRIMARY KEY (name, state)
);
"""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the indices say of a pool file."""

    text: bytes
    """Its paragraph in Packages or Sources, with the empty line after it."""
    contents: bytes = b""
    """Its lines of Contents."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A piece as it is written: its text where the index is written plain, and compressed."""

    text: bytes
    packed: Packed


class Cache:
    """The records of pool files, and the pieces of indices."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def records(self, entries: Iterable[Entry]) -> dict[str, Record]:
        """Those that are known, by the path of the pool file."""
        found = {}
        for some in batches(entries, _AT_ONCE):
            wanted = {e.path: e.sha256 for e in some}
            marks = ", ".join("?" * len(wanted))
            rows = self._database.execute(
                f"SELECT path, sha256, record, contents, mark FROM file WHERE path IN ({marks})",  # noqa: S608 - marks alone
                list(wanted),
            )
            for path, sha256, text, contents, mark in rows:
                if wanted[path] == sha256 and mark == _mark(path.encode(), text, contents):
                    found[path] = Record(text=text, contents=contents)
        return found

    def unknown(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of which there is no record."""
        unique = {e.path: e for e in entries}
        known: set[str] = set()
        for some in batches(unique.values(), _AT_ONCE):
            known |= self.records(some).keys()
        return [e for path, e in unique.items() if path not in known]

    def add(self, entries: Iterable[Entry], records: Mapping[str, Record]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)",
            [
                (e.path, e.sha256, r.text, r.contents, _mark(e.path.encode(), r.text, r.contents))
                for e in entries
                if (r := records.get(e.path)) is not None
            ],
        )

    def layout(self, name: str, state: str) -> list[Piece] | None:
        """The pieces of an index in a state of its suite."""
        row = self._database.execute(
            "SELECT pieces, mark FROM layout WHERE name = ? AND state = ?", (name, state)
        ).fetchone()
        if not state or row is None or row[1] != _mark(row[0]):
            return None
        return tables.restore(row[0])

    def keep_layout(
        self, name: str, state: str, pieces: Sequence[Piece], before: Collection[str]
    ) -> None:
        """Remember the pieces; of other states than `before` they are forgotten."""
        data = tables.dump(pieces)
        states = [state, *before]
        marks = ", ".join("?" * len(states))
        self._database.execute(
            f"DELETE FROM layout WHERE name = ? AND state NOT IN ({marks})",  # noqa: S608 - marks alone
            [name, *states],
        )
        row = (name, state, len(pieces), data, _mark(data))
        self._database.execute("INSERT OR REPLACE INTO layout VALUES (?, ?, ?, ?, ?)", row)

    def pack(self, texts: Iterable[bytes], *, plain: bool) -> list[bytes]:
        """Compress every text, to xz as well where it is wanted `plain`; their digests. Those that
        were compressed before are not again."""
        digests: list[bytes] = []
        for some in batches(texts, _PACKED_AT_ONCE):
            keys = [hashlib.sha256(text).digest() for text in some]
            digests += keys
            fresh = {
                key: text for key, text in zip(keys, some, strict=True) if not self._has(key, plain)
            }
            # Compression leaves the interpreter's lock to others.
            with ThreadPoolExecutor(max_workers=_cpus()) as pool:
                packed = list(pool.map(partial(pack, xz=plain), fresh.values()))
            for (key, text), each in zip(fresh.items(), packed, strict=True):
                kept = text if plain else b""
                row = (key, kept, each.gz, each.xz, _mark(kept, each.gz, each.xz))
                self._database.execute("INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?, ?)", row)
        return digests

    def _has(self, digest: bytes, plain: bool) -> bool:
        row = self._database.execute(
            "SELECT length(xz) FROM piece WHERE digest = ?", (digest,)
        ).fetchone()
        return row is not None and (row[0] > 0 or not plain)

    def piece(self, digest: bytes) -> Stored:
        """A piece that was packed. Raises sqlite3.DatabaseError when it is damaged or gone."""
        row = self._database.execute(
            "SELECT text, gz, xz, mark FROM piece WHERE digest = ?", (digest,)
        ).fetchone()
        if row is None or row[3] != _mark(*row[:3]):
            raise sqlite3.DatabaseError("a piece of an index is damaged")
        return Stored(text=row[0], packed=Packed(gz=row[1], xz=row[2]))

    def text(self, piece: Piece) -> bytes:
        """The text of a piece."""
        stored = self.piece(piece.digest)
        return stored.text or gzip.decompress(stored.packed.gz)

    def trim(self, suites: Mapping[str, Entries]) -> None:
        """Forget what no suite and no index has any more, once there is much of it."""
        (rows,) = self._database.execute("SELECT count(*) FROM piece").fetchone()
        (used,) = self._database.execute("SELECT coalesce(sum(count), 0) FROM layout").fetchone()
        if rows > 2 * used + _SPARE:
            layouts = self._database.execute("SELECT pieces FROM layout").fetchall()
            wanted = {p.digest for (data,) in layouts for p in tables.restore(data)}
            self._forget("piece", "digest", wanted)
        (rows,) = self._database.execute("SELECT count(*) FROM file").fetchone()
        if rows > 2 * sum(len(entries) for entries in suites.values()) + _SPARE:
            self._forget("file", "path", {e.path for entries in suites.values() for e in entries})

    def _forget(self, table: str, column: str, wanted: Collection[object]) -> None:
        there = self._database.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608 - ours
        gone = [row for row in there if row[0] not in wanted]
        self._database.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608


T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _cpus() -> int:
    return os.cpu_count() or 1


def directory(repo: Path) -> Path:
    return store.private(repo) / "cache"


def remove(repo: Path) -> None:
    shutil.rmtree(directory(repo), ignore_errors=True)


@contextmanager
def opened(repo: Path) -> Iterator[Cache]:
    """The cache of a repository whose lock is held. Raises sqlite3.DatabaseError for a damaged one.

    What was added is kept when the block ends without an exception.
    """
    store.make_directories(directory(repo))
    # Not synced: after a power cut the checksums tell what is left of it.
    with closing(sqlite3.connect(directory(repo) / NAME, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"its version is {version}")
        database.executescript(_TABLES)
        database.execute(f"PRAGMA user_version = {_VERSION}")
        database.execute("BEGIN")
        yield Cache(database)
        database.execute("COMMIT")


def _mark(*parts: bytes) -> int:
    mark = 0
    for part in parts:
        mark = zlib.crc32(part, mark)
    return mark
