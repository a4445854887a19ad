"""Collections: documents that are asked apart or together, and the folders they come from."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from local_rag.core.errors import Conflict, NotFound
from local_rag.index.connection import Connections
from local_rag.index.rows import now, time_of

# A document belongs to every collection that one of its sources belongs to.
_MEMBERS = (
    "FROM sources s JOIN documents d ON d.id = s.document_id "
    "WHERE s.collection_id=c.id AND d.deleted IS NULL"
)
_READ = (
    f"SELECT c.id, c.name, c.created, (SELECT count(DISTINCT d.id) {_MEMBERS}) AS documents "
    "FROM collections c"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """A collection; `folders` are those that are watched for it."""

    id: int
    name: str
    documents: int
    created: datetime
    folders: tuple[str, ...] = ()


class Collections:
    """The tables of collections and of the folders that belong to them."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def create(self, name: str) -> Collection:
        """Store a new collection. Raises Conflict when there is one of that name."""
        with self._connections.write() as db:
            _require_free(db, name)
            cursor = db.execute(
                "INSERT INTO collections (name, created) VALUES (?,?)", (name, now())
            )
            number = int(cursor.lastrowid or 0)
        return self.get(number)

    def get(self, collection_id: int) -> Collection:
        """Return a collection. Raises NotFound."""
        with self._connections.read() as db:
            rows = db.execute(f"{_READ} WHERE c.id=?", (collection_id,)).fetchall()
            if not rows:
                raise NotFound(f"there is no collection {collection_id}")
            return _read(db, rows)[0]

    def list(self) -> list[Collection]:
        """Return all collections by name."""
        with self._connections.read() as db:
            return _read(db, db.execute(f"{_READ} ORDER BY c.name COLLATE NOCASE").fetchall())

    def rename(self, collection_id: int, name: str) -> Collection:
        """Give a collection another name. Raises NotFound, Conflict."""
        with self._connections.write() as db:
            _require_free(db, name, collection_id)
            db.execute("UPDATE collections SET name=? WHERE id=?", (name, collection_id))
        return self.get(collection_id)

    def delete(self, collection_id: int) -> None:
        """Remove a collection; its documents stay, and its folders are watched no more."""
        self.get(collection_id)
        with self._connections.write() as db:
            db.execute("UPDATE folders SET watched=0 WHERE collection_id=?", (collection_id,))
            db.execute("DELETE FROM collections WHERE id=?", (collection_id,))

    def watch(self, collection_id: int, path: Path) -> Collection:
        """Let a folder be watched: what is in it belongs to the collection. Raises NotFound."""
        self.get(collection_id)
        with self._connections.write() as db:
            db.execute(
                "INSERT INTO folders (path, recursive, metadata, collection_id, watched) "
                "VALUES (?, 1, '{}', ?, 1) ON CONFLICT (path) DO UPDATE SET "
                "collection_id=excluded.collection_id, watched=1",
                (str(path), collection_id),
            )
        return self.get(collection_id)

    def unwatch(self, collection_id: int, path: str) -> Collection:
        """Let a folder be watched no more; its documents stay. Raises NotFound."""
        with self._connections.write() as db:
            if not db.execute(
                "UPDATE folders SET watched=0 WHERE path=? AND collection_id=? AND watched",
                (path, collection_id),
            ).rowcount:
                raise NotFound(f"{path} is not watched for collection {collection_id}")
        return self.get(collection_id)

    def watched(self) -> "Sequence[Path]":
        """Return the folders that are watched for any collection."""
        with self._connections.read() as db:
            rows = db.execute("SELECT path FROM folders WHERE watched ORDER BY path").fetchall()
        return [Path(row[0]) for row in rows]

    def folders(self) -> dict[str, int]:
        """Return the collection of every folder that has one, by path."""
        with self._connections.read() as db:
            rows = db.execute(
                "SELECT path, collection_id FROM folders WHERE collection_id IS NOT NULL"
            )
            return {str(row[0]): int(row[1]) for row in rows}

    def assign(self, document_id: int, collection_id: int | None) -> None:
        """Put a document with all its sources into a collection, or into none."""
        if collection_id is not None:
            self.get(collection_id)
        with self._connections.write() as db:
            db.execute(
                "UPDATE sources SET collection_id=? WHERE document_id=?",
                (collection_id, document_id),
            )

    def assign_source(self, uri: str, collection_id: int) -> None:
        """Put a known source into a collection."""
        with self._connections.write() as db:
            db.execute("UPDATE sources SET collection_id=? WHERE uri=?", (collection_id, uri))

    def chunks(self, collections: "Sequence[int]") -> "Sequence[int]":
        """Return the numbers of all chunks of some collections that a search can find."""
        marks = ",".join("?" * len(collections))
        with self._connections.read() as db:
            rows = db.execute(
                "SELECT id FROM chunks WHERE live AND document_id IN (SELECT document_id "
                f"FROM sources WHERE collection_id IN ({marks})) ORDER BY id",
                tuple(collections),
            )
            return [int(row[0]) for row in rows]


def _require_free(db: sqlite3.Connection, name: str, but: int = 0) -> None:
    if db.execute(
        "SELECT 1 FROM collections WHERE name=? COLLATE NOCASE AND id<>?", (name, but)
    ).fetchone():
        raise Conflict(f"there is a collection called {name!r} already", hint="take another name")


def _read(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[Collection]:
    folders: dict[int, list[str]] = {}
    for path, number in db.execute(
        "SELECT path, collection_id FROM folders WHERE watched ORDER BY path"
    ):
        folders.setdefault(number, []).append(path)
    return [
        Collection(
            **{
                **row,
                "created": time_of(row["created"]),
                "folders": tuple(folders.get(row["id"], ())),
            }
        )
        for row in rows
    ]
