"""Puts the service together, begins it and ends it."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from local_rag import __version__
from local_rag.ask.answer import Answerer
from local_rag.ask.chats import Conversations
from local_rag.ask.questions import Questions
from local_rag.config.settings import Settings
from local_rag.core.errors import RagError
from local_rag.core.files import hold
from local_rag.core.types import Answer, ComponentHealth, Health
from local_rag.documents.library import Library
from local_rag.documents.uploads import UploadStore
from local_rag.models.manager import Models
from local_rag.monitor.governor import Governor
from local_rag.monitor.health import disk_health, memory_health, overall, temperature_health
from local_rag.monitor.metrics import Metrics
from local_rag.monitor.sensors import MemoryReader
from local_rag.run.engine import Engine
from local_rag.run.evidence import LiveEvidence
from local_rag.run.upkeep import Upkeep

if TYPE_CHECKING:
    from local_rag.documents.imports import ImportJobs
    from local_rag.documents.imports.sources import Policy
    from local_rag.index import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadFormat:
    """A format that can be imported."""

    name: str
    media_types: tuple[str, ...]
    extensions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What clients need to know about this service."""

    version: str
    max_upload_mb: int
    documents: int
    chunks: int
    data_dir: str
    uploads_uri: str
    watched: tuple[str, ...]
    formats: tuple[ReadFormat, ...]


class Service:
    """All parts of the service.

    Nothing is opened or loaded before `start`, and the language model not before a question.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        load_embedder: Callable[[], Any] | None = None,
        load_generator: Callable[[], Any] | None = None,
    ) -> None:
        """Take settings; the two functions replace the models that are installed."""
        self.settings = settings
        data = settings.storage.data_dir
        self.counts = Metrics()
        self.governor = Governor(settings.limits, data)
        self.models = Models(
            settings, self.governor, load_embedder=load_embedder, load_generator=load_generator
        )
        self.engine = Engine(settings, self.models, self.governor, self.counts.imported)
        self.uploads = UploadStore(settings.storage.uploads)
        self.library = Library(self.engine.jobs, self.engine.store, self.uploads, self._policy)
        self.chats = Conversations(self.engine.store)
        self.upkeep = Upkeep(self.engine, self.uploads, data)
        answerer = Answerer(
            self.engine,
            self.models.get_generator,
            settings,
            self.governor,
            evidence=LiveEvidence(self.engine.store, self.engine.embedder),
            distrust=self.models.distrust,
        )
        self.questions = Questions(lambda: answerer, self._observe)
        self.engine.on_open = self._tidy
        self._memory = MemoryReader()
        self._began = time.monotonic()
        self._add_gauges()

    def prepare(self) -> None:
        """Make the data directory and clear away what broke off; before the first request."""
        self.settings.storage.data_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
        try:
            lock = hold(self.settings.storage.database)
        except RagError:
            # Another service works there: what looks broken off may be what it is working on.
            return
        try:
            self.uploads.clean()
            self.upkeep.clean()
        finally:
            os.close(lock)

    def start(self) -> None:
        """Begin; returns at once, while the index is opened in the background."""
        self._began = time.monotonic()
        self.governor.start()
        self.engine.start()

    def stop(self) -> None:
        """End answers and imports after the step at hand, and close everything."""
        self.questions.close()
        self.engine.stop()
        self.governor.stop()
        self.models.close()

    def _policy(self) -> "Policy":
        from local_rag.documents.imports.sources import Policy

        return Policy(self.settings)

    def _tidy(self, store: "Store", jobs: "ImportJobs") -> None:
        removed = self.library.tidy(store, jobs)
        if removed:
            log.info("uploads without a document removed", extra={"files": removed})

    def _observe(self, answer: Answer | None) -> None:
        if answer is not None:
            self.counts.answered(answer)

    # -- facts ------------------------------------------------------------------------------

    def health(self) -> Health:
        """Return the state of every part; opens and loads nothing."""
        self.engine.preload_soon()
        state = self.governor.state()
        components: tuple[ComponentHealth, ...] = (
            self.engine.health(),
            self._embedding_health(),
            self.models.health("llm"),
            disk_health(state, self.settings.limits),
            memory_health(self._memory.read()),
            temperature_health(state, self.settings.limits),
        )
        watched = self.engine.watch_health()
        if watched is not None:
            components += (watched,)
        uptime = time.monotonic() - self._began
        return overall(components, version=__version__, uptime_s=uptime)

    def _embedding_health(self) -> ComponentHealth:
        found = self.models.health("embedding")
        trouble = self.engine.model_trouble() if found.state == "ok" else None
        if trouble is None:
            return found
        return replace(found, state="degraded", message=trouble.message, hint=trouble.hint)

    def about(self) -> About:
        """Return facts for clients. Raises what keeps the index closed."""
        # Imported here: the start of the service does not wait for it.
        from local_rag.documents.formats import FORMATS

        stats = self.engine.store().stats()
        return About(
            version=__version__,
            max_upload_mb=self.settings.server.max_upload_mb,
            documents=stats["documents"],
            chunks=stats["chunks"],
            data_dir=str(self.settings.storage.data_dir),
            uploads_uri=self.uploads.uri,
            watched=tuple(str(path) for path in self.settings.imports.watch),
            formats=tuple(
                ReadFormat(
                    name=known.name,
                    media_types=(known.media_type, *sorted(known.aliases)),
                    extensions=known.extensions,
                )
                for known in FORMATS
            ),
        )

    def metrics(self) -> str:
        """Return all numbers in Prometheus' text format."""
        return self.counts.render().decode("utf-8")

    def _add_gauges(self) -> None:
        self.counts.watch_machine(self.governor, self._memory)
        gauges: tuple[tuple[str, str, str], ...] = (
            ("documents", "Documents that answers are made from.", "documents"),
            ("chunks", "Pieces of documents in the index.", "chunks"),
            ("index_bytes", "Room the index takes on the disk.", "bytes"),
        )
        for name, text, key in gauges:
            self.counts.gauge(name, text, partial(self._stat, key))
        self.counts.gauge(
            "uptime_seconds", "Time since the service began.",
            lambda: time.monotonic() - self._began,
        )  # fmt: skip

    def _stat(self, key: str) -> float | None:
        return None if self.engine.opening() else self.engine.store().stats()[key]
