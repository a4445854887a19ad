"""Three stages side by side: prepare, embed, store.

The embedding model is what takes time; while it works on one batch, the next documents are read
and cut, and the last ones are written. Every document is one transaction, in which its import
item is marked as done, so that a kill at any moment leaves whole documents and a true list.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

import numpy as np

from local_rag.core.errors import LeftOut, RagError
from local_rag.core.types import Embedder, ImportItemState
from local_rag.documents.imports.prepare import Known, Prepared, Ready, Unchanged
from local_rag.index import Incoming, Store
from local_rag.index.jobs_table import mark_item

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PREPARED = 8
_EMBEDDED = 4
_POLL_S = 0.2
_REMEMBERED = 2048
_SKIPS = 200
_SKIPS_S = 0.5


@dataclass(frozen=True, slots=True)
class Work:
    """One item of a job, with what became of it so far."""

    item: int
    uri: str
    prepared: Prepared | None = None
    error: RagError | None = None
    vectors: "NDArray[np.float32] | None" = None


class Cancelled(Exception):
    """The job was cancelled or the service stops."""


class Channel:
    """A bounded queue between two stages that ends when the job does."""

    def __init__(self, size: int, stop: threading.Event) -> None:
        self._queue: Queue[Work | None] = Queue(size)
        self._stop = stop

    def put(self, work: Work | None) -> None:
        """Hand on, waiting for room. Raises Cancelled."""
        while True:
            try:
                self._queue.put(work, timeout=_POLL_S)
            except Full:
                if self._stop.is_set():
                    raise Cancelled from None
            else:
                return

    def get(self) -> Work | None:
        """Take the next, or None at the end. Raises Cancelled."""
        while True:
            try:
                return self._queue.get(timeout=_POLL_S)
            except Empty:
                if self._stop.is_set():
                    raise Cancelled from None

    def get_now(self) -> Work | None:
        """Take the next if one waits. Raises Empty."""
        return self._queue.get_nowait()


class Pipeline:
    """Runs the items of one job through the stages."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        *,
        batch_size: int,
        stop: threading.Event,
        reject: Callable[[str, RagError], None],
        observe: Callable[[str], None],
    ) -> None:
        """Take parts; `reject` hears of files that failed, `observe` how each item ended."""
        self._store = store
        self._embedder = embedder
        self._batch_size = batch_size
        self._stop = stop
        self._reject = reject
        self._observe = observe
        self._prepared = Channel(_PREPARED, stop)
        self._embedded = Channel(_EMBEDDED, stop)
        self._recent: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._failure: BaseException | None = None

    def run(self, items: Iterable[tuple[int, str]], prepare: Callable[[str], Prepared]) -> None:
        """Process all items. Raises Cancelled, or whatever makes going on senseless.

        An error of one document is noted with its item; an error of the store or of the model
        ends the run, and the items that are left stay queued.
        """
        stages = [
            threading.Thread(
                target=self._guard, args=(self._prepare_all, items, prepare), name="import-prepare"
            ),
            threading.Thread(target=self._guard, args=(self._store_all,), name="import-store"),
        ]
        for stage in stages:
            stage.start()
        self._guard(self._embed_all)
        for stage in stages:
            stage.join()
        if self._failure is not None:
            raise self._failure

    def _guard(self, stage: Callable[..., None], *arguments: object) -> None:
        try:
            stage(*arguments)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            if self._failure is None or isinstance(self._failure, Cancelled):
                self._failure = error
            self._stop.set()

    # -- stage 1 ----------------------------------------------------------------------------

    def _prepare_all(
        self, items: Iterable[tuple[int, str]], prepare: Callable[[str], Prepared]
    ) -> None:
        for item, uri in items:
            if self._stop.is_set():
                raise Cancelled
            try:
                work = Work(item, uri, prepared=prepare(uri))
            except RagError as error:
                if error.status >= 500 and error.code in ("store-corrupt", "internal", "model"):
                    raise
                work = Work(item, uri, error=error)
            self._prepared.put(work)
        self._prepared.put(None)

    # -- stage 2 ----------------------------------------------------------------------------

    def _embed_all(self) -> None:
        for group, last in self._groups():
            vectors = self._vectors([work.prepared for work in group])
            for work, rows in zip(group, vectors, strict=True):
                self._embedded.put(Work(work.item, work.uri, work.prepared, work.error, rows))
            if last:
                self._embedded.put(None)

    def _groups(self) -> Iterator[tuple[list[Work], bool]]:
        """Yield documents that together fill a batch, without waiting for more than the first."""
        while True:
            work = self._prepared.get()
            group: list[Work] = []
            size = 0
            while work is not None:
                group.append(work)
                size += len(work.prepared.chunks) if isinstance(work.prepared, Ready) else 0
                if size >= self._batch_size:
                    break
                try:
                    work = self._prepared.get_now()
                except Empty:
                    break
            yield group, work is None
            if work is None:
                return

    def _vectors(self, group: Sequence[Prepared | None]) -> "list[NDArray[np.float32] | None]":
        """Return the vectors of every document, embedding only texts that are new."""
        wanted: dict[bytes, str] = {}
        for prepared in group:
            if isinstance(prepared, Ready):
                wanted.update(zip(prepared.hashes, prepared.texts, strict=True))
        known = self._lookup(list(wanted))
        new = [key for key in wanted if key not in known]
        # Texts of like length waste the least of a batch that is padded to its longest.
        new.sort(key=lambda key: len(wanted[key]))
        for begin in range(0, len(new), self._batch_size):
            if self._stop.is_set():
                raise Cancelled
            part = new[begin : begin + self._batch_size]
            rows = self._embedder.embed([wanted[key] for key in part])
            known.update(zip(part, rows, strict=True))
        self._remember({key: known[key] for key in new})
        return [
            np.stack([known[key] for key in prepared.hashes])
            if isinstance(prepared, Ready)
            else None
            for prepared in group
        ]

    def _lookup(self, hashes: Sequence[bytes]) -> "dict[bytes, NDArray[np.float32]]":
        if not hashes:
            return {}
        known = {key: self._recent[key] for key in hashes if key in self._recent}
        rest = [key for key in hashes if key not in known]
        return known | self._store.chunks.known_vectors(rest, self._embedder.dimensions)

    def _remember(self, vectors: "Mapping[bytes, NDArray[np.float32]]") -> None:
        # What is on its way to the store cannot be found there yet.
        self._recent.update(vectors)
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)

    # -- stage 3 ----------------------------------------------------------------------------

    def _store_all(self) -> None:
        # A rescan of ten thousand unchanged files must not wait for the disk ten thousand times.
        unchanged: list[tuple[int, int]] = []
        flushed = time.monotonic()
        while True:
            work = self._embedded.get()
            if work is not None and isinstance(work.prepared, Unchanged):
                unchanged.append((work.item, work.prepared.document_id))
                if len(unchanged) < _SKIPS and time.monotonic() - flushed < _SKIPS_S:
                    continue
            if unchanged:
                self._store.jobs.note_unchanged(unchanged)
                for _ in unchanged:
                    self._observe(ImportItemState.UNCHANGED.value)
                unchanged = []
            flushed = time.monotonic()
            if work is None:
                return
            self._finish(work)

    def _finish(self, work: Work) -> None:
        ended = ImportItemState.DONE
        if work.error is not None:
            left_out = isinstance(work.error, LeftOut)
            ended = ImportItemState.SKIPPED if left_out else ImportItemState.FAILED
            hint = f" ({work.error.hint})" if work.error.hint else ""
            self._store.jobs.set_item(work.item, ended, error=f"{work.error}{hint}")
            self._reject(work.uri, work.error)
        elif isinstance(work.prepared, Known):
            self._store.documents.link(
                work.prepared.facts,
                work.prepared.document_id,
                revive=work.prepared.revive,
                also=lambda db, number: mark_item(
                    db, work.item, ImportItemState.DONE, document_id=number
                ),
            )
        elif isinstance(work.prepared, Ready) and work.vectors is not None:
            self._write(work.item, work.prepared, work.vectors)
        else:
            return
        self._observe(ended.value)

    def _write(self, item: int, ready: Ready, vectors: "NDArray[np.float32]") -> None:
        incoming = Incoming(
            source=ready.facts,
            title=ready.title,
            media_type=ready.media_type,
            metadata=ready.metadata,
            content_hash=ready.content_hash,
            sections=ready.sections,
            chunks=ready.chunks,
            embedding_hashes=ready.hashes,
            vectors=vectors,
            embedder_id=self._embedder.model_id,
        )
        if ready.document_id is not None:
            self._store.documents.reembed(
                ready.document_id,
                incoming,
                also=lambda db, number: mark_item(
                    db, item, ImportItemState.DONE, document_id=number
                ),
            )
            return
        self._store.documents.put(
            incoming,
            also=lambda db, number: mark_item(db, item, ImportItemState.DONE, document_id=number),
        )
