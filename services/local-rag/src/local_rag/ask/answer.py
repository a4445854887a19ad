"""From a question to an answer with citations.

Passages are searched; when none is near enough the answer is that it is not in the documents.
Otherwise a language model writes the answer from the passages. Without one, the passages are
all there is, and the answer says so; no text is ever made up in its place.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from local_rag.ask.citations import CitationFilter, cite, supporting
from local_rag.ask.prompt import NOT_IN_DOCUMENTS, Prompt, build_prompt
from local_rag.ask.relevance import check_question, relevant, says_not_found
from local_rag.config.settings import Settings
from local_rag.core.errors import RagError
from local_rag.core.types import Answer, Citation, Generator, Passage, SearchMode

__all__ = [
    "NOT_IN_DOCUMENTS", "Answerer", "Done", "Event", "Failed", "Passages", "Token",
]  # fmt: skip

_log = logging.getLogger(__name__)
_GATE_EVERY = 16
Mode = Literal["generated", "retrieval-only", "not-found"]
_NO_MODEL = "no language model is installed; see local-rag models list and local-rag models pull"


class Search(Protocol):
    """Finds passages, best first."""

    def search(self, question: str, k: int = 8, mode: SearchMode = "hybrid") -> list[Passage]:
        """Return at most k passages."""


class GenerationGate(Protocol):
    """Says whether the machine can bear a language model just now."""

    def may_generate(self) -> tuple[bool, str | None]:
        """Return whether to go on, and the reason when not."""


@dataclass(frozen=True, slots=True)
class Passages:
    """What the search found; comes first. The citations number the passages for the answer."""

    passages: tuple[Passage, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The whole answer; comes last when all went well."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer broke off; comes last then."""

    code: str
    message: str
    hint: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    status: int = 500


Event = Passages | Token | Done | Failed


