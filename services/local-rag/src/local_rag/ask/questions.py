"""Questions as the faces ask them: a few at a time, the rest in a queue that has an end."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass

from local_rag.ask.answer import Answerer, Done, Event, Failed
from local_rag.core.errors import RagError, Unavailable
from local_rag.core.types import Answer, SearchMode

log = logging.getLogger(__name__)

# The language model writes one answer at a time; more threads only wait with more memory.
WORKERS = 8
WAITING = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What was asked."""

    text: str
    k: int | None = None
    max_tokens: int | None = None
    mode: SearchMode = "hybrid"
    passages_only: bool = False


class _Place(AbstractContextManager[None]):
    """One place in the queue; given back at the end, whatever happens."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places
        self._held = True

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the place back; twice is once."""
        if self._held:
            self._held = False
            self._places.release()

    def __del__(self) -> None:
        # A client can go before its answer begins; then nobody enters the place.
        self.release()


class Questions:
    """Answers questions in threads of its own, so that they cannot hold up anything else."""

    def __init__(
        self, answerer: Callable[[], Answerer], observe: Callable[[Answer | None], None]
    ) -> None:
        self._answerer = answerer
        self._observe = observe
        self._places = threading.BoundedSemaphore(WORKERS + WAITING)
        self.executor = ThreadPoolExecutor(WORKERS, thread_name_prefix="question")

    def of(self, answerer: Callable[[], Answerer]) -> "Questions":
        """Return one that asks another answerer, in the same threads and the same queue."""
        other = copy(self)
        other._answerer = answerer
        return other

    def reserve(self) -> _Place:
        """Take a place in the queue. Raises Unavailable when it is full."""
        if not self._places.acquire(blocking=False):
            raise Unavailable(
                f"{WORKERS + WAITING} questions are being answered or wait already.",
                hint="ask again in a few seconds",
            )
        return _Place(self._places)

    def answer(self, question: Question, stop: threading.Event) -> Answer:
        """Return the whole answer. Raises RagError."""
        try:
            answer = self._answerer().answer(
                question.text,
                k=question.k,
                max_tokens=question.max_tokens,
                stop=stop,
                mode=question.mode,
                passages_only=question.passages_only,
            )
        except RagError:
            self._observe(None)
            raise
        self._observe(answer)
        return answer

    def stream(self, question: Question, stop: threading.Event) -> Iterator[Event]:
        """Yield Passages, Tokens and Done; every error becomes a Failed, which is then the last."""
        answer: Answer | None = None
        try:
            events = self._answerer().stream(
                question.text,
                k=question.k,
                max_tokens=question.max_tokens,
                stop=stop,
                mode=question.mode,
                passages_only=question.passages_only,
            )
            for event in events:
                if isinstance(event, Done):
                    answer = event.answer
                yield event
        except RagError as error:
            yield Failed(error.code, error.message, error.hint, error.details, error.status)
        except Exception:
            log.exception("a question failed")
            hint = "the log tells more: journalctl -u local-rag -n 50"
            yield Failed("internal", "Something went wrong inside the service.", hint)
        finally:
            self._observe(answer)

    def close(self) -> None:
        """Let running answers end, and drop those that wait."""
        self.executor.shutdown(wait=False, cancel_futures=True)
