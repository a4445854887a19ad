"""Documents and their sources. Every change is one transaction."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from local_rag.core.errors import NotFound
from local_rag.core.types import Document, Section
from local_rag.index import chunks_table as chunks
from local_rag.index.connection import Connections
from local_rag.index.jobs_table import PURGED
from local_rag.index.rows import (
    DOCUMENT_COLUMNS,
    SOURCE_QUERY,
    Incoming,
    SourceFacts,
    StoredSource,
    list_filter,
    now,
    pack_metadata,
    pack_sections,
    read_documents,
    read_source,
    unpack_sections,
)
from local_rag.text.chunking import join_sections

PutOutcome = Literal["added", "changed", "linked"]
# What else belongs into the same transaction, such as the state of an import item.
Also = Callable[[sqlite3.Connection, int], None]


@dataclass(frozen=True, slots=True)
class Put:
    """What storing a document came to; `linked` means its content was there already."""

    document_id: int
    outcome: PutOutcome


class Documents:
    """Reading and changing documents."""

    def __init__(self, connections: Connections, changed: Callable[[], None]) -> None:
        self._connections = connections
        self._changed = changed

    # -- reading ----------------------------------------------------------------------------

    def get(self, document_id: int) -> Document:
        """Return a document, also a soft-deleted one. Raises NotFound."""
        with self._connections.read() as db:
            _must_be_there(db, document_id)
            query = f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE id=?"
            return read_documents(db, db.execute(query, (document_id,)).fetchall())[0]

    def list(
        self,
        *,
        limit: int = 100,
        offset: int = 0,
        include_deleted: bool = False,
        text: str | None = None,
        collection: int | None = None,
    ) -> list[Document]:
        """Return documents, newest first; `text` is looked for in titles and sources."""
        where, values = list_filter(include_deleted, text, collection)
        with self._connections.read() as db:
            rows = db.execute(
                f"SELECT {DOCUMENT_COLUMNS} FROM documents d {where} "
                "ORDER BY d.updated DESC, d.id DESC LIMIT ? OFFSET ?",
                (*values, limit, offset),
            ).fetchall()
            return read_documents(db, rows)

    def count(
        self,
        *,
        include_deleted: bool = False,
        text: str | None = None,
        collection: int | None = None,
    ) -> int:
        """Return how many documents `list` has in all."""
        where, values = list_filter(include_deleted, text, collection)
        with self._connections.read() as db:
            row = db.execute(f"SELECT count(*) FROM documents d {where}", values).fetchone()
        return int(row[0])

    def sections(self, document_id: int) -> tuple[Section, ...]:
        """Return the text of a document as it was extracted. Raises NotFound."""
        with self._connections.read() as db:
            row = db.execute(
                "SELECT sections FROM contents WHERE document_id=?", (document_id,)
            ).fetchone()
        if row is None:
            raise NotFound(f"there is no document {document_id}")
        return unpack_sections(row[0])

    def text(self, document_id: int) -> str:
        """Return the whole text, in which the offsets of chunks count. Raises NotFound."""
        return join_sections(self.sections(document_id))

    def source(self, uri: str) -> StoredSource | None:
        """Return what is stored about a source, or None."""
        with self._connections.read() as db:
            row = db.execute(f"{SOURCE_QUERY} WHERE s.uri=?", (uri,)).fetchone()
        return read_source(row) if row else None

    def sources(self, prefix: str = "") -> "Sequence[StoredSource]":
        """Return all sources whose URI begins with a prefix."""
        with self._connections.read() as db:
            rows = db.execute(
                f"{SOURCE_QUERY} WHERE substr(s.uri, 1, ?) = ? ORDER BY s.uri",
                (len(prefix), prefix),
            ).fetchall()
        return [read_source(row) for row in rows]

    def by_content(self, content_hash: str, embedder_id: str) -> int | None:
        """Return the id of the document with this content and current vectors, or None."""
        with self._connections.read() as db:
            row = db.execute(
                "SELECT id FROM documents WHERE content_hash=? AND embedder_id=?",
                (content_hash, embedder_id),
            ).fetchone()
        return int(row[0]) if row else None

    def stale(self, embedder_id: str) -> "Sequence[int]":
        """Return documents whose vectors are of another embedding model."""
        with self._connections.read() as db:
            rows = db.execute(
                "SELECT id FROM documents WHERE embedder_id<>? ORDER BY id", (embedder_id,)
            ).fetchall()
        return [int(row[0]) for row in rows]

    # -- changing ---------------------------------------------------------------------------

    def put(self, incoming: Incoming, *, also: Also | None = None) -> Put:
        """Store a document: new, changed in place, or one more source of known content."""
        with self._connections.write() as db:
            held = _owner(db, incoming.source.uri)
            alone = held is not None and _source_count(db, held) == 1
            same = db.execute(
                "SELECT id FROM documents WHERE content_hash=?", (incoming.content_hash,)
            ).fetchone()
            if same and not (alone and same[0] == held):
                result = Put(int(same[0]), "linked")
                _renew_if_stale(db, result.document_id, incoming)
            elif alone and held is not None:
                _rewrite(db, held, incoming)
                result = Put(held, "changed")
            else:
                result = Put(_create(db, incoming), "added")
            _link(db, incoming.source, result.document_id)
            _reveal(db, result.document_id)
            if held is not None and held != result.document_id:
                _drop_if_unreferenced(db, held)
            if also:
                also(db, result.document_id)
        self._changed()
        return result

    def link(
        self,
        source: SourceFacts,
        document_id: int,
        *,
        revive: bool = True,
        also: Also | None = None,
    ) -> None:
        """Make a source lead to a document that is there already, and show that document.

        Without `revive` a document that a person deleted stays hidden.
        """
        with self._connections.write() as db:
            held = _owner(db, source.uri)
            _link(db, source, document_id)
            if revive or not _deleted_by_a_person(db, document_id):
                _reveal(db, document_id)
            if held is not None and held != document_id:
                _drop_if_unreferenced(db, held)
            if also:
                also(db, document_id)
        self._changed()

    def refresh(self, uri: str, *, mtime_ns: int | None, etag: str | None = None) -> None:
        """Note that a source was looked at and is unchanged."""
        with self._connections.write() as db:
            db.execute("UPDATE sources SET mtime_ns=?, etag=? WHERE uri=?", (mtime_ns, etag, uri))

    def settle(self, times: Mapping[str, int]) -> None:
        """Note the times (mtime_ns) of files that were read again and are unchanged."""
        with self._connections.write() as db:
            rows = ((mtime_ns, uri) for uri, mtime_ns in times.items())
            db.executemany("UPDATE sources SET mtime_ns=? WHERE uri=?", rows)

    def reembed(self, document_id: int, incoming: Incoming, *, also: Also | None = None) -> None:
        """Replace the chunks of a document by those of another embedding model.

        A document that was purged meanwhile is left alone.
        """
        with self._connections.write() as db:
            row = db.execute(
                "SELECT deleted IS NOT NULL FROM documents WHERE id=?", (document_id,)
            ).fetchone()
            if row is not None:
                chunks.replace(db, document_id, incoming)
                db.execute(
                    "UPDATE documents SET embedder_id=?, chunk_count=? WHERE id=?",
                    (incoming.embedder_id, len(incoming.chunks), document_id),
                )
                if row[0]:
                    chunks.hide(db, document_id)
            if also:
                also(db, document_id)
        self._changed()

    def delete(self, document_id: int, *, reason: str = "user") -> Document:
        """Take a document out of every search; it can be brought back. Raises NotFound."""
        with self._connections.write() as db:
            _must_be_there(db, document_id)
            _hide(db, document_id, reason)
        self._changed()
        return self.get(document_id)

    def undelete(self, document_id: int) -> Document:
        """Bring a soft-deleted document back. Raises NotFound."""
        with self._connections.write() as db:
            _must_be_there(db, document_id)
            _reveal(db, document_id)
        self._changed()
        return self.get(document_id)

    def purge(self, document_id: int, *, keep_out: Sequence[str] = ()) -> None:
        """Remove a document with its text and vectors for good. Raises NotFound.

        Rescans leave the sources in `keep_out` alone from now on; an import by a person does not.
        """
        with self._connections.write() as db:
            _must_be_there(db, document_id)
            _erase(db, document_id)
            rows = ((uri, *PURGED) for uri in keep_out)
            db.executemany("INSERT OR REPLACE INTO rejects VALUES (?, ?, ?, 'purged')", rows)
        self._changed()
        with self._connections.maintain() as db:
            db.execute("PRAGMA incremental_vacuum").fetchall()

    def remove_source(self, uri: str) -> None:
        """Handle a source that is gone: its document stays while another source has it.

        Without another source the document is soft-deleted, and comes back with its source.
        """
        with self._connections.write() as db:
            held = _owner(db, uri)
            if held is None:
                return
            if _source_count(db, held) > 1:
                db.execute("DELETE FROM sources WHERE uri=?", (uri,))
            else:
                _hide(db, held, "missing")
        self._changed()


def _must_be_there(db: sqlite3.Connection, document_id: int) -> None:
    if not db.execute("SELECT 1 FROM documents WHERE id=?", (document_id,)).fetchone():
        raise NotFound(
            f"there is no document {document_id}", hint="see what there is: local-rag list"
        )


def _hide(db: sqlite3.Connection, document_id: int, reason: str) -> None:
    """Take a document out of every search, unless it is out already."""
    row = db.execute("SELECT deleted FROM documents WHERE id=?", (document_id,)).fetchone()
    if row["deleted"] is None:
        chunks.hide(db, document_id)
        db.execute(
            "UPDATE documents SET deleted=?, deleted_reason=? WHERE id=?",
            (now(), reason, document_id),
        )


def _owner(db: sqlite3.Connection, uri: str) -> int | None:
    row = db.execute("SELECT document_id FROM sources WHERE uri=?", (uri,)).fetchone()
    return int(row[0]) if row else None


def _source_count(db: sqlite3.Connection, document_id: int) -> int:
    row = db.execute("SELECT count(*) FROM sources WHERE document_id=?", (document_id,)).fetchone()
    return int(row[0])


def _columns(incoming: Incoming) -> dict[str, object]:
    return {
        "content_hash": incoming.content_hash,
        "title": incoming.title,
        "media_type": incoming.media_type,
        "size": incoming.source.size,
        "pages": incoming.pages,
        "chunk_count": len(incoming.chunks),
        "metadata": pack_metadata(incoming.metadata),
        "updated": now(),
        "embedder_id": incoming.embedder_id,
    }


def _create(db: sqlite3.Connection, incoming: Incoming) -> int:
    columns = _columns(incoming)
    columns["created"] = columns["updated"]
    names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    cursor = db.execute(f"INSERT INTO documents ({names}) VALUES ({values})", columns)
    number = int(cursor.lastrowid or 0)
    db.execute("INSERT INTO contents VALUES (?, ?)", (number, pack_sections(incoming.sections)))
    chunks.replace(db, number, incoming)
    return number


def _rewrite(db: sqlite3.Connection, document_id: int, incoming: Incoming) -> None:
    _reveal(db, document_id)
    columns = _columns(incoming)
    changes = ", ".join(f"{name}=:{name}" for name in columns)
    db.execute(f"UPDATE documents SET {changes} WHERE id=:id", {**columns, "id": document_id})
    db.execute(
        "UPDATE contents SET sections=? WHERE document_id=?",
        (pack_sections(incoming.sections), document_id),
    )
    chunks.replace(db, document_id, incoming)


def _renew_if_stale(db: sqlite3.Connection, document_id: int, incoming: Incoming) -> None:
    """Give a document that waits for its reindex the vectors that are at hand anyway."""
    row = db.execute("SELECT embedder_id FROM documents WHERE id=?", (document_id,)).fetchone()
    if row[0] == incoming.embedder_id:
        return
    _reveal(db, document_id)
    chunks.replace(db, document_id, incoming)
    db.execute(
        "UPDATE documents SET embedder_id=?, chunk_count=? WHERE id=?",
        (incoming.embedder_id, len(incoming.chunks), document_id),
    )


def _link(db: sqlite3.Connection, source: SourceFacts, document_id: int) -> None:
    # A source that moves comes last in its new document, whose own address must not change.
    db.execute("DELETE FROM sources WHERE uri=? AND document_id<>?", (source.uri, document_id))
    db.execute("DELETE FROM rejects WHERE uri=?", (source.uri,))
    db.execute(
        "INSERT INTO sources (uri, document_id, source_hash, size, mtime_ns, etag, metadata, "
        "updated, collection_id) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (uri) DO UPDATE SET "
        "source_hash=excluded.source_hash, "
        "size=excluded.size, mtime_ns=excluded.mtime_ns, etag=excluded.etag, "
        "metadata=excluded.metadata, updated=excluded.updated, "
        "collection_id=coalesce(excluded.collection_id, collection_id)",
        (source.uri, document_id, source.source_hash, source.size, source.mtime_ns, source.etag,
         pack_metadata(source.metadata), now(), source.collection),
    )  # fmt: skip


def _deleted_by_a_person(db: sqlite3.Connection, document_id: int) -> bool:
    row = db.execute("SELECT deleted_reason FROM documents WHERE id=?", (document_id,)).fetchone()
    return row is not None and row[0] == "user"


def _reveal(db: sqlite3.Connection, document_id: int) -> None:
    row = db.execute("SELECT deleted FROM documents WHERE id=?", (document_id,)).fetchone()
    if row is None or row[0] is None:
        return
    dimensions = db.execute("SELECT value FROM meta WHERE key='dimensions'").fetchone()
    chunks.show(db, document_id, int(dimensions[0]))
    db.execute("UPDATE documents SET deleted=NULL, deleted_reason=NULL WHERE id=?", (document_id,))


def _drop_if_unreferenced(db: sqlite3.Connection, document_id: int) -> None:
    if _source_count(db, document_id) == 0:
        _erase(db, document_id)


def _erase(db: sqlite3.Connection, document_id: int) -> None:
    chunks.remove(db, chunks.ids_of(db, document_id))
    db.execute("DELETE FROM documents WHERE id=?", (document_id,))