class _Timer:
    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self.ms: dict[str, float] = {}

    def mark(self, name: str) -> None:
        now = time.perf_counter()
        self.ms[name] = round((now - self._last) * 1000, 2)
        self.ms["total"] = round((now - self._start) * 1000, 2)
        self._last = now


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question on its way to its answer."""

    question: str
    passages: tuple[Passage, ...]
    max_tokens: int | None
    stop: threading.Event
    timer: _Timer

    @property
    def everything(self) -> tuple[Citation, ...]:
        """A citation of each passage."""
        return cite(range(1, len(self.passages) + 1), self.passages, self.question)

    def answer(
        self, mode: Mode, text: str, reason: str | None, citations: tuple[Citation, ...] = ()
    ) -> Answer:
        return Answer(
            text=text, citations=citations, passages=self.passages, mode=mode, reason=reason,
            timings_ms=self.timer.ms,
        )  # fmt: skip


@dataclass(slots=True)
class Answerer:
    """Answers questions. Safe to use from several threads.

    The provider returns None without a model, and raises when it cannot load.
    """

    searcher: Search
    generator_provider: Callable[[], Generator | None]
    settings: Settings
    governor: GenerationGate

    def answer(
        self,
        question: str,
        *,
        k: int | None = None,
        max_tokens: int | None = None,
        stop: threading.Event | None = None,
        mode: SearchMode = "hybrid",
        passages_only: bool = False,
    ) -> Answer:
        """Return the whole answer.

        Raises InvalidInput for an empty or endless question, and whatever the search raises.
        """
        events = self.stream(
            question, k=k, max_tokens=max_tokens, stop=stop, mode=mode, passages_only=passages_only
        )
        last = deque(events, maxlen=1).pop()
        if isinstance(last, Done):
            return last.answer
        if isinstance(last, Failed):
            error = RagError(last.message, hint=last.hint, details=last.details)
            error.code, error.status = last.code, last.status
            raise error
        raise RagError("the answer ended without a result")

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        max_tokens: int | None = None,
        stop: threading.Event | None = None,
        mode: SearchMode = "hybrid",
        passages_only: bool = False,
    ) -> Iterator[Event]:
        """Yield Passages, then Tokens, then Done; or Failed when the model breaks off.

        With `passages_only` no language model is asked, nor loaded.
        Errors of the question or the search are raised before the first event.
        """
        question = check_question(question)
        timer = _Timer()
        found = self.searcher.search(question, k=k or self.settings.retrieval.k, mode=mode)
        passages = relevant(question, found, self.settings.retrieval.threshold)
        timer.mark("search")
        asked = _Asked(question, passages, max_tokens, stop or threading.Event(), timer)
        return self._events(asked, _no_generator if passages_only else self._generator)

    def _events(
        self, asked: _Asked, provide: Callable[[], tuple[Generator | None, str | None]]
    ) -> Iterator[Event]:
        yield Passages(asked.passages, asked.everything)
        if not asked.passages:
            yield Token(NOT_IN_DOCUMENTS)
            why = "no passage is near enough to the question"
            yield Done(asked.answer("not-found", NOT_IN_DOCUMENTS, why))
            return
        prompt: Prompt | None = None
        try:
            generator, reason = provide()
            if generator is not None:
                prompt = build_prompt(
                    asked.question, asked.passages, generator.count_tokens,
                    context_tokens=generator.context_tokens,
                    answer_tokens=self._answer_tokens(generator, asked.max_tokens),
                )  # fmt: skip
        except RagError as error:
            generator, reason = None, _told(error)
        asked.timer.mark("model")
        if generator is None or prompt is None:
            yield Done(asked.answer("retrieval-only", "", reason, asked.everything))
            return
        yield from self._generate(asked, prompt, generator)

    def _generator(self) -> tuple[Generator | None, str | None]:
        allowed, reason = self.governor.may_generate()
        if not allowed:
            return None, reason
        generator = self.generator_provider()
        return generator, (_NO_MODEL if generator is None else None)

    def _answer_tokens(self, generator: Generator, wanted: int | None) -> int:
        limit = min(wanted or self.settings.llm.max_tokens, self.settings.llm.max_tokens)
        return max(1, min(limit, generator.context_tokens // 2))

    def _generate(self, asked: _Asked, prompt: Prompt, generator: Generator) -> Iterator[Event]:
        writing = _Writing(len(prompt.passages))
        halt = _AnyEvent(asked.stop)
        pieces = generator.stream(
            prompt.messages,
            max_tokens=self._answer_tokens(generator, asked.max_tokens),
            temperature=self.settings.llm.temperature,
            stop=halt,
        )
        reason: str | None = None
        try:
            with _closing(pieces):
                for count, piece in enumerate(pieces):
                    if count == 0:
                        asked.timer.mark("first_token")
                    if text := writing.take(piece):
                        yield Token(text)
                    if count % _GATE_EVERY == _GATE_EVERY - 1:
                        allowed, reason = self.governor.may_generate()
                        if not allowed:
                            halt.set()
        except RagError as error:
            _log.warning("an answer broke off: %s", error.message)
            yield _failed(error)
            return
        if rest := writing.finish():
            yield Token(rest)
        asked.timer.mark("generate")
        if asked.stop.is_set():
            reason = "stopped on request"
        elif not writing.text.strip():
            reason = reason or "the language model gave no answer"
            answer = asked.answer("retrieval-only", "", reason, asked.everything)
            yield Done(replace(answer, tokens=writing.tokens))
            return
        yield Done(_finished(asked, prompt, writing, reason))


def _no_generator() -> tuple[None, str]:
    return None, "only the passages were asked for"


@contextmanager
def _closing(pieces: Iterator[str]) -> Iterator[None]:
    """Close a generator on every path out, so that it gives up its turn at once."""
    try:
        yield
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


class _AnyEvent(threading.Event):
    """Set when it is set itself or another one is."""

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or self._other.is_set()


class _Writing:
    """Collects an answer as it is written."""

    def __init__(self, passages: int) -> None:
        self._filter = CitationFilter(passages)
        self._parts: list[str] = []
        self.tokens = 0

    def take(self, piece: str) -> str:
        self.tokens += 1
        return self._keep(self._filter.feed(piece if self._parts else piece.lstrip()))

    def finish(self) -> str:
        return self._keep(self._filter.finish())

    def _keep(self, text: str) -> str:
        if text:
            self._parts.append(text)
        return text

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def cited(self) -> list[int]:
        return self._filter.numbers


def _finished(asked: _Asked, prompt: Prompt, writing: _Writing, reason: str | None) -> Answer:
    text, shown = writing.text.strip(), prompt.passages
    if says_not_found(text):
        reason = "the language model found no answer in the passages"
        return replace(asked.answer("not-found", text, reason), tokens=writing.tokens)
    numbers = writing.cited or supporting(text, shown) or list(range(1, len(shown) + 1))
    cited = cite(numbers, asked.passages, asked.question)
    return replace(asked.answer("generated", text, reason, cited), tokens=writing.tokens)


def _told(error: RagError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _failed(error: RagError) -> Failed:
    return Failed(error.code, error.message, error.hint, error.details, error.status)
