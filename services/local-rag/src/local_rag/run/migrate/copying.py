"""Copying the data of an installation, with the addresses in the index brought up to date."""

import filecmp
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_rag.core.errors import RagError, Unavailable
from local_rag.core.files import hold
from local_rag.documents.imports.sources import path_of
from local_rag.index.backup import verify
from local_rag.run.migrate.places import Place
from local_rag.text.hashing import source_hash

_SPARE_BYTES = 64_000_000
_ADDRESSES = (("sources", "uri"), ("job_items", "uri"), ("rejects", "uri"))


@contextmanager
def held(place: Place) -> Iterator[None]:
    """Keep services away from an index. Raises Conflict when one uses it."""
    descriptor = hold(place.index)
    try:
        # The service runs as another user than this command and must be able to take it.
        os.fchown(descriptor, *place.owner)
        yield
    finally:
        os.close(descriptor)


def require_room(source: Place, target: Place) -> None:
    """Raise Unavailable when the target's disk has no room for a copy."""
    needed = _SPARE_BYTES + sum(_size(path) for path in source.entries())
    free = shutil.disk_usage(target.data).free
    if free < needed:
        raise Unavailable(
            f"the copy needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free",
            hint=f"make room: df -h {target.data}",
        )


def _size(path: Path) -> int:
    if not path.is_dir() or path.is_symlink():
        return path.lstat().st_size
    return sum(_size(inner) for inner in path.iterdir())


def copy_entries(source: Place, folder: Path) -> None:
    """Copy everything but the index. Links are kept as links."""
    for path in source.entries():
        if path == source.index:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, folder / path.name, symlinks=True)
        else:
            shutil.copy2(path, folder / path.name, follow_symlinks=False)


def require_same(source: Place, folder: Path) -> None:
    """Compare every file but the index with its copy. Raises RagError for one that differs."""
    for path in source.entries():
        if path == source.index:
            continue
        different = _difference(path, folder / path.name)
        if different is not None:
            raise RagError(
                f"the copy of {different} is not the same",
                hint="did something write to it? Nothing was changed here; run it again",
            )


def _difference(here: Path, there: Path) -> Path | None:
    if here.is_symlink() or there.is_symlink():
        links = here.is_symlink() and there.is_symlink()
        return None if links and here.readlink() == there.readlink() else here
    if not here.is_dir():
        return None if there.is_file() and filecmp.cmp(here, there, shallow=False) else here
    names = sorted(path.name for path in here.iterdir())
    if not there.is_dir() or names != sorted(path.name for path in there.iterdir()):
        return here
    return next((d for n in names if (d := _difference(here / n, there / n)) is not None), None)


def copy_index(source: Place, target: Place, copy: Path) -> None:
    """Copy the index and let its uploaded documents be where they will be.

    The source is only read. Raises StoreCorrupt when it is not a whole index.
    """
    if not source.index.exists():
        return
    verify(source.index)
    db = sqlite3.connect(copy, isolation_level=None)
    try:
        with sqlite3.connect(f"{source.index.as_uri()}?mode=ro", uri=True) as old:
            old.backup(db)
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("PRAGMA secure_delete=ON")
        _readdress(db, source, target)
    finally:
        db.close()
    copy.chmod(0o600)
    verify(copy)


def _readdress(db: sqlite3.Connection, source: Place, target: Place) -> None:
    old = f"{(source.data / 'uploads').resolve().as_uri()}/"
    new = f"{(target.data / 'uploads').resolve().as_uri()}/"
    db.execute("BEGIN IMMEDIATE")
    rows = db.execute("SELECT id, uri, metadata, source_hash FROM sources").fetchall()
    for row, uri, metadata, known in rows:
        if uri.startswith(old):
            moved = new + uri.removeprefix(old)
            digest = _hash_under(moved, uri, json.loads(metadata), known)
            db.execute("UPDATE sources SET source_hash=? WHERE id=?", (digest, row))
    for table, column in _ADDRESSES:
        db.execute(
            f"UPDATE {table} SET {column}=? || substr({column}, ?) WHERE substr({column}, 1, ?)=?",
            (new, len(old) + 1, len(old), old),
        )
    for job, sources in db.execute("SELECT id, sources FROM jobs").fetchall():
        moved_sources = [
            new + uri.removeprefix(old) if uri.startswith(old) else uri
            for uri in json.loads(sources)
        ]
        db.execute("UPDATE jobs SET sources=? WHERE id=?", (json.dumps(moved_sources), job))
    db.commit()


def _hash_under(moved: str, uri: str, metadata: dict[str, str], known: str) -> str:
    """Return the hash that an uploaded file has under its new address.

    A file that is gone or was changed keeps the one it has, so that this is still noticed.
    """
    try:
        data = path_of(uri).read_bytes()
    except OSError:
        return known
    if source_hash(uri, metadata, data) != known:
        return known
    return source_hash(moved, metadata, data)


def give(folder: Path, owner: tuple[int, int]) -> None:
    """Make everything below a directory its owner's, and durable."""
    for path in folder.rglob("*"):
        os.chown(path, *owner, follow_symlinks=False)
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def counts(index: Path) -> dict[str, int]:
    """Return how much an index holds; nothing of it may be lost on the way."""
    if not index.exists():
        return {}
    db = sqlite3.connect(f"{index.as_uri()}?mode=ro", uri=True)
    try:
        return {
            table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in ("documents", "sources", "chunks", "vectors")
        }
    except sqlite3.Error as error:
        raise RagError(f"{index} cannot be read: {error}") from error
    finally:
        db.close()


def folders_below(index: Path, beginnings: tuple[str, ...]) -> dict[str, int]:
    """Return how many documents came from each home directory below these paths."""
    db = sqlite3.connect(f"{index.as_uri()}?mode=ro", uri=True)
    try:
        uris = [str(row[0]) for row in db.execute("SELECT uri FROM sources")]
    finally:
        db.close()
    found: dict[str, int] = {}
    for uri in uris:
        path = str(path_of(uri)) if uri.startswith("file:") else ""
        if path.startswith(beginnings):
            folder = str(Path(path).parent)
            found[folder] = found.get(folder, 0) + 1
    return dict(sorted(found.items()))
