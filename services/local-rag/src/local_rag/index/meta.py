"""Facts about the index as a whole: which embedding model made it."""

import sqlite3
from typing import TYPE_CHECKING

from local_rag.core.errors import ModelMismatch
from local_rag.index.connection import Connections
from local_rag.index.schema import create_vector_index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Meta:
    """Key and value pairs of the index."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def get(self, key: str) -> str | None:
        """Return a value, or None."""
        with self._connections.read() as db:
            row = db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return str(row[0]) if row else None

    def set(self, key: str, value: str) -> None:
        """Store a value."""
        with self._connections.write() as db:
            put(db, key, value)

    @property
    def embedder_id(self) -> str | None:
        """The embedding model the index was made with, or None before the first document."""
        return self.get("embedder_id")

    @property
    def dimensions(self) -> int | None:
        """Length of the vectors, or None before the first document."""
        value = self.get("dimensions")
        return int(value) if value else None

    def bind(
        self,
        embedder_id: str,
        dimensions: int,
        centre: "NDArray[np.float32] | None" = None,
    ) -> None:
        """Declare the embedding model that will be used.

        Raises ModelMismatch when the index has documents of another model.
        """
        if self.embedder_id == embedder_id and self.dimensions == dimensions:
            return
        with self._connections.write() as db:
            if db.execute("SELECT 1 FROM documents LIMIT 1").fetchone():
                known = self.embedder_id
                raise ModelMismatch(
                    f"the index was made with the embedding model {known}, "
                    f"but {embedder_id} is in use now",
                    hint="embed all documents again: local-rag reindex; or go back: "
                    f"local-rag models use embedding {(known or '').partition('@')[0]}",
                    details={"index": known, "model": embedder_id},
                )
            switch(db, embedder_id, dimensions, centre)


def put(db: sqlite3.Connection, key: str, value: str) -> None:
    """Store a value within a transaction."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def switch(
    db: sqlite3.Connection,
    embedder_id: str,
    dimensions: int,
    centre: "NDArray[np.float32] | None" = None,
) -> None:
    """Make the index one of another embedding model, with no vectors yet."""
    db.execute("DELETE FROM vectors")
    create_vector_index(db, dimensions)
    put(db, "embedder_id", embedder_id)
    put(db, "dimensions", str(dimensions))
    db.execute("DELETE FROM meta WHERE key='centre'")
    if centre is not None:
        put(db, "centre", centre.astype("<f2").tobytes().hex())
