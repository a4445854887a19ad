"""Vectors: a coarse pass over bits in sqlite-vec, an exact one over half floats.

sqlite-vec's k-nearest search takes time in proportion to rows times k. The bits are therefore
spread over shards by chunk number, and each shard is asked for a few: together they give some
four hundred candidates in the time that one search takes for six. Neighbours of one document
have successive numbers, so they fall into different shards.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from local_rag.core.errors import ModelMismatch
from local_rag.index.connection import Connections
from local_rag.index.schema import SHARDS, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Over 100,000 chunks recall@10 is 0.973 with 4, 0.987 with 6 and 0.989 with 8, and each one more
# costs 0.8 ms (bench/retrieval.py).
MIN_PER_SHARD = 6
_KNN_LIMIT = 4096  # sqlite-vec refuses a larger k
_KNN = "SELECT chunk_id FROM vector_bits WHERE embedding MATCH vec_bit(?) AND k=? AND shard=?"


def pack(vectors: "NDArray[np.float32]") -> list[bytes]:
    """Return the stored form of vectors: half floats, little endian."""
    halves = np.asarray(vectors, dtype="<f2")
    return [row.tobytes() for row in halves]


def unpack(blobs: Sequence[bytes], dimensions: int) -> "NDArray[np.float32]":
    """Return vectors of their stored form."""
    halves = np.frombuffer(b"".join(blobs), dtype="<f2").reshape(len(blobs), dimensions)
    return halves.astype(np.float32)


def bits(vectors: "NDArray[np.float32]") -> list[bytes]:
    """Return the sign bits of vectors, whole bytes."""
    packed = np.packbits(np.asarray(vectors) > 0, axis=1, bitorder="little")
    return [row.tobytes() for row in packed]


def insert(
    db: sqlite3.Connection, chunk_ids: Sequence[int], vectors: "NDArray[np.float32]"
) -> None:
    """Store the vectors of new chunks and make them found."""
    db.executemany("INSERT INTO vectors VALUES (?, ?)", zip(chunk_ids, pack(vectors), strict=True))
    insert_bits(db, chunk_ids, vectors)


def insert_bits(
    db: sqlite3.Connection, chunk_ids: Sequence[int], vectors: "NDArray[np.float32]"
) -> None:
    """Make stored vectors found by search."""
    rows = bits(_centred(db, vectors))
    db.executemany(
        "INSERT INTO vector_bits (chunk_id, shard, embedding) VALUES (?, ?, vec_bit(?))",
        ((number, number % SHARDS, row) for number, row in zip(chunk_ids, rows, strict=True)),
    )


def remove_bits(db: sqlite3.Connection, chunk_ids: Iterable[int]) -> None:
    """Let vectors no longer be found."""
    db.executemany("DELETE FROM vector_bits WHERE chunk_id=?", ((number,) for number in chunk_ids))


def load(
    db: sqlite3.Connection, chunk_ids: Sequence[int], dimensions: int
) -> "tuple[list[int], NDArray[np.float32]]":
    """Return (ids, vectors) of those chunks that have a vector."""
    rows = db.execute(
        "SELECT v.chunk_id, v.vector FROM json_each(?) AS wanted "
        "JOIN vectors AS v ON v.chunk_id = wanted.value",
        (json.dumps([int(number) for number in chunk_ids]),),
    ).fetchall()
    ids = [int(row[0]) for row in rows]
    return ids, unpack([row[1] for row in rows], dimensions)


class VectorIndex:
    """Nearest neighbours by cosine."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def search(self, query: "NDArray[np.float32]", k: int) -> list[tuple[int, float]]:
        """Return up to k (chunk id, cosine), nearest first; equal ones by id.

        Raises ModelMismatch when the query's length is not that of the index.
        """
        if k < 1:
            return []
        with self._connections.read() as db:
            dimensions = _dimensions(db)
            if dimensions is None:
                return []
            unit = _unit(query, dimensions)
            ids, vectors = load(db, self._candidates(db, unit, dimensions, k), dimensions)
        return _best(ids, _cosines(vectors, unit), k)

    def cosines(self, query: "NDArray[np.float32]", ids: Sequence[int]) -> dict[int, float]:
        """Return the cosine of each of the given chunks that has a vector."""
        with self._connections.read() as db:
            dimensions = _dimensions(db)
            if dimensions is None or not ids:
                return {}
            found, vectors = load(db, ids, dimensions)
        values = _cosines(vectors, _unit(query, dimensions))
        return dict(zip(found, map(float, values), strict=True))

    def exact(self, query: "NDArray[np.float32]", k: int) -> list[tuple[int, float]]:
        """Return what `search` approximates, by comparing with every vector. Slow."""
        best: list[tuple[int, float]] = []
        with self._connections.read() as db:
            dimensions = _dimensions(db)
            if dimensions is None:
                return []
            unit = _unit(query, dimensions)
            cursor = db.execute(
                "SELECT v.chunk_id, v.vector FROM vectors v JOIN chunks c ON c.id = v.chunk_id "
                "WHERE c.live ORDER BY v.chunk_id"
            )
            while rows := cursor.fetchmany(8192):
                values = _cosines(unpack([row[1] for row in rows], dimensions), unit)
                best = _merge(best, _best([int(row[0]) for row in rows], values, k), k)
        return best

    def _candidates(
        self, db: sqlite3.Connection, unit: "NDArray[np.float32]", dimensions: int, k: int
    ) -> list[int]:
        row = np.zeros((1, padded(dimensions)), dtype=np.float32)
        row[0, :dimensions] = _centred(db, unit)
        probe = bits(row)[0]
        # Twice the even share, so that chance does not crowd a true neighbour out of its shard.
        each = min(max(MIN_PER_SHARD, -(-2 * k // SHARDS)), _KNN_LIMIT)
        found: list[int] = []
        for shard in range(SHARDS):
            found += [int(hit[0]) for hit in db.execute(_KNN, (probe, each, shard))]
        return sorted(found)


def _centred(db: sqlite3.Connection, vectors: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return vectors seen from the middle of those of their model.

    Where all vectors of a model point much the same way, the signs of most numbers are the same
    for all of them, and bits tell next to nothing. An index of an earlier version has no middle.
    """
    row = db.execute("SELECT value FROM meta WHERE key='centre'").fetchone()
    if row is None:
        return vectors
    return vectors - np.frombuffer(bytes.fromhex(row[0]), dtype="<f2").astype(np.float32)


def _dimensions(db: sqlite3.Connection) -> int | None:
    row = db.execute("SELECT value FROM meta WHERE key='dimensions'").fetchone()
    return int(row[0]) if row else None


def _unit(query: "NDArray[np.float32]", dimensions: int) -> "NDArray[np.float32]":
    flat = np.asarray(query, dtype=np.float32).reshape(-1)
    if flat.shape[0] != dimensions:
        raise ModelMismatch(
            f"the index has vectors of length {dimensions}, the question's has {flat.shape[0]}",
            hint="embed all documents again: local-rag reindex",
        )
    length = float(np.linalg.norm(flat))
    return flat / np.float32(length) if length > 0 and np.isfinite(length) else flat * 0


def _cosines(vectors: "NDArray[np.float32]", unit: "NDArray[np.float32]") -> "NDArray[np.float32]":
    # Half floats round the length off one a little; the division keeps cosines within [-1, 1].
    lengths = np.linalg.norm(vectors, axis=1)
    products = vectors @ unit
    result: NDArray[np.float32] = np.clip(
        np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0), -1.0, 1.0
    )
    return result


def _best(ids: Sequence[int], values: "NDArray[np.float32]", k: int) -> list[tuple[int, float]]:
    order = np.lexsort((np.asarray(ids), -values))[:k]
    return [(ids[index], float(values[index])) for index in order]


def _merge(
    left: list[tuple[int, float]], right: list[tuple[int, float]], k: int
) -> list[tuple[int, float]]:
    return sorted(left + right, key=lambda hit: (-hit[1], hit[0]))[:k]
