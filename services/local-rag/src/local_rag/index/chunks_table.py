"""The chunks of documents: stored, compared with what was there, read for answers."""

import json
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from local_rag.core.errors import NotFound
from local_rag.core.types import Chunk, Passage
from local_rag.index import keyword, vectors
from local_rag.index.connection import Connections
from local_rag.index.rows import Incoming

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOOKUP = 500


class Chunks:
    """Reading chunks."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def of_document(self, document_id: int) -> list[Chunk]:
        """Return the chunks of a document in order."""
        with self._connections.read() as db:
            rows = db.execute(
                "SELECT ordinal, text, page, heading, start, stop AS end, token_count FROM chunks "
                "WHERE document_id=? ORDER BY ordinal",
                (document_id,),
            ).fetchall()
        return [Chunk(**row) for row in rows]

    def span(self, document_id: int, chunk_id: int) -> tuple[int, int]:
        """Return where a chunk of a document begins and ends in its text. Raises NotFound."""
        with self._connections.read() as db:
            row = db.execute(
                "SELECT start, stop FROM chunks WHERE id=? AND document_id=?",
                (chunk_id, document_id),
            ).fetchone()
        if row is None:
            raise NotFound(f"the document has no passage {chunk_id}", hint="ask again")
        return int(row[0]), int(row[1])

    def count(self) -> int:
        """Return the number of chunks that a search can find.

        From the documents, which are few: /health asks for it, and to count the chunks themselves
        all their texts would be read.
        """
        with self._connections.read() as db:
            row = db.execute(
                "SELECT coalesce(sum(chunk_count), 0) FROM documents WHERE deleted IS NULL"
            ).fetchone()
        return int(row[0])

    def passages(self, ids: Sequence[int]) -> list[Passage]:
        """Return passages in the order of the ids; scores are for the caller to set.

        Chunks that were deleted meanwhile are left out.
        """
        with self._connections.read() as db:
            rows = db.execute(
                "SELECT c.id AS chunk_id, c.document_id, d.title, c.text, c.page, c.heading, "
                "coalesce((SELECT uri FROM sources s WHERE s.document_id=d.id ORDER BY s.id "
                "LIMIT 1), '') AS uri, 0.0 AS score "
                "FROM json_each(?) AS wanted JOIN chunks c ON c.id = wanted.value "
                "JOIN documents d ON d.id = c.document_id WHERE c.live ORDER BY wanted.key",
                (json.dumps([int(number) for number in ids]),),
            ).fetchall()
        return [Passage(**row) for row in rows]

    def passage(self, chunk_id: int) -> Passage:
        """Return one passage. Raises NotFound."""
        found = self.passages([chunk_id])
        if not found:
            raise NotFound(f"there is no passage {chunk_id}")
        return found[0]

    def known_vectors(
        self, hashes: Sequence[bytes], dimensions: int
    ) -> "dict[bytes, NDArray[np.float32]]":
        """Return the vectors of texts that were embedded before."""
        known: dict[bytes, NDArray[np.float32]] = {}
        unique = list(dict.fromkeys(hashes))
        with self._connections.read() as db:
            for begin in range(0, len(unique), _LOOKUP):
                part = unique[begin : begin + _LOOKUP]
                marks = ",".join("?" * len(part))
                for key, blob in db.execute(
                    "SELECT c.embedding_hash, v.vector FROM chunks c "
                    f"JOIN vectors v ON v.chunk_id = c.id WHERE c.embedding_hash IN ({marks})",
                    part,
                ):
                    if len(blob) == 2 * dimensions:
                        known[bytes(key)] = vectors.unpack([blob], dimensions)[0]
        return known


def replace(db: sqlite3.Connection, document_id: int, incoming: Incoming) -> None:
    """Make the chunks of a document those of `incoming`, touching only what differs.

    A chunk that stays keeps its id, its vector and its place in both search indexes.
    """
    old = _stored(db, document_id)
    kept: dict[int, int] = {}
    for index, chunk in enumerate(incoming.chunks):
        key = _identity(incoming, index, chunk)
        if old.get(key):
            kept[index] = old[key].pop()
    remove(db, [number for numbers in old.values() for number in numbers])
    for index, number in kept.items():
        chunk = incoming.chunks[index]
        db.execute(
            "UPDATE chunks SET ordinal=?, page=?, start=?, stop=? WHERE id=?",
            (chunk.ordinal, chunk.page, chunk.start, chunk.end, number),
        )
    _insert(db, document_id, incoming, [i for i in range(len(incoming.chunks)) if i not in kept])


def _stored(
    db: sqlite3.Connection, document_id: int
) -> dict[tuple[str, str | None, str, bytes], list[int]]:
    stored: dict[tuple[str, str | None, str, bytes], list[int]] = {}
    for number, title, heading, text, key in db.execute(
        "SELECT c.id, c.title, c.heading, c.text, c.embedding_hash FROM chunks c "
        "JOIN vectors v ON v.chunk_id = c.id WHERE c.document_id=? AND c.live ORDER BY c.id DESC",
        (document_id,),
    ):
        stored.setdefault((title, heading, text, bytes(key)), []).append(number)
    # Chunks without a vector, or hidden ones, cannot stay; an unmatchable key removes them.
    for (number,) in db.execute(
        "SELECT c.id FROM chunks c LEFT JOIN vectors v ON v.chunk_id = c.id "
        "WHERE c.document_id=? AND (v.chunk_id IS NULL OR NOT c.live)",
        (document_id,),
    ):
        stored.setdefault(("", None, "", b""), []).append(number)
    return stored


def _identity(incoming: Incoming, index: int, chunk: Chunk) -> tuple[str, str | None, str, bytes]:
    return incoming.title, chunk.heading, chunk.text, incoming.embedding_hashes[index]


def _insert(
    db: sqlite3.Connection, document_id: int, incoming: Incoming, indexes: Sequence[int]
) -> None:
    ids: list[int] = []
    for index in indexes:
        chunk = incoming.chunks[index]
        cursor = db.execute(
            "INSERT INTO chunks (document_id, ordinal, text, title, heading, page, start, stop, "
            "token_count, embedding_hash, live) VALUES (?,?,?,?,?,?,?,?,?,?,1)",
            (document_id, chunk.ordinal, chunk.text, incoming.title, chunk.heading, chunk.page,
             chunk.start, chunk.end, chunk.token_count, incoming.embedding_hashes[index]),
        )  # fmt: skip
        number = int(cursor.lastrowid or 0)
        ids.append(number)
    if ids:
        keyword.add_chunks(db, ids)
        vectors.insert(db, ids, incoming.vectors[list(indexes)])


def remove(db: sqlite3.Connection, chunk_ids: Sequence[int]) -> None:
    """Delete chunks from the tables and both search indexes."""
    for number in chunk_ids:
        keyword.remove_chunk(db, number)
    vectors.remove_bits(db, chunk_ids)
    db.executemany("DELETE FROM chunks WHERE id=?", ((number,) for number in chunk_ids))


def ids_of(db: sqlite3.Connection, document_id: int) -> list[int]:
    """Return the chunk ids of a document."""
    rows = db.execute("SELECT id FROM chunks WHERE document_id=?", (document_id,))
    return [int(row[0]) for row in rows]


def hide(db: sqlite3.Connection, document_id: int) -> None:
    """Take a document out of both search indexes, keeping its chunks and vectors."""
    ids = ids_of(db, document_id)
    for number in ids:
        keyword.remove_chunk(db, number)
    vectors.remove_bits(db, ids)
    db.execute("UPDATE chunks SET live=0 WHERE document_id=?", (document_id,))


def show(db: sqlite3.Connection, document_id: int, dimensions: int) -> None:
    """Put a hidden document back into both search indexes."""
    hidden = [
        int(row[0])
        for row in db.execute(
            "SELECT id FROM chunks WHERE document_id=? AND NOT live", (document_id,)
        )
    ]
    db.execute("UPDATE chunks SET live=1 WHERE document_id=?", (document_id,))
    keyword.add_chunks(db, hidden)
    ids, found = vectors.load(db, hidden, dimensions)
    vectors.insert_bits(db, ids, found)
