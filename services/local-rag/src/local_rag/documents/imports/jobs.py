"""Import jobs: taken at once, done one after another by one background thread."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from local_rag.config.settings import Settings
from local_rag.core.errors import Conflict, InvalidInput, RagError
from local_rag.core.types import (
    Change,
    Embedder,
    ImportGate,
    ImportItem,
    ImportItemState,
    ImportJob,
    JobState,
)
from local_rag.documents.imports.pipeline import Cancelled
from local_rag.documents.imports.runner import JobRunner
from local_rag.documents.imports.sources import Policy, uri_of
from local_rag.documents.imports.updates import check_updates
from local_rag.index import Store
from local_rag.index.jobs_table import JobOptions
from local_rag.models.calibration import centre_of

MAX_SOURCES = 10_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """A job that is being worked on. A cancelled run may still be ending when its job goes on."""

    job_id: str
    stop: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False


class ImportJobs:
    """Takes import jobs and works them off.

    A job is in the index before `submit` returns, so it survives a kill; `resume_unfinished`
    goes on with such jobs, and `start` calls it.
    """

    def __init__(
        self,
        store: Store,
        embedder_provider: Callable[[], Embedder],
        settings: Settings,
        governor: ImportGate,
        *,
        observe: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take parts; `observe` hears the final state of each document."""
        self._observe = observe
        self._store = store
        self._embedder_provider = embedder_provider
        self._settings = settings
        self._gate = governor
        self._policy = Policy(settings)
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # One that did not end in time: the next waits for it, so that there are never two.
        self._ending: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._current: _Run | None = None

    # -- running ----------------------------------------------------------------------------

    def start(self) -> None:
        """Start the background thread and go on with what was left."""
        with self._lock:
            if self._thread is not None:
                return
            self._stopping = threading.Event()
            self._thread = threading.Thread(
                target=self._work, args=(self._stopping, self._ending), name="imports", daemon=True
            )
            self._thread.start()
        self.resume_unfinished()

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Stop after the document at hand; returns False when that takes longer than allowed.

        `start` may be called all the same: work goes on once that document is through.
        """
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopping.set()
            if self._current:
                self._current.stop.set()
        if thread is None:
            return True
        self._queue.put(None)
        thread.join(timeout_s)
        self._ending = thread if thread.is_alive() else None
        return self._ending is None

    def resume_unfinished(self) -> list[ImportJob]:
        """Queue every job that was not finished, and return them."""
        jobs = list(self._store.jobs.unfinished())
        with self._lock:
            run = self._current
            # One that has to stop leaves its job unfinished.
            running = run.job_id if run and not run.stop.is_set() else None
        for job in jobs:
            if job.id != running:
                self._queue.put(job.id)
        return jobs

    def wait(self, job_id: str, timeout_s: float = 60.0) -> ImportJob:
        """Return a job once it is finished, or as it is when the time is up."""
        waiter = threading.Event()
        waited = 0.0
        while True:
            job = self._store.jobs.get(job_id)
            if job.state.finished or waited >= timeout_s:
                return job
            waiter.wait(0.02)
            waited += 0.02

    # -- jobs -------------------------------------------------------------------------------

    def submit(
        self,
        sources: Sequence[str],
        *,
        recursive: bool = True,
        metadata: Mapping[str, str] | None = None,
    ) -> ImportJob:
        """Begin to import paths, folders and URLs.

        Every source is checked before anything is done. Raises InvalidInput, NotFound, Forbidden.
        """
        if not sources:
            raise InvalidInput("there is nothing to import", hint="name a file, folder or URL")
        if len(sources) > MAX_SOURCES:
            raise InvalidInput(
                f"{len(sources)} sources are too many at once", hint="name their folder instead"
            )
        uris = list(dict.fromkeys(self._policy.source(source) for source in sources))
        options = JobOptions(recursive=recursive, metadata=dict(metadata or {}))
        return self._enqueue("import", uris, options)

    def update(self) -> ImportJob:
        """Begin to import what is new or changed, and to hide documents whose source is gone."""
        return self._enqueue("update", [], JobOptions(revive=False))

    def rescan(self, folders: Sequence[Path]) -> ImportJob:
        """Begin to import what changed in watched folders."""
        uris = [uri_of(folder) for folder in folders]
        return self._enqueue("watch", uris, JobOptions(revive=False))

    def reindex(self) -> ImportJob:
        """Begin to cut and embed all documents again with the present model and settings.

        Raises ModelError when there is none, Conflict when a reindex is under way.
        """
        for job in self._store.jobs.unfinished():
            if job.kind == "reindex":
                raise Conflict(f"a reindex is under way already ({job.id})")
        embedder = self._embedder_provider()
        self._store.begin_reindex(
            embedder.model_id, embedder.dimensions, everything=True, centre=centre_of(embedder)
        )
        return self._enqueue("reindex", [], JobOptions())

    def changes(self, *, urls: bool = False) -> list[Change]:
        """Return how sources differ from what was imported, without importing."""
        return check_updates(self._store, self._settings, urls=urls)

    def get(self, job_id: str) -> ImportJob:
        """Return a job. Raises NotFound."""
        return self._store.jobs.get(job_id)

    def list(self, *, limit: int = 100) -> "list[ImportJob]":
        """Return jobs, newest first."""
        return self._store.jobs.list(limit=limit)

    def items(
        self,
        job_id: str,
        *,
        state: ImportItemState | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> Sequence[ImportItem]:
        """Return the documents of a job. Raises NotFound."""
        return self._store.jobs.items(job_id, state=state, limit=limit, offset=offset)

    def cancel(self, job_id: str) -> ImportJob:
        """Cancel a job; what it has imported stays. Raises NotFound, Conflict when finished."""
        with self._lock:
            job = self._store.jobs.get(job_id)
            if job.state is JobState.CANCELLED:
                return job
            if job.state.finished:
                raise Conflict(f"import {job_id} is {job.state.value} already")
            self._store.jobs.cancel(job_id)
            if self._current and self._current.job_id == job_id:
                self._current.cancelled = True
                self._current.stop.set()
        return self._store.jobs.get(job_id)

    def resume(self, job_id: str) -> ImportJob:
        """Go on with a cancelled or failed job, and try its failed documents again.

        A job that was cancelled just now goes on when its last document is through. Raises
        NotFound, and Conflict while it is queued or running.
        """
        with self._lock:
            job = self._store.jobs.get(job_id)
            if not job.state.finished:
                raise Conflict(f"import {job_id} is {job.state.value} already")
            self._store.jobs.requeue(job_id)
        self._queue.put(job_id)
        return self._store.jobs.get(job_id)

    # -- the thread -------------------------------------------------------------------------

    def _enqueue(self, kind: str, uris: Sequence[str], options: JobOptions) -> ImportJob:
        job = self._store.jobs.create(kind, uris, options)
        self._queue.put(job.id)
        return job

    def _work(self, stopping: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        while not stopping.is_set():
            job_id = self._queue.get()
            if job_id is None:
                continue
            try:
                self._run(job_id, stopping)
            except RagError:
                # The index itself refuses, so the job's end cannot be noted in it either.
                _log.exception("import %s ended", job_id)

    def _run(self, job_id: str, stopping: threading.Event) -> None:
        run = _Run(job_id)
        with self._lock:
            job = self._store.jobs.get(job_id)
            if job.state.finished or stopping.is_set():
                return
            self._current = run
            self._store.jobs.set_state(job_id, JobState.RUNNING)
        try:
            embedder = self._embedder_provider()
            runner = JobRunner(
                self._store, embedder, self._settings, self._gate, run.stop, self._observe
            )
            runner.run(job)
            state, error = self._verdict(job_id)
        except Cancelled:
            # Either cancel() has noted it, or the service stops and the job goes on later.
            state, error = None, None
        except RagError as failure:
            _log.warning("import %s failed: %s", job_id, failure)
            state, error = JobState.FAILED, _sentence(failure)
        except Exception as failure:  # noqa: BLE001 - the thread must outlive any one job
            _log.exception("import %s failed", job_id)
            state, error = JobState.FAILED, f"{type(failure).__name__}: {failure}"
        with self._lock:
            self._current = None
            if state is not None and not run.cancelled:
                self._store.jobs.set_state(job_id, state, error)

    def _verdict(self, job_id: str) -> tuple[JobState, str | None]:
        job = self._store.jobs.get(job_id)
        if job.failed and job.failed + job.skipped == job.total:
            first = self._store.jobs.items(job_id, state=ImportItemState.FAILED, limit=1)[0]
            return JobState.FAILED, first.error
        return JobState.DONE, None


def _sentence(error: RagError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)
