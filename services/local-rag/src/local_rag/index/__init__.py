"""The one SQLite file that holds documents, chunks, vectors and jobs."""

from local_rag.index.rows import Incoming, SourceFacts, StoredSource
from local_rag.index.store import Store

__all__ = ["Incoming", "SourceFacts", "Store", "StoredSource"]
