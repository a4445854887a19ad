"""Watched folders, looked into at an interval.

Polling, because change notices do not come from network shares and cost a watch for every
folder; a look costs one stat() a file.
"""

import logging
import threading

from local_rag.config.settings import Settings
from local_rag.core.errors import RagError
from local_rag.core.types import ImportJob
from local_rag.documents.imports.jobs import ImportJobs
from local_rag.documents.imports.sources import Policy
from local_rag.documents.imports.updates import check_updates, is_away, watched_folders
from local_rag.index import Store

_log = logging.getLogger(__name__)


class Watcher:
    """Begins an import when something in a watched folder changed."""

    def __init__(self, store: Store, jobs: ImportJobs, settings: Settings) -> None:
        self._store = store
        self._jobs = jobs
        self._settings = settings
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._policy = Policy(settings)
        self._closed: tuple[RagError, ...] = ()

    @property
    def closed(self) -> tuple[RagError, ...]:
        """Why some of the folders could not be looked into the last time."""
        return self._closed

    def start(self) -> None:
        """Start looking, at once and then at the interval; a collection may get a folder later."""
        if self._thread is not None:
            return
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def look(self) -> ImportJob | None:
        """Look once; returns the import that was begun, or None when there is nothing to do."""
        self._note_closed()
        if any(job.kind in ("watch", "update") for job in self._store.jobs.unfinished()):
            return None
        folders = watched_folders(self._store, self._settings)
        if not folders:
            return None
        changes = check_updates(self._store, self._settings, only=folders)
        if all(
            change.kind == "unchanged"
            or (change.kind == "missing" and is_away(change.uri, folders))
            for change in changes
        ):
            return None
        return self._jobs.rescan(folders)

    def _note_closed(self) -> None:
        found: list[RagError] = []
        for folder in (*self._settings.imports.watch, *self._store.collections.watched()):
            try:
                self._policy.check(folder)
            except RagError as error:
                found.append(error)
        before = {known.message for known in self._closed}
        for trouble in found:
            if trouble.message not in before:
                _log.warning("a watched folder: %s", trouble.message, extra={"hint": trouble.hint})
        self._closed = tuple(found)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except RagError as error:
                _log.warning("looking into watched folders failed: %s", error)
            except Exception:  # noqa: BLE001 - the next look may succeed, so there must be one
                _log.exception("looking into watched folders failed")
            self._stop.wait(self._settings.imports.watch_interval_s)
