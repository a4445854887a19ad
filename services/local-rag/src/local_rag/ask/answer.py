"""From a question to an answer with citations.

Passages are searched; when none has to do with the question the answer is that it is not in the
documents. Otherwise the answer begins with the sentences of the documents that fit best, word for
word; when they are not sure enough to answer, it says so and shows them. Only then a language model
may add sentences of its own, and each of them must be borne out by a sentence of the documents.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from local_rag.ask.citations import cite, quoted
from local_rag.ask.evidence import Evidence, Words, WordsOnly, relevant
from local_rag.ask.extract import Extract, extract
from local_rag.ask.prompt import NOT_IN_DOCUMENTS, Prompt, build_prompt
from local_rag.ask.writing import Writing
from local_rag.config.settings import Settings
from local_rag.core.errors import InvalidInput, RagError
from local_rag.core.types import (
    Answer,
    AnswerMode,
    Citation,
    Generator,
    Passage,
    Quote,
    SearchMode,
)
from local_rag.text.messages import say, spoken

__all__ = [
    "NOT_IN_DOCUMENTS", "Answerer", "Done", "Event", "Failed", "Passages", "Token",
]  # fmt: skip

_log = logging.getLogger(__name__)
_GATE_EVERY = 16
MAX_QUESTION_CHARS = 4000
_NO_MODEL = "no language model is installed; see local-rag models list and local-rag models pull"


class Search(Protocol):
    """Finds passages, best first."""

    def search(self, question: str, k: int = 8, mode: SearchMode = "hybrid") -> list[Passage]:
        """Return at most k passages."""


def _trust_all() -> str | None:
    return None


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
    words: Words
    passages: tuple[Passage, ...]
    max_tokens: int | None
    stop: threading.Event
    timer: _Timer

    @property
    def language(self) -> str:
        """The language to answer in."""
        return spoken(self.question)

    @property
    def everything(self) -> tuple[Citation, ...]:
        """A citation of each passage."""
        return cite(range(1, len(self.passages) + 1), self.passages, self.question)

    def lead(self, found: Extract) -> str:
        """Return the quotes as the beginning of an answer, each with its number."""
        return "\n\n".join(
            f"{say('answer.quote', self.language, text=' '.join(quote.text.split()))} "
            f"[{quote.number}]"
            for quote in found.quotes
        )

    def answer(
        self,
        mode: AnswerMode,
        text: str,
        reason: str | None,
        citations: tuple[Citation, ...] = (),
        quotes: tuple[Quote, ...] = (),
    ) -> Answer:
        return Answer(
            text=text, citations=citations, passages=self.passages, mode=mode, reason=reason,
            quotes=quotes, timings_ms=self.timer.ms,
        )  # fmt: skip


@dataclass(slots=True)
class Answerer:
    """Answers questions. Safe to use from several threads.

    The provider returns None without a model, and raises when it cannot load. `distrust` says why
    the model's own sentences are not wanted, or None when they are.
    """

    searcher: Search
    generator_provider: Callable[[], Generator | None]
    settings: Settings
    governor: GenerationGate
    evidence: Evidence = field(default_factory=WordsOnly)
    distrust: Callable[[], str | None] = _trust_all

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
        """Yield Passages, then Tokens, then Done; or Failed when the search breaks off.

        With `passages_only` no answer is looked for in them, and no language model is asked.
        Errors of the question or the search are raised before the first event.
        """
        question = check_question(question)
        timer = _Timer()
        found = self.searcher.search(question, k=k or self.settings.retrieval.k, mode=mode)
        words = Words(tuple(self.evidence.weigh(question)), self.evidence.chunks())
        passages = relevant(words, found, self.evidence, self.settings.retrieval.threshold)
        timer.mark("search")
        asked = _Asked(question, words, passages, max_tokens, stop or threading.Event(), timer)
        return self._events(asked, passages_only=passages_only)

    def _events(self, asked: _Asked, *, passages_only: bool) -> Iterator[Event]:
        yield Passages(asked.passages, asked.everything)
        if not asked.passages:
            text = say("answer.not-found", asked.language)
            yield Token(text)
            why = "no passage has to do with the question"
            yield Done(asked.answer("not-found", text, why))
            return
        if passages_only:
            why = "only the passages were asked for"
            yield Done(asked.answer("retrieval-only", "", why, asked.everything))
            return
        found = extract(asked.question, asked.words, asked.passages, self.evidence)
        asked.timer.mark("extract")
        lead = asked.lead(found)
        if not found.fact:
            text = f"{say('answer.uncertain', asked.language)}\n\n{lead}".strip()
            yield Token(text)
            why = "no sentence of the documents surely answers the question"
            citations = quoted(found.quotes, asked.everything)
            yield Done(asked.answer("uncertain", text, why, citations, found.quotes))
            return
        yield Token(lead)
        yield from self._add(asked, found, lead)

    def _add(self, asked: _Asked, found: Extract, lead: str) -> Iterator[Event]:
        """Yield what a language model adds to the quotes, if one may, and Done."""
        prompt: Prompt | None = None
        try:
            generator, reason = self._generator()
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
            yield Done(_finished(asked, found, lead, None, reason))
            return
        yield from self._generate(asked, found, lead, prompt, generator)

    def _generator(self) -> tuple[Generator | None, str | None]:
        allowed, reason = self.governor.may_generate()
        if not allowed:
            return None, reason
        reason = self.distrust()
        if reason is not None:
            return None, reason
        generator = self.generator_provider()
        return generator, (_NO_MODEL if generator is None else None)

    def _answer_tokens(self, generator: Generator, wanted: int | None) -> int:
        limit = min(wanted or self.settings.llm.max_tokens, self.settings.llm.max_tokens)
        return max(1, min(limit, generator.context_tokens // 2))

    def _generate(
        self, asked: _Asked, found: Extract, lead: str, prompt: Prompt, generator: Generator
    ) -> Iterator[Event]:
        writing = Writing(asked.question, prompt.passages, found.quotes)
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
            # What was quoted stands, whatever became of the model.
            _log.warning("an answer broke off: %s", error.message)
            yield Done(_finished(asked, found, lead, writing, _told(error)))
            return
        asked.timer.mark("generate")
        if asked.stop.is_set():
            reason = "stopped on request"
        elif rest := writing.finish():
            yield Token(rest)
        yield Done(_finished(asked, found, lead, writing, reason))


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


def _finished(
    asked: _Asked, found: Extract, lead: str, writing: Writing | None, reason: str | None
) -> Answer:
    if writing is None:
        citations = quoted(found.quotes, asked.everything)
        return asked.answer("extracted", lead, reason, citations, found.quotes)
    if not writing.text and reason is None:
        reason = writing.reason
    numbers = [number for number in writing.cited if number <= len(asked.passages)]
    citations = quoted(found.quotes, asked.everything, also=numbers, sources=writing.sources)
    mode: AnswerMode = "generated" if writing.text else "extracted"
    answer = asked.answer(mode, lead + writing.text, reason, citations, found.quotes)
    return replace(answer, tokens=writing.tokens)


def _told(error: RagError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def check_question(question: str) -> str:
    """Return the question without spaces around it; raises InvalidInput for one of no use."""
    question = question.replace("\x00", " ").strip()
    if not question:
        raise InvalidInput("the question is empty", hint="ask something")
    if len(question) > MAX_QUESTION_CHARS:
        raise InvalidInput(
            f"the question is {len(question)} characters long, more than {MAX_QUESTION_CHARS}",
            hint="ask a shorter question; import long texts as documents",
        )
    return question
