"""Getting documents in, keeping them current."""

from local_rag.ingest.jobs import ImportJobs
from local_rag.ingest.updates import check_updates
from local_rag.ingest.watch import Watcher

__all__ = ["ImportJobs", "Watcher", "check_updates"]
