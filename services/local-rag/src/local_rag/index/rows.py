"""Rows of the index as data, and data as rows."""

import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from local_rag.core.errors import StoreCorrupt
from local_rag.core.types import Chunk, Document, Section

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DOCUMENT_COLUMNS = (
    "id, content_hash, title, media_type, size, pages, chunk_count, metadata, created, updated, "
    "deleted"
)
SOURCE_QUERY = (
    "SELECT s.uri, s.document_id, s.source_hash, d.content_hash, s.size, s.mtime_ns, s.etag, "
    "s.metadata, d.deleted IS NOT NULL AS deleted, d.deleted_reason, d.embedder_id "
    "FROM sources s JOIN documents d ON d.id = s.document_id"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFacts:
    """What is known about a source without reading it; `mtime_ns` of files, `etag` of URLs."""

    uri: str
    source_hash: str
    size: int
    mtime_ns: int | None = None
    etag: str | None = None
    metadata: Mapping[str, str]
    # None leaves a source in the collection that it is in.
    collection: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSource:
    """A source of the index, and the state of the document it leads to."""

    uri: str
    document_id: int
    source_hash: str
    content_hash: str
    size: int
    mtime_ns: int | None
    etag: str | None
    metadata: dict[str, str]
    deleted: bool
    deleted_reason: str | None
    embedder_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """A document ready to be stored; `vectors` has one row for each chunk."""

    source: SourceFacts
    title: str
    media_type: str
    metadata: Mapping[str, str]
    content_hash: str
    sections: Sequence[Section]
    chunks: Sequence[Chunk]
    embedding_hashes: Sequence[bytes]
    vectors: "NDArray[np.float32]"
    embedder_id: str

    @property
    def pages(self) -> int | None:
        """The highest page number, or None for a document without pages."""
        return max((s.page for s in self.sections if s.page is not None), default=None)


def now() -> str:
    """Return the present time as it is stored: ISO 8601, UTC, microseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def time_of(value: str) -> datetime:
    """Return a stored time."""
    return datetime.fromisoformat(value)


def pack_metadata(metadata: Mapping[str, str]) -> str:
    """Return metadata as stored."""
    return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True)


def unpack_metadata(value: str) -> dict[str, str]:
    """Return stored metadata."""
    return {str(key): str(item) for key, item in json.loads(value).items()}


def pack_sections(sections: Sequence[Section]) -> bytes:
    """Return the text of a document as stored: compressed, so that the index stays small."""
    rows = [[s.text, s.page, s.heading] for s in sections]
    return zlib.compress(json.dumps(rows, ensure_ascii=False).encode("utf-8"), 6)


def unpack_sections(blob: bytes) -> tuple[Section, ...]:
    """Return the stored text of a document. Raises StoreCorrupt when it is damaged."""
    try:
        rows = json.loads(zlib.decompress(blob))
    except (zlib.error, ValueError) as error:
        raise StoreCorrupt(
            f"the stored text of a document is damaged: {error}",
            hint="import the document again, or restore a backup",
        ) from None
    return tuple(Section(text=text, page=page, heading=heading) for text, page, heading in rows)


def list_filter(
    include_deleted: bool, text: str | None, collection: int | None = None
) -> tuple[str, tuple[str | int, ...]]:
    """Return the WHERE clause of a list of documents (as d), and the values it binds."""
    conditions: list[str] = []
    values: tuple[str | int, ...] = ()
    if not include_deleted:
        conditions.append("d.deleted IS NULL")
    if text:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(
            "(d.title LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM sources s "
            "WHERE s.document_id=d.id AND s.uri LIKE ? ESCAPE '\\'))"
        )
        values = (f"%{escaped}%", f"%{escaped}%")
    if collection is not None:
        conditions.append(
            "EXISTS (SELECT 1 FROM sources s WHERE s.document_id=d.id AND s.collection_id=?)"
        )
        values += (collection,)
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), values


def read_source(row: sqlite3.Row) -> StoredSource:
    """Return a source of a row of SOURCE_QUERY."""
    read = {"metadata": unpack_metadata(row["metadata"]), "deleted": bool(row["deleted"])}
    return StoredSource(**{**row, **read})


def read_documents(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[Document]:
    """Return documents of rows of DOCUMENT_COLUMNS, with their sources."""
    ids = json.dumps([row["id"] for row in rows])
    sources: dict[int, list[sqlite3.Row]] = {}
    for source in db.execute(
        "SELECT document_id, uri, source_hash, metadata FROM sources "
        "WHERE document_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (ids,),
    ):
        sources.setdefault(source["document_id"], []).append(source)
    return [_document(row, sources.get(row["id"], [])) for row in rows]


def _document(row: sqlite3.Row, sources: Sequence[sqlite3.Row]) -> Document:
    uri, source_hash, metadata = sources[0][1:] if sources else ("", "", "{}")
    read = {
        "uri": uri,
        "source_hash": source_hash,
        "metadata": unpack_metadata(row["metadata"]) | unpack_metadata(metadata),
        "sources": tuple(source["uri"] for source in sources),
    }
    times = {key: row[key] and time_of(row[key]) for key in ("created", "updated", "deleted")}
    return Document(**{**row, **times, **read})
