"""A model that is loaded when it is first wanted, and let go when it is idle."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, Literal, Protocol, TypeVar

from local_rag.core.errors import ModelError, ModelMissing, RagError
from local_rag.core.types import ComponentHealth

_log = logging.getLogger(__name__)
RETRY_AFTER_S = 60.0

LazyState = Literal["unloaded", "loading", "loaded", "failed"]


class Closable(Protocol):
    """A model that can be freed."""

    def close(self) -> None:
        """Free it."""


M = TypeVar("M", bound=Closable)


class LazyModel(Generic[M]):
    """Holds one model. `get` loads it; a failure is remembered for a minute, then tried again.

    That no model is installed is not remembered.

    `idle_unload_s`: after so many seconds without use `unload_if_idle` frees the memory; None
    keeps it for good.
    """

    def __init__(
        self,
        load: Callable[[], M],
        *,
        idle_unload_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load, self._clock = load, clock
        self._idle_unload_s = idle_unload_s
        self._lock = threading.Lock()
        self._model: M | None = None
        self._state: LazyState = "unloaded"
        self._error: RagError | None = None
        self._failed_at = 0.0
        self._used_at = clock()
        self.load_seconds: float | None = None

    @property
    def state(self) -> LazyState:
        """Where the model is; never waits for a load that is going on."""
        return self._state

    @property
    def error(self) -> RagError | None:
        """Why the latest load failed, or None."""
        return self._error

    @property
    def loaded(self) -> M | None:
        """The model if it is in memory; does not load it."""
        return self._model

    def get(self) -> M:
        """Return the model, loading it if need be.

        Raises the error of the load; for a minute the same one again, without another try.
        """
        with self._lock:
            self._used_at = self._clock()
            if self._model is not None:
                return self._model
            if self._error is not None and self._clock() - self._failed_at < RETRY_AFTER_S:
                raise self._error
            return self._load_now()

    def _load_now(self) -> M:
        self._state = "loading"
        started = time.perf_counter()
        try:
            model = self._load()
        except ModelMissing:
            # Looking for one costs nothing, and once it is installed it is found at once.
            self._state, self._error = "unloaded", None
            raise
        except RagError as error:
            self._remember(error)
            raise
        except Exception as error:
            _log.exception("loading a model failed")
            wrapped = ModelError(
                f"loading the model failed: {error}", hint="see the service's log for the trace"
            )
            self._remember(wrapped)
            raise wrapped from error
        self._model, self._state, self._error = model, "loaded", None
        self._used_at = self._clock()
        self.load_seconds = time.perf_counter() - started
        return model

    def _remember(self, error: RagError) -> None:
        self._state, self._error, self._failed_at = "failed", error, self._clock()
        _log.warning("model not loaded: %s", error.message)

    def unload(self) -> None:
        """Free the model and forget an error, so that the next `get` loads again."""
        with self._lock:
            model, self._model = self._model, None
            self._state, self._error = "unloaded", None
        if model is not None:
            model.close()

    def unload_if_idle(self) -> bool:
        """Free the model when it has not been used for long enough; returns whether it was."""
        if self._idle_unload_s is None or not self._lock.acquire(blocking=False):
            return False
        try:
            model = self._model
            if model is None or getattr(model, "busy", False):
                return False
            used = max(self._used_at, getattr(model, "last_used", self._used_at))
            if self._clock() - used < self._idle_unload_s:
                return False
            self._model, self._state = None, "unloaded"
        finally:
            self._lock.release()
        model.close()
        _log.info("model unloaded after %.0f s without use", self._idle_unload_s)
        return True


def model_health(
    name: str, model: LazyModel[Any] | None, *, file: str | None, missing: str, hint: str
) -> ComponentHealth:
    """Return the state of the `llm` or `embedding` component.

    `file` is the model chosen; without one `missing` and `hint` say what that means. A model
    that is missing or does not load makes the service degraded.
    """
    if model is None or file is None:
        return ComponentHealth(name, "degraded", missing, hint)
    details: dict[str, Any] = {"model": file, "load": model.state}
    error = model.error
    if error is not None:
        return ComponentHealth(
            name=name,
            state="degraded",
            message=error.message,
            hint=error.hint,
            details={**details, "code": error.code, **error.details},
        )
    if model.load_seconds is not None:
        details["load_seconds"] = round(model.load_seconds, 2)
    loaded = model.loaded
    if loaded is not None:
        details["model_id"] = getattr(loaded, "model_id", file)
    message = {
        "loaded": f"{file} is loaded",
        "loading": f"{file} is being loaded",
    }.get(model.state, f"{file} is loaded when it is first needed")
    return ComponentHealth(name, "ok", message, details=details)
