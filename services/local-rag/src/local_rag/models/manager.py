"""The two models of the service: chosen, loaded when needed, changed while it runs."""

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from local_rag.config.settings import Settings
from local_rag.core.errors import (
    Conflict,
    InvalidInput,
    ModelError,
    ModelMissing,
    NotFound,
    RagError,
)
from local_rag.core.types import ComponentHealth, Embedder, Generator
from local_rag.models.lazy import LazyModel, model_health
from local_rag.models.registry import PREFERRED, ModelInfo, ModelRegistry, Verified
from local_rag.models.sizing import ModelKind
from local_rag.monitor.governor import Governor

log = logging.getLogger(__name__)

# Old downloads are forgotten; what they fetched stays.
_KEPT_PULLS = 20
_PACKAGE = "apt install local-rag-model-e5"
_MISSING = {
    "embedding": ("no embedding model is installed", _PACKAGE),
    "llm": (
        "no language model is installed, so answers are passages only",
        "apt install local-rag-model-smollm2, or fetch one: local-rag models pull URL --sha256 SUM",
    ),
}
_UNUSABLE = {
    "embedding": "no embedding model here can be used",
    "llm": "no language model here can be used, so answers are passages only",
}
_BROKEN_HINT = "fetch it again, or choose another: local-rag models list"
PullState = Literal["running", "done", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PullJob:
    """A download of a model; sizes in bytes."""

    id: str
    name: str
    url: str
    state: PullState = "running"
    received: int = 0
    total: int | None = None
    error: str | None = None
    hint: str | None = None


class Models:
    """Holds the embedding model and the language model."""

    def __init__(
        self,
        settings: Settings,
        governor: Governor,
        *,
        load_embedder: Callable[[], Any] | None = None,
        load_generator: Callable[[], Any] | None = None,
    ) -> None:
        """Take settings; the two functions replace the models that are installed."""
        self._settings = settings
        self._governor = governor
        self.registry = ModelRegistry(
            settings.storage.all_model_dirs, writable=settings.storage.data_dir / "models"
        )
        self._given: dict[str, bool] = {
            "embedding": load_embedder is not None,
            "llm": load_generator is not None,
        }
        self._chosen: dict[ModelKind, ModelInfo] = {}
        self._usual: str | None = None
        self.embedder: LazyModel[Any] = LazyModel(load_embedder or self._load_embedder)
        self.generator: LazyModel[Any] = LazyModel(
            load_generator or self._load_generator, idle_unload_s=settings.llm.idle_unload_s
        )
        self._pulls: OrderedDict[str, PullJob] = OrderedDict()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def stay_with(self, embedder_id: str | None) -> None:
        """Prefer the embedding model that an index was made with, while nobody chose another."""
        self._usual = embedder_id.partition("@")[0] if embedder_id else None
        self._chosen.pop("embedding", None)

    # -- use --------------------------------------------------------------------------------

    def get_embedder(self) -> Embedder:
        """Return the embedding model. Raises ModelError when there is none that works."""
        found: Embedder = self.embedder.get()
        return found

    def get_generator(self) -> Generator | None:
        """Return the language model, or None when none is installed. Raises ModelError."""
        if self.generator.loaded is None and not self._given["llm"] and self._choose("llm") is None:
            if any(_broken(info) for info in self.registry.list()):
                raise self._why_none("llm")
            return None
        found: Generator = self.generator.get()
        return found

    def distrust(self) -> str | None:
        """Return why the language model's own sentences are not wanted, or None when they are."""
        if self._given["llm"]:
            return None
        try:
            info = self._choose("llm")
        except RagError:
            return None
        # That there is none, or a broken one, is told by whoever loads it.
        return None if info is None or info.problem else self.registry.distrust(info)

    def unload_idle(self) -> None:
        """Give back the memory of a language model that nobody asks."""
        self.generator.unload_if_idle()

    def close(self) -> None:
        """Free both models and end downloads; they go on where they were when pulled again."""
        self._stopping.set()
        self.generator.unload()
        self.embedder.unload()

    def _load_embedder(self) -> Any:
        from local_rag.models.embedder import load_embedder

        info = self._need("embedding")
        return load_embedder(info.path, self._threads(self._settings.embedding.threads))

    def _load_generator(self) -> Any:
        from local_rag.models.generator import load_generator

        info = self._need("llm")
        threads = self._threads(self._settings.llm.threads)
        return load_generator(info.path, threads, self._settings.llm.context_tokens)

    def _threads(self, wanted: int | None) -> Callable[[], int]:
        def threads() -> int:
            bearable = self._governor.threads()
            return min(wanted, bearable) if wanted else bearable

        return threads

    def _need(self, kind: ModelKind) -> ModelInfo:
        info = self._choose(kind, afresh=True)
        if info is None:
            raise self._why_none(kind)
        broken = _broken(info)
        if broken is not None:
            raise broken
        self.registry.ensure_tried(info)
        return info

    def _why_none(self, kind: ModelKind) -> ModelError:
        """Return why there is no model of a kind: none is installed, or what is there is broken."""
        message, hint = _MISSING[kind]
        # A broken file does not say its kind, so each kind that is missing names it.
        problems = [info.problem for info in self.registry.list() if info.problem is not None]
        if problems:
            return ModelMissing(f"{_UNUSABLE[kind]}: {'; '.join(problems[:3])}", hint=_BROKEN_HINT)
        return ModelMissing(message, hint=hint)

    def _choose(self, kind: ModelKind, *, afresh: bool = False) -> ModelInfo | None:
        """Return the model to use. Remembered, because reading headers takes a while."""
        known = self._chosen.get(kind)
        if known is not None and not afresh and known.path.exists():
            return known
        usual = self._usual if kind == "embedding" else None
        info = self.registry.resolve(kind, self._configured(kind), usual=usual)
        if info is None:
            self._chosen.pop(kind, None)
        else:
            self._chosen[kind] = info
        return info

    def _configured(self, kind: str) -> str | None:
        return self._settings.embedding.model if kind == "embedding" else self._settings.llm.model

    # -- health -----------------------------------------------------------------------------

    def health(self, kind: ModelKind) -> ComponentHealth:
        """Return the state of one model, without loading it."""
        slot = self.embedder if kind == "embedding" else self.generator
        missing, hint = _MISSING[kind]
        if self._given[kind]:
            return model_health(kind, slot, file="a given model", missing=missing, hint=hint)
        try:
            info = self._choose(kind)
        except RagError as error:
            return model_health(kind, None, file=None, missing=error.message, hint=error.hint or "")
        trouble = self._why_none(kind) if info is None else _broken(info)
        if trouble is not None:
            missing, hint = trouble.message, trouble.hint or ""
        name = None if info is None or trouble is not None else info.name
        found = model_health(kind, slot, file=name, missing=missing, hint=hint)
        better = self._better(name) if kind == "embedding" and found.state == "ok" else None
        if better is None:
            return found
        how = f"local-rag models use embedding {better}, then local-rag reindex"
        return replace(found, hint=f"{better} is installed and knows more languages: {how}")

    def _better(self, name: str | None) -> str | None:
        """Return an installed embedding model that is preferred to the one in use, if any is."""
        if name in PREFERRED or self._configured("embedding"):
            return None
        installed = {info.name for info in self.registry.list() if info.kind == "embedding"}
        return next((other for other in PREFERRED if other in installed), None)

    # -- care -------------------------------------------------------------------------------

    def list(self) -> "list[ModelInfo]":
        """Return the installed models; `active` are those that are used."""
        used = set()
        for kind in ("embedding", "llm"):
            try:
                info = self._choose(kind, afresh=True)
            except RagError:
                continue
            if info is not None:
                used.add(info.path)
        return [replace(info, active=info.path in used) for info in self.registry.list()]

    def verify(self, name: str) -> Verified:
        """Check a model's file, and try it. Raises NotFound."""
        return self.registry.verify(name)

    def use(self, kind: ModelKind, name: str) -> ModelInfo:
        """Choose a model; it is loaded when it is next needed.

        Raises NotFound, ModelError, and Conflict when the configuration names another one.
        """
        configured = self._configured(kind)
        if configured is not None and configured.removesuffix(".gguf") != name:
            key = f"{kind}.model"
            place = self._settings.origins.get(key, "the configuration")
            raise Conflict(
                f"{key} in {place} names {configured}, which has the last word",
                hint=f"remove {key} there, or change it",
            )
        info = self.registry.use(kind, name)
        self._chosen.pop(kind, None)
        (self.embedder if kind == "embedding" else self.generator).unload()
        return info

    def pull(self, url: str, sha256: str, name: str | None) -> PullJob:
        """Begin to fetch a model. Raises InvalidInput for a bad address, Conflict when one runs."""
        from local_rag.models.download import check_url

        address = check_url(url)
        shown = (name or address.split("?")[0].rpartition("/")[2]).removesuffix(".gguf")
        if not shown:
            raise InvalidInput("the address names no file", hint="give the model a name: --name")
        with self._lock:
            if any(job.state == "running" for job in self._pulls.values()):
                raise Conflict("a model is being fetched already", hint="wait for it")
            job = PullJob(id=secrets.token_hex(8), name=shown, url=address)
            self._pulls[job.id] = job
            while len(self._pulls) > _KEPT_PULLS:
                self._pulls.popitem(last=False)
        work = threading.Thread(
            target=self._fetch, args=(job, sha256, name), name="pull", daemon=True
        )
        work.start()
        return job

    def pull_state(self, pull_id: str) -> PullJob:
        """Return how far a download has come. Raises NotFound."""
        with self._lock:
            job = self._pulls.get(pull_id)
        if job is None:
            raise NotFound(f"there is no download {pull_id[:100]}")
        return job

    def _fetch(self, job: PullJob, sha256: str, name: str | None) -> None:
        def progress(received: int, total: int | None) -> None:
            self._note(job.id, received=received, total=total)

        try:
            info = self.registry.pull(
                job.url, sha256, name=name, progress=progress, stop=self._stopping,
                allow_private=self._settings.imports.allow_private_urls,
            )  # fmt: skip
        except RagError as error:
            self._note(job.id, state="failed", error=error.message, hint=error.hint)
        except Exception as error:
            log.exception("fetching a model failed")
            self._note(job.id, state="failed", error=f"it failed: {error}", hint="see the log")
        else:
            self._note(job.id, state="done", name=info.name, received=info.size, total=info.size)

    def _note(self, pull_id: str, **changes: Any) -> None:
        with self._lock:
            if pull_id in self._pulls:
                self._pulls[pull_id] = replace(self._pulls[pull_id], **changes)


def _broken(info: ModelInfo) -> ModelError | None:
    if info.problem is None:
        return None
    return ModelError(f"{info.name} cannot be used: {info.problem}", hint=_BROKEN_HINT)
