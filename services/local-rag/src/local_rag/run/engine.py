"""The index and what works on it: opened in the background, closed in order, exchanged whole."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from local_rag.config.settings import Settings
from local_rag.core.errors import RagError, StoreCorrupt, Unavailable
from local_rag.core.types import ComponentHealth, Embedder, Passage, SearchMode
from local_rag.models.calibration import centre_of
from local_rag.models.manager import Models
from local_rag.monitor.governor import Governor

# What works on the index takes half a second to import on a small machine. That happens while it
# is opened, so that /health need not wait for it.
if TYPE_CHECKING:
    from local_rag.documents.imports import ImportJobs, Watcher
    from local_rag.index import Store

log = logging.getLogger(__name__)

# How long a request waits for an index that is being opened.
_PATIENCE_S = 15.0
_HOUSEKEEPING_S = 15.0
# The embedding model is loaded once somebody has seen that the service is there, or after the
# first of these times; the second lets that first answer out before the load takes the processor.
_PRELOAD_AFTER_S = 2.0
_PRELOAD_PAUSE_S = 0.2


class Engine:
    """Owns the open index, the import jobs and the watcher.

    `start` returns at once: opening a large index, or checking it, must not keep the service from
    answering /health.
    """

    def __init__(
        self,
        settings: Settings,
        models: Models,
        governor: Governor,
        imported: Callable[[str], None],
    ) -> None:
        """Take parts; `imported` hears how each document of an import ended."""
        self._settings = settings
        self._imported = imported
        self._models = models
        self._governor = governor
        self._store: Store | None = None
        self._jobs: ImportJobs | None = None
        self._watcher: Watcher | None = None
        self._error: RagError | None = None
        self._problems: tuple[str, ...] = ()
        self._opened = threading.Event()
        self._exchange = threading.RLock()
        self._bound: str | None = None
        self._ended = threading.Event()
        self._seen = threading.Event()
        self._threads: list[threading.Thread] = []
        self.on_open: Callable[[Store, ImportJobs], None] | None = None

    @property
    def database(self) -> Path:
        """The index file."""
        return self._settings.storage.database

    # -- life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to open the index, and to look after idle models."""
        self._ended.clear()
        for work in (self._begin, self._look_after):
            thread = threading.Thread(target=work, name=f"engine-{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End jobs after the document at hand, and close the index."""
        self._ended.set()
        self._seen.set()
        if self._threads:
            self._opened.wait(_PATIENCE_S)
        with self._exchange:
            self._close()
        for thread in self._threads:
            thread.join(timeout=5)
        self._threads.clear()

    def _begin(self) -> None:
        with self._exchange:
            self._open()
        self._seen.wait(_PRELOAD_AFTER_S)
        if self._ended.wait(_PRELOAD_PAUSE_S):
            return
        # So that the first question does not wait for it, and health knows what is wrong with it.
        with suppress(RagError):
            self.embedder()

    def preload_soon(self) -> None:
        """Let the embedding model be loaded: the service has been seen to answer."""
        self._seen.set()

    def _look_after(self) -> None:
        while not self._ended.wait(_HOUSEKEEPING_S):
            self._models.unload_idle()

    def _open(self) -> None:
        from local_rag.documents.imports import ImportJobs, Watcher
        from local_rag.index import Store

        began = time.perf_counter()
        try:
            store = Store(self._settings.storage.database)
            try:
                self._check(store)
                # An index of documents goes on with its model, whatever else is installed since.
                filled = store.documents.count(include_deleted=True) > 0
                self._models.stay_with(store.meta.embedder_id if filled else None)
                jobs = ImportJobs(
                    store,
                    self._models.get_embedder,
                    self._settings,
                    self._governor,
                    observe=self._imported,
                )
                if self.on_open:
                    self.on_open(store, jobs)
                jobs.start()
            except BaseException:
                store.close()
                raise
        except Exception as found:
            error = found if isinstance(found, RagError) else _unforeseen(found)
            self._error = error
            log.error(  # noqa: TRY400 - the words of our own errors say more than their traces
                "the index cannot be opened: %s",
                error.message,
                extra={"hint": error.hint},
                exc_info=None if error is found else found,
            )
        else:
            self._error, self._bound = None, None
            self._store, self._jobs = store, jobs
            self._watcher = Watcher(store, jobs, self._settings)
            self._watcher.start()
            log.info("index opened", extra={"seconds": round(time.perf_counter() - began, 3)})
        finally:
            self._opened.set()

    def _check(self, store: "Store") -> None:
        report = store.check("quick")
        if report.repairable:
            log.warning("the search index is repaired", extra={"problems": report.problems})
            store.repair()
            report = store.check("quick")
        self._problems = report.problems
        if report.problems:
            log.error("the index is damaged", extra={"problems": report.problems})

    def _close(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        if self._jobs is not None and not self._jobs.stop():
            log.warning("an import did not end in time; it goes on after the next start")
        if self._store is not None:
            self._store.close()
        self._store = self._jobs = self._watcher = None
        self._bound = None

    # -- parts ------------------------------------------------------------------------------

    def store(self) -> "Store":
        """Return the open index. Raises the error that keeps it closed."""
        store, _ = self._parts()
        return store

    def jobs(self) -> "ImportJobs":
        """Return the import jobs. Raises the error that keeps the index closed."""
        _, jobs = self._parts()
        return jobs

    def _parts(self) -> "tuple[Store, ImportJobs]":
        if not self._opened.wait(_PATIENCE_S):
            raise Unavailable("the index is still being opened", hint="try again in a minute")
        store, jobs = self._store, self._jobs
        if store is not None and jobs is not None:
            return store, jobs
        if self._error is not None:
            # Not the same object twice: each raise adds to its traceback.
            error = type(self._error)(
                self._error.message, hint=self._error.hint, details=self._error.details
            )
            raise error
        raise Unavailable("the index is closed", hint="the service is being stopped")

    def opening(self) -> bool:
        """Return whether the index is not open yet."""
        return not self._opened.is_set()

    def embedder(self) -> Embedder:
        """Return the embedding model, after making sure that the index is one of its own.

        Raises ModelError and ModelMismatch.
        """
        store = self.store()
        embedder = self._models.get_embedder()
        if self._bound != embedder.model_id:
            store.bind_embedder(embedder.model_id, embedder.dimensions, centre=centre_of(embedder))
            self._bound = embedder.model_id
        return embedder

    def forget_binding(self) -> None:
        """Compare model and index again at the next use."""
        self._bound = None

    def search(self, question: str, k: int = 8, mode: SearchMode = "hybrid") -> list[Passage]:
        """Return passages, best first. Raises what the index and the model raise."""
        from local_rag.index.search import Searcher

        retrieval = self._settings.retrieval
        # Words can be looked up whatever the embedding model is like.
        embedder = None if mode == "keyword" else self.embedder()
        searcher = Searcher(self.store(), embedder, candidates=retrieval.candidates)
        return searcher.search(question, k, mode)

    # -- exchange ---------------------------------------------------------------------------

    @contextmanager
    def quiet(self) -> "Iterator[Store]":
        """Yield the index while no import runs; imports go on afterwards."""
        with self._exchange:
            store, jobs = self._parts()
            if not jobs.stop():
                jobs.start()
                raise Unavailable(
                    "an import does not end", hint="cancel it: local-rag imports list"
                )
            try:
                yield store
            finally:
                self._bound = None
                jobs.start()

    def restore(self, backup: Path) -> int:
        """Put a checked backup in the place of the index, also of a damaged one.

        Returns the number of documents. Raises BadBackup when the backup is none.
        """
        from local_rag.index.backup import make_ready

        with self._exchange:
            if self._store is not None:
                with self.quiet() as store:
                    store.restore(backup)
            else:
                make_ready(backup)
                self._put_aside()
                backup.replace(self._settings.storage.database)
                self._open()
            self._problems = self.store().check("quick").problems
            return self.store().documents.count()

    def begin_anew(self) -> None:
        """Put a damaged index aside and begin an empty one; does nothing when it is whole."""
        with self._exchange:
            if self._store is None and isinstance(self._error, StoreCorrupt):
                self._put_aside()
                self._open()

    def _put_aside(self) -> None:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        database = self._settings.storage.database
        for suffix in ("", "-wal", "-shm"):
            file = Path(f"{database}{suffix}")
            if file.exists():
                # Kept: it may be all that is left of someone's documents.
                file.replace(Path(f"{database}.damaged-{stamp}{suffix}"))

    # -- health -----------------------------------------------------------------------------

    def health(self) -> ComponentHealth:
        """Return the state of the index; never waits for it."""
        if self.opening():
            return ComponentHealth("store", "degraded", "the index is being opened")
        store = self._store
        if store is None:
            error = self._error
            return ComponentHealth(
                name="store",
                state="failed",
                message=error.message if error else "the index is closed",
                hint=error.hint if error else None,
            )
        if self._problems:
            return ComponentHealth(
                name="store",
                state="degraded",
                message=f"the index is damaged: {self._problems[0]}",
                hint="restore a backup: local-rag restore FILE",
                details={"problems": list(self._problems)},
            )
        try:
            stats = store.stats()
        except RagError as error:
            return ComponentHealth("store", "failed", error.message, error.hint)
        documents, chunks = stats["documents"], stats["chunks"]
        message = (
            f"{documents} document{'' if documents == 1 else 's'} in "
            f"{chunks} piece{'' if chunks == 1 else 's'}"
        )
        return ComponentHealth("store", "ok", message, details=dict(stats))

    def watch_health(self) -> ComponentHealth | None:
        """Return the state of the watched folders, None when there are none to look into yet."""
        watcher, folders = self._watcher, self._settings.imports.watch
        if watcher is None or not folders:
            return None
        closed = watcher.closed
        if closed:
            return ComponentHealth(
                name="watch",
                state="degraded",
                message=f"not watched: {'; '.join(error.message for error in closed[:3])}",
                hint=closed[0].hint,
            )
        many = f"{len(folders)} folders are" if len(folders) > 1 else f"{folders[0]} is"
        return ComponentHealth("watch", "ok", f"{many} looked into")

    def model_trouble(self) -> RagError | None:
        """Return why the loaded embedding model cannot work with this index, or None."""
        store, loaded = self._store, self._models.embedder.loaded
        if store is None or loaded is None:
            return None
        try:
            store.bind_embedder(loaded.model_id, loaded.dimensions, centre=centre_of(loaded))
        except RagError as error:
            return error
        return None


def _unforeseen(error: Exception) -> RagError:
    return RagError(
        f"the index cannot be opened: {type(error).__name__}: {error}",
        hint="the log tells more: journalctl -u local-rag -n 50",
    )
