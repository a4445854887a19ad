"""What is known of pool files that were read before: their records for the indices.

A publication reads the new packages alone. Nothing here is needed to be right: each row carries a
checksum, and a database that is damaged is made anew from the pool.
"""

import hashlib
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debwright.repository import blocks, store
from debwright.repository.blocks import Packed
from debwright.repository.model import Entry

NAME = "index.db"
_VERSION = 1
_SPARE = 1000
"""Rows beyond the needed ones that may stay: for a rollback, or a suite published in turn."""
_TABLES = """
CREATE TABLE IF NOT EXISTS file (
    path TEXT PRIMARY KEY, sha256 TEXT, record BLOB, contents BLOB, mark INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS piece (digest BLOB PRIMARY KEY, gz BLOB, xz BLOB, mark INTEGER);
"""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the indices say of a pool file."""

    text: bytes
    """Its paragraph in Packages or Sources, with the empty line after it."""
    contents: bytes = b""
    """Its lines of Contents."""


class Cache:
    """The records of pool files, and the compressed pieces of indices."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._used: set[bytes] = set()

    def records(self, entries: Iterable[Entry]) -> dict[str, Record]:
        """Those that are known, by the path of the pool file."""
        wanted = {e.path: e.sha256 for e in entries}
        rows = self._database.execute("SELECT path, sha256, record, contents, mark FROM file")
        return {
            path: Record(text=text, contents=contents)
            for path, sha256, text, contents, mark in rows
            if wanted.get(path) == sha256 and mark == _mark(path.encode(), text, contents)
        }

    def add(self, entries: Iterable[Entry], records: Mapping[str, Record]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)",
            [
                (e.path, e.sha256, r.text, r.contents, _mark(e.path.encode(), r.text, r.contents))
                for e in entries
                if (r := records.get(e.path)) is not None
            ],
        )

    def pack(self, texts: Sequence[bytes], *, xz: bool) -> list[Packed]:
        """Every text compressed, to xz as well where it is wanted; those that were compressed
        before are not again."""
        digests = [hashlib.sha256(text).digest() for text in texts]
        self._used.update(digests)
        found = [self._piece(d, xz=xz) for d in digests]
        missing = [i for i, piece in enumerate(found) if piece is None]
        # Compression leaves the interpreter's lock to others.
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            fresh = list(pool.map(partial(blocks.pack, xz=xz), [texts[i] for i in missing]))
        for i, piece in zip(missing, fresh, strict=True):
            found[i] = piece
            row = (digests[i], piece.gz, piece.xz, _mark(piece.gz, piece.xz))
            self._database.execute("INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?)", row)
        return [piece for piece in found if piece is not None]

    def _piece(self, digest: bytes, *, xz: bool) -> Packed | None:
        row = self._database.execute(
            "SELECT gz, xz, mark FROM piece WHERE digest = ?", (digest,)
        ).fetchone()
        if row is None or row[2] != _mark(row[0], row[1]) or (xz and not row[1]):
            return None
        return Packed(gz=row[0], xz=row[1])

    def trim(self, entries: Mapping[str, Sequence[Entry]]) -> None:
        """Forget what no suite has any more, once there is much of it."""
        known = {e.path for suite in entries.values() for e in suite}
        (rows,) = self._database.execute("SELECT count(*) FROM file").fetchone()
        if rows > 2 * len(known) + _SPARE:
            paths = [r[0] for r in self._database.execute("SELECT path FROM file")]
            self._database.executemany(
                "DELETE FROM file WHERE path = ?", [(p,) for p in paths if p not in known]
            )
        (rows,) = self._database.execute("SELECT count(*) FROM piece").fetchone()
        if rows > 2 * len(self._used) + _SPARE:
            digests = [r[0] for r in self._database.execute("SELECT digest FROM piece")]
            self._database.executemany(
                "DELETE FROM piece WHERE digest = ?", [(d,) for d in digests if d not in self._used]
            )


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
