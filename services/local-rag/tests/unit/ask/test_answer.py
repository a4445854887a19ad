"""Answers: written, found only, or not there."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from local_rag.ask.answer import (
    Answerer,
    Done,
    Passages,
    Token,
)
from local_rag.ask.prompt import NOT_IN_DOCUMENTS
from local_rag.config.settings import Settings
from local_rag.core.errors import InvalidInput, ModelError
from local_rag.core.types import Message, Passage, SearchMode


def passage(number: int, text: str, cosine: float | None = 0.6) -> Passage:
    return Passage(
        document_id=number, uri=f"file:///{number}", title=f"Doc {number}", chunk_id=number,
        text=text, page=number, heading=None, score=1 / number, vector_score=cosine,
    )  # fmt: skip


PUMP = passage(
    1,
    "The pump runs at 230 volts. It was built in Ulm and never repaired. "
    "Its oil was changed in 2019.",
)
HERON = passage(2, "The heron eats fish.", 0.4)
VOLTAGE = "At how many volts does the pump run?"
QUOTE = "“The pump runs at 230 volts. It was built in Ulm and never repaired.” [1]"


class FixedSearch:
    def __init__(self, *passages: Passage) -> None:
        self.passages = list(passages)
        self.asked: list[tuple[str, int, str]] = []

    def search(self, question: str, k: int = 8, mode: SearchMode = "hybrid") -> list[Passage]:
        self.asked.append((question, k, mode))
        return self.passages[:k]


class ScriptedGenerator:
    """Plays a language model for what has nothing to do with language."""

    model_id = "script@0"
    context_tokens = 2048

    def __init__(self, *pieces: str | Exception) -> None:
        self.pieces = pieces
        self.closed = False
        self.given: dict[str, object] = {}

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float,
        stop: threading.Event,
    ) -> Iterator[str]:  # fmt: skip
        self.given = {"messages": messages, "max": max_tokens, "temperature": temperature}
        try:
            for piece in self.pieces:
                if stop.is_set():
                    return
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed = True


class Gate:
    def __init__(self, *answers: tuple[bool, str | None]) -> None:
        self.answers = list(answers)

    def may_generate(self) -> tuple[bool, str | None]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


OPEN = (True, None)


def answerer(
    search: FixedSearch,
    generator: ScriptedGenerator | Exception | None,
    *gate: tuple,
    distrust: str | None = None,
) -> Answerer:
    def provide() -> ScriptedGenerator | None:
        if isinstance(generator, Exception):
            raise generator
        return generator

    open_gate = Gate(*(gate or (OPEN,)))
    return Answerer(search, provide, Settings(), open_gate, distrust=lambda: distrust)


def test_an_answer_begins_with_the_sentences_of_the_documents() -> None:
    answer = answerer(FixedSearch(PUMP, HERON), None).answer(VOLTAGE)
    assert (answer.text, answer.mode) == (QUOTE, "extracted")
    assert [c.number for c in answer.citations] == [1]
    (quote,) = answer.quotes
    assert quote.text in PUMP.text
    assert PUMP.text[quote.key_start : quote.key_end] == "The pump runs at 230 volts."
    assert answer.citations[0].snippet == quote.text
    assert "no language model is installed" in (answer.reason or "")


def test_a_language_model_may_add_what_is_borne_out() -> None:
    generator = ScriptedGenerator("The oil was ", "changed in 2019 ", "[2]", ". ", "It is blue.")
    answer = answerer(FixedSearch(PUMP, HERON), generator).answer(VOLTAGE)
    assert answer.text == f"{QUOTE}\n\nThe oil was changed in 2019 [1]."
    assert (answer.mode, answer.reason, answer.tokens) == ("generated", None, 5)
    assert [c.number for c in answer.citations] == [1]
    assert set(answer.timings_ms) == {
        "search", "extract", "model", "first_token", "generate", "total",
    }  # fmt: skip
    assert generator.closed


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("The pump runs at 240 volts.", "240 is not in the passages"),
        ("It was built in Berlin.", "no sentence of the documents says so"),
        ("It was built in Ulm and repaired.", "no sentence of the documents says so"),
        ("That is not in your documents.", "found no answer"),
        ("", "added nothing"),
    ],
)
def test_what_is_not_borne_out_is_left_out(said: str, why: str) -> None:
    answer = answerer(FixedSearch(PUMP), ScriptedGenerator(said)).answer(VOLTAGE)
    assert (answer.text, answer.mode) == (QUOTE, "extracted")
    assert why in (answer.reason or "")


def test_what_only_repeats_a_quote_is_not_said_twice() -> None:
    generator = ScriptedGenerator("The pump runs at 230 volts [1].")
    assert answerer(FixedSearch(PUMP), generator).answer(VOLTAGE).text == QUOTE


def test_a_model_that_is_not_trusted_is_not_asked() -> None:
    generator = ScriptedGenerator("The pump was built in Ulm.")
    subject = answerer(FixedSearch(PUMP), generator, distrust="it failed its test")
    answer = subject.answer(VOLTAGE)
    assert (answer.mode, answer.reason) == ("extracted", "it failed its test")
    assert generator.given == {}


def test_the_model_sees_the_passages_and_the_settings() -> None:
    generator = ScriptedGenerator("x")
    answerer(FixedSearch(PUMP), generator).answer(VOLTAGE, max_tokens=77)
    assert "230 volts" in generator.given["messages"][1].content  # type: ignore[index]
    assert generator.given["max"] == 77
    assert generator.given["temperature"] == 0.1


def test_events_come_in_order() -> None:
    generator = ScriptedGenerator("The oil was changed in 2019.", " Changed was the oil in 2019.")
    events = list(answerer(FixedSearch(PUMP), generator).stream(VOLTAGE))
    assert [type(e) for e in events] == [Passages, Token, Token, Token, Done]
    assert events[1] == Token(QUOTE)
    done = events[-1]
    assert isinstance(done, Done)
    assert "".join(e.text for e in events if isinstance(e, Token)) == done.answer.text


def test_what_is_not_sure_is_shown_and_not_stated() -> None:
    generator = ScriptedGenerator("The pump was built in Ulm.")
    answer = answerer(FixedSearch(PUMP), generator).answer("Who painted the pump in Ulm?")
    assert answer.mode == "uncertain"
    assert answer.text.startswith("Your documents do not clearly answer this.")
    assert answer.quotes[0].text in PUMP.text
    assert generator.given == {}


def test_a_german_question_is_answered_in_german() -> None:
    pump = passage(1, "Die Pumpe läuft mit 230 Volt und ist in Ulm gebaut.")
    ask = answerer(FixedSearch(pump), None).answer
    assert ask("Mit wie viel Volt läuft die Pumpe?").text == f"„{pump.text}“ [1]"
    assert ask("Wer hat die Pumpe in Ulm im Sommer gestrichen?").text.startswith("Ihre Dokumente")
    gone = answerer(FixedSearch(), None).answer("Was ist die Hauptstadt von Frankreich?")
    assert gone.text == "Das steht nicht in Ihren Dokumenten."


@pytest.mark.parametrize("found", [(), (passage(1, "weather", 0.1), passage(2, "cake", 0.2))])
def test_nothing_near_is_said_and_the_model_is_not_asked(found: tuple[Passage, ...]) -> None:
    generator = ScriptedGenerator("I invent things.")
    events = list(answerer(FixedSearch(*found), generator).stream("capital of France?"))
    assert [type(e) for e in events] == [Passages, Token, Done]
    answer = events[-1].answer  # type: ignore[union-attr]
    assert (answer.text, answer.mode) == (NOT_IN_DOCUMENTS, "not-found")
    assert answer.citations == answer.passages == ()
    assert generator.given == {}


@pytest.mark.parametrize(
    ("generator", "gate", "why"),
    [
        (None, OPEN, "no language model is installed"),
        (ModelError("truncated", hint="pull it again"), OPEN, "truncated; pull it again"),
        (ScriptedGenerator("x"), (False, "too hot"), "too hot"),
        (ScriptedGenerator(), OPEN, "added nothing"),
        (ScriptedGenerator("  ", "\n"), OPEN, "added nothing"),
        (ScriptedGenerator(ModelError("it failed", hint="see the log")), OPEN, "see the log"),
    ],
)
def test_without_a_model_there_are_quotes_and_a_reason(
    generator: ScriptedGenerator | Exception | None, gate: tuple, why: str
) -> None:
    answer = answerer(FixedSearch(PUMP, HERON), generator, gate).answer(VOLTAGE)
    assert (answer.text, answer.mode) == (QUOTE, "extracted")
    assert why in (answer.reason or "")
    assert answer.passages[0] == PUMP


def test_only_the_passages_can_be_asked_for() -> None:
    answer = answerer(FixedSearch(PUMP), ScriptedGenerator("x")).answer(VOLTAGE, passages_only=True)
    assert (answer.mode, answer.text, answer.quotes) == ("retrieval-only", "", ())
    assert [c.number for c in answer.citations] == [1]


def test_heat_ends_an_answer_and_says_so() -> None:
    generator = ScriptedGenerator(*["volt "] * 100)
    subject = answerer(FixedSearch(PUMP), generator, OPEN, OPEN, (False, "too hot"))
    answer = subject.answer(VOLTAGE)
    assert answer.reason == "too hot"
    assert answer.tokens == 32


def test_stop_ends_an_answer() -> None:
    generator = ScriptedGenerator(*["The oil was changed in 2019. "] * 100)
    stop = threading.Event()
    seen = []
    for event in answerer(FixedSearch(PUMP), generator).stream(VOLTAGE, stop=stop):
        seen.append(event)
        if len(seen) == 4:
            stop.set()
    answer = seen[-1].answer
    assert answer.reason == "stopped on request"
    assert answer.tokens < 10


def test_leaving_a_stream_frees_the_model() -> None:
    generator = ScriptedGenerator(*["The oil was changed in 2019. "] * 100)
    events = answerer(FixedSearch(PUMP), generator).stream(VOLTAGE)
    for _ in range(3):
        next(events)
    events.close()  # type: ignore[attr-defined]
    assert generator.closed


@pytest.mark.parametrize("question", ["", "  \n\t", "\x00", "x" * 4001])
def test_questions_of_no_use_are_refused_before_any_event(question: str) -> None:
    search = FixedSearch(PUMP)
    with pytest.raises(InvalidInput):
        answerer(search, None).stream(question)
    assert search.asked == []


def test_k_and_mode_reach_the_search() -> None:
    search = FixedSearch(PUMP)
    answerer(search, None).answer("  voltage? ", k=3, mode="keyword")
    answerer(search, None).answer("voltage?")
    assert search.asked == [("voltage?", 3, "keyword"), ("voltage?", 6, "hybrid")]
