"""The index as one object."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from local_rag.core.types import Closing, Passage
from local_rag.index import backup, integrity, keyword
from local_rag.index.chats_table import Chats
from local_rag.index.chunks_table import Chunks
from local_rag.index.connection import READERS, Connections
from local_rag.index.documents_table import Documents
from local_rag.index.integrity import IntegrityReport, Level
from local_rag.index.jobs_table import Jobs
from local_rag.index.keyword import KeywordIndex
from local_rag.index.meta import Meta, switch
from local_rag.index.schema import create_vector_index, migrate
from local_rag.index.vectors import VectorIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Store(Closing):
    """One index file with everything in it.

    Without an embedder id any index opens, so that a service whose model is broken can still
    list, search by keyword and back up; `bind_embedder` is then called when a model is there.
    Raises StoreCorrupt, Conflict (another process has it open), ModelMismatch, Unavailable.
    """

    def __init__(
        self,
        path: Path,
        *,
        embedder_id: str | None = None,
        dimensions: int | None = None,
        readers: int = READERS,
    ) -> None:
        self.path = Path(path)
        self.connections = Connections(self.path, readers=readers)
        try:
            with self.connections.maintain() as db:
                migrate(db)
                keyword.bring_up_to_date(db)
            self.keywords = KeywordIndex(self.connections)
            self.vectors = VectorIndex(self.connections)
            self.chunks = Chunks(self.connections)
            self.documents = Documents(self.connections, self.keywords.forget_counts)
            self.jobs = Jobs(self.connections)
            self.chats = Chats(self.connections)
            self.meta = Meta(self.connections)
            if embedder_id is not None and dimensions is not None:
                self.bind_embedder(embedder_id, dimensions)
        except BaseException:
            self.connections.close()
            raise

    def close(self) -> None:
        """Close the file; may be called twice."""
        self.connections.close()

    # -- embedding model --------------------------------------------------------------------

    def bind_embedder(
        self,
        embedder_id: str,
        dimensions: int,
        *,
        centre: "NDArray[np.float32] | None" = None,
    ) -> None:
        """Declare the embedding model in use. Raises ModelMismatch, hint: reindex.

        `centre` is the middle of its vectors, needed where they all point much the same way.
        """
        self.meta.bind(embedder_id, dimensions, centre)

    def begin_reindex(
        self,
        embedder_id: str,
        dimensions: int,
        *,
        everything: bool = False,
        centre: "NDArray[np.float32] | None" = None,
    ) -> int:
        """Make this the model of the index and drop the vectors of others.

        With `everything` also documents of the same model wait to be cut and embedded again.

        Returns the number of documents that wait to be embedded. Until they are, they are found
        by keyword only. Calling it again with the same model goes on with what is left.
        """
        with self.connections.write() as db:
            if (self.meta.embedder_id, self.meta.dimensions) != (embedder_id, dimensions):
                switch(db, embedder_id, dimensions, centre)
            if everything:
                db.execute("UPDATE documents SET embedder_id=''")
        return len(self.documents.stale(embedder_id))

    # -- search -----------------------------------------------------------------------------

    def search_vectors(self, query: "NDArray[np.float32]", k: int) -> list[tuple[int, float]]:
        """Return up to k (chunk id, cosine), nearest first."""
        return self.vectors.search(query, k)

    def search_keywords(self, text: str, k: int) -> list[tuple[int, int]]:
        """Return up to k (chunk id, rank), best first, ranks from 1."""
        return self.keywords.search(text, k)

    def passages(self, ids: Sequence[int]) -> list[Passage]:
        """Return passages in the order of the ids, without scores."""
        return self.chunks.passages(ids)

    # -- care -------------------------------------------------------------------------------

    def stats(self) -> dict[str, int]:
        """Return counts, and the bytes the index takes on disk."""
        size = sum(
            file.stat().st_size for file in (self.path, Path(f"{self.path}-wal")) if file.exists()
        )
        return {
            "documents": self.documents.count(),
            "deleted_documents": self.documents.count(include_deleted=True)
            - self.documents.count(),
            "chunks": self.chunks.count(),
            "bytes": size,
        }

    def check(self, level: Level = "quick") -> IntegrityReport:
        """Check that the index is whole."""
        return integrity.check(self.connections, level)

    def repair(self) -> None:
        """Make both search indexes again from the stored chunks and vectors."""
        integrity.repair(self.connections)
        self.keywords.forget_counts()

    def backup(self, target: Path) -> int:
        """Write a consistent copy while the service goes on; returns its size in bytes."""
        return backup.backup(self.connections, Path(target))

    def restore(self, source: Path) -> None:
        """Replace the index by a backup, all or nothing."""
        backup.restore(self.connections, Path(source))
        self.keywords.forget_counts()

    def reset(self) -> None:
        """Remove all documents, sources, folders, jobs and chats, and give the space back."""
        with self.connections.write() as db:
            db.execute("INSERT INTO keywords (keywords) VALUES ('delete-all')")
            for table in ("jobs", "folders", "rejects", "documents", "chats"):
                db.execute(f"DELETE FROM {table}")
            dimensions = self.meta.dimensions
            if dimensions:
                create_vector_index(db, dimensions)
        self.keywords.forget_counts()
        with self.connections.maintain() as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
