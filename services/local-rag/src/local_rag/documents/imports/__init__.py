"""Getting documents in, keeping them current."""

from local_rag.documents.imports.jobs import ImportJobs
from local_rag.documents.imports.updates import check_updates
from local_rag.documents.imports.watch import Watcher

__all__ = ["ImportJobs", "Watcher", "check_updates"]
