"""One import job from its sources to its end."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from local_rag.config.settings import Settings
from local_rag.core.errors import RagError
from local_rag.core.network import Stopped
from local_rag.core.types import Embedder, Extracted, ImportGate, ImportItemState, ImportJob
from local_rag.documents.extraction import Extraction
from local_rag.documents.imports.pipeline import Cancelled, Pipeline
from local_rag.documents.imports.prepare import Prepared, Preparer
from local_rag.documents.imports.sources import Found, Policy, is_url, path_of
from local_rag.documents.imports.updates import check_updates, folders_of, is_away, metadata_for
from local_rag.index import SourceFacts, Store
from local_rag.index.jobs_table import JobOptions
from local_rag.models.calibration import centre_of
from local_rag.text.chunking import join_sections
from local_rag.text.hashing import content_hash

_BATCH = 500
_LOOK_AGAIN_S = 2.0
_REINDEX = "document:"
_WATCH = "watch"
_PERMANENT = ("invalid-input", "left-out", "too-large")


@dataclass
class JobRunner:
    """Lists the sources of a job, then runs its items through the pipeline.

    `stop` ends it between documents; what is left stays queued for the next start.
    """

    store: Store
    embedder: Embedder
    settings: Settings
    gate: ImportGate
    stop: threading.Event
    observe: Callable[[str], None]

    def __post_init__(self) -> None:
        self._policy = Policy(self.settings)
        self._failed: dict[str, tuple[int, int]] = {}

    def run(self, job: ImportJob) -> None:
        """Do the job. Raises Cancelled and RagError; the caller notes the end."""
        options = self.store.jobs.options(job.id)
        if job.kind == "reindex":
            self.store.begin_reindex(
                self.embedder.model_id, self.embedder.dimensions, centre=centre_of(self.embedder)
            )
        else:
            self.store.bind_embedder(
                self.embedder.model_id, self.embedder.dimensions, centre=centre_of(self.embedder)
            )
        self._wait_for_gate(job.id)
        if not self.store.jobs.listed(job.id):
            self._list(job, options)
            if self.stop.is_set():
                # The list may have broken off; it is made again when the job goes on.
                raise Cancelled
            self.store.jobs.set_listed(job.id)
        with Extraction(stop=self.stop) as extraction:
            preparer = self._preparer(options, extraction)
            pipeline = Pipeline(
                self.store,
                self.embedder,
                batch_size=self.settings.embedding.batch_size,
                stop=self.stop,
                reject=self._reject,
                observe=self.observe,
            )
            pipeline.run(self._items(job.id), self._prepare(preparer))

    def _preparer(self, options: JobOptions, extraction: Extraction) -> Preparer:
        folders = folders_of(self.store, self.settings)
        return Preparer(
            self.store,
            self.embedder,
            self.settings,
            extraction,
            metadata=options.metadata,
            metadata_of=lambda uri: metadata_for(uri, folders),
            revive=options.revive,
            stop=self.stop,
        )

    def _prepare(self, preparer: Preparer) -> Callable[[str], Prepared]:
        def prepare(uri: str) -> Prepared:
            if uri.startswith(_REINDEX):
                return self._again(preparer, int(uri.removeprefix(_REINDEX)))
            # As it was before it is read: a file that is still being copied must not be given up
            # in the state it has when the copy is whole.
            state = _state(uri)
            try:
                return preparer.prepare(uri)
            except Stopped:
                # It stays queued, as what was not begun.
                raise Cancelled from None
            except RagError as error:
                if state is not None and error.code in _PERMANENT:
                    self._failed[uri] = state
                raise

        return prepare

    def _again(self, preparer: Preparer, document_id: int) -> Prepared:
        """Cut the stored text of a document again; its source may be long gone."""
        document = self.store.documents.get(document_id)
        extracted = Extracted(
            title=document.title,
            sections=self.store.documents.sections(document_id),
            media_type=document.media_type,
        )
        facts = SourceFacts(
            uri=document.uri,
            source_hash=document.source_hash,
            size=document.size,
            metadata={"title": document.title},
        )
        digest = content_hash(join_sections(extracted.sections))
        return preparer.chunk(facts, extracted, digest, document_id=document_id)

    def _items(self, job_id: str) -> Iterator[tuple[int, str]]:
        after = 0
        while batch := self.store.jobs.next_items(job_id, after, _BATCH):
            for item, uri in batch:
                self._wait_for_gate(job_id)
                yield item, uri
                after = item

    def _wait_for_gate(self, job_id: str) -> None:
        paused = False
        while not self.stop.is_set():
            allowed, reason = self.gate.may_import()
            if allowed:
                break
            if not paused:
                self.store.jobs.set_paused(job_id, reason or "paused")
                paused = True
            self.stop.wait(_LOOK_AGAIN_S)
        if paused and not self.stop.is_set():
            self.store.jobs.set_paused(job_id, None)

    def _reject(self, uri: str, error: RagError) -> None:
        state = self._failed.pop(uri, None)
        if state is not None:
            self.store.jobs.reject(uri, size=state[0], mtime_ns=state[1], error=str(error))

    # -- listing ----------------------------------------------------------------------------

    def _list(self, job: ImportJob, options: JobOptions) -> None:
        if job.kind == "reindex":
            stale = self.store.documents.stale(self.embedder.model_id)
            self.store.jobs.add_items(job.id, (f"{_REINDEX}{number}" for number in stale))
        elif job.kind in ("update", _WATCH):
            self._list_changes(job)
        else:
            for source in job.sources:
                self._list_source(job.id, source, options)

    def _list_source(self, job_id: str, uri: str, options: JobOptions) -> None:
        path = None if is_url(uri) else path_of(uri)
        if path is None or not path.is_dir():
            self.store.jobs.add_items(job_id, [uri])
            return
        self.store.jobs.remember_folder(
            str(path), recursive=options.recursive, metadata=options.metadata
        )
        batch: list[Found] = []
        for found in self._policy.walk(path, recursive=options.recursive):
            if self.stop.is_set():
                return
            batch.append(found)
            if len(batch) == _BATCH:
                self._add(job_id, batch)
                batch = []
        self._add(job_id, batch)

    def _add(self, job_id: str, batch: Sequence[Found]) -> None:
        self.store.jobs.add_items(job_id, (f.uri for f in batch if not (f.error or f.skipped)))
        self.store.jobs.add_skipped(job_id, [(f.uri, f.skipped) for f in batch if f.skipped])
        for found in batch:
            if found.error:
                self.store.jobs.add_failed(job_id, found.uri, found.error)
                self.observe(ImportItemState.FAILED.value)
            elif found.skipped:
                self.observe(ImportItemState.SKIPPED.value)

    def _list_changes(self, job: ImportJob) -> None:
        only = [path_of(uri) for uri in job.sources] if job.kind == _WATCH else None
        try:
            changes = check_updates(
                self.store, self.settings, urls=job.kind == "update", only=only, stop=self.stop
            )
        except Stopped:
            raise Cancelled from None
        self.store.jobs.add_items(
            job.id, (change.uri for change in changes if change.kind in ("new", "changed"))
        )
        for change in changes:
            if change.kind == "missing" and not (only and is_away(change.uri, only)):
                self.store.documents.remove_source(change.uri)


def _state(uri: str) -> tuple[int, int] | None:
    """Return size and time of a file, None when it has none (a web address, a file just gone)."""
    if is_url(uri):
        return None
    try:
        facts = path_of(uri).stat()
    except (OSError, RagError):
        return None
    return facts.st_size, facts.st_mtime_ns
