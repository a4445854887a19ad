"""Answers: written, found only, or not there."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from local_rag.ask.answer import (
    NOT_IN_DOCUMENTS,
    Answerer,
    Done,
    Failed,
    Passages,
    Token,
    relevant,
    says_not_found,
)
from local_rag.config.settings import Settings
from local_rag.core.errors import InvalidInput, ModelError, RagError, Unavailable
from local_rag.core.types import Message, Passage, SearchMode


def passage(number: int, text: str, cosine: float | None = 0.6) -> Passage:
    return Passage(
        document_id=number, uri=f"file:///{number}", title=f"Doc {number}", chunk_id=number,
        text=text, page=number, heading=None, score=1 / number, vector_score=cosine,
    )  # fmt: skip


PUMP = passage(1, "The pump runs at 230 volts.")
HERON = passage(2, "The heron eats fish.", 0.4)


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
    search: FixedSearch, generator: ScriptedGenerator | Exception | None, *gate: tuple
) -> Answerer:
    def provide() -> ScriptedGenerator | None:
        if isinstance(generator, Exception):
            raise generator
        return generator

    return Answerer(search, provide, Settings(), Gate(*(gate or (OPEN,))))


def test_a_written_answer_with_its_citation() -> None:
    generator = ScriptedGenerator("At ", "230 volts ", "[1", "].")
    answer = answerer(FixedSearch(PUMP, HERON), generator).answer("At what voltage?")
    assert (answer.text, answer.mode, answer.reason) == ("At 230 volts [1].", "generated", None)
    assert [c.number for c in answer.citations] == [1]
    assert answer.citations[0].page == 1
    assert answer.tokens == 4
    assert set(answer.timings_ms) == {"search", "model", "first_token", "generate", "total"}
    assert generator.closed


def test_the_model_sees_the_passages_and_the_settings() -> None:
    generator = ScriptedGenerator("x")
    answerer(FixedSearch(PUMP), generator).answer("At what voltage?", max_tokens=77)
    assert "230 volts" in generator.given["messages"][1].content  # type: ignore[index]
    assert generator.given["max"] == 77
    assert generator.given["temperature"] == 0.1


def test_events_come_in_order() -> None:
    generator = ScriptedGenerator(" It is", " 230.")
    events = list(answerer(FixedSearch(PUMP), generator).stream("voltage?"))
    assert [type(e) for e in events] == [Passages, Token, Token, Done]
    assert events[1:3] == [Token("It is"), Token(" 230.")]
    assert events[0].citations[0].snippet == PUMP.text  # type: ignore[union-attr]


def test_invented_numbers_are_not_passed_on() -> None:
    generator = ScriptedGenerator("230 volts [5].")
    answer = answerer(FixedSearch(PUMP), generator).answer("voltage?")
    assert answer.text == "230 volts ."
    assert [c.number for c in answer.citations] == [1]


def test_without_numbers_the_supporting_passage_is_cited() -> None:
    generator = ScriptedGenerator("The heron eats fish.")
    answer = answerer(FixedSearch(PUMP, HERON), generator).answer("what does the heron eat?")
    assert [c.number for c in answer.citations] == [2]


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
        (ScriptedGenerator(), OPEN, "gave no answer"),
        (ScriptedGenerator("  ", "\n"), OPEN, "gave no answer"),
    ],
)
def test_without_a_model_there_are_passages_a_reason_and_no_text(
    generator: ScriptedGenerator | Exception | None, gate: tuple, why: str
) -> None:
    answer = answerer(FixedSearch(PUMP, HERON), generator, gate).answer("voltage?")
    assert answer.mode == "retrieval-only"
    assert answer.text == ""
    assert why in (answer.reason or "")
    assert answer.passages == (PUMP, HERON)
    assert [c.number for c in answer.citations] == [1, 2]


def test_a_model_that_finds_nothing_in_the_passages() -> None:
    generator = ScriptedGenerator("That is not", " in your documents.")
    answer = answerer(FixedSearch(PUMP), generator).answer("who made the pump?")
    assert answer.mode == "not-found"
    assert answer.citations == ()


def test_a_break_in_the_middle_is_an_error_and_not_an_answer() -> None:
    generator = ScriptedGenerator("At 230", ModelError("llama.cpp failed", hint="see the log"))
    subject = answerer(FixedSearch(PUMP), generator)
    events = list(subject.stream("voltage?"))
    assert isinstance(events[-1], Failed)
    assert (events[-1].code, events[-1].status) == ("model", 503)
    with pytest.raises(RagError, match=r"llama\.cpp failed") as caught:
        subject.answer("voltage?")
    assert (caught.value.status, caught.value.hint) == (503, "see the log")


def test_an_unloaded_model_breaks_off_with_its_own_code() -> None:
    generator = ScriptedGenerator(Unavailable("unloaded"))
    last = list(answerer(FixedSearch(PUMP), generator).stream("voltage?"))[-1]
    assert isinstance(last, Failed)
    assert last.code == "unavailable"


def test_heat_ends_an_answer_and_says_so() -> None:
    generator = ScriptedGenerator(*["volt "] * 100)
    subject = answerer(FixedSearch(PUMP), generator, OPEN, OPEN, (False, "too hot"))
    answer = subject.answer("voltage?")
    assert answer.mode == "generated"
    assert answer.reason == "too hot"
    assert answer.tokens == 32


def test_stop_ends_an_answer() -> None:
    generator = ScriptedGenerator(*["volt "] * 100)
    stop = threading.Event()
    seen = []
    for event in answerer(FixedSearch(PUMP), generator).stream("voltage?", stop=stop):
        seen.append(event)
        if len(seen) == 4:
            stop.set()
    answer = seen[-1].answer
    assert answer.reason == "stopped on request"
    assert 3 <= answer.tokens <= 4


def test_leaving_a_stream_frees_the_model() -> None:
    generator = ScriptedGenerator(*["volt "] * 100)
    events = answerer(FixedSearch(PUMP), generator).stream("voltage?")
    next(events)
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


def test_far_passages_are_left_out() -> None:
    far = passage(3, "cake", 0.1)
    assert relevant("voltage?", [PUMP, far, HERON], 0.25) == (PUMP, HERON)


@pytest.mark.parametrize("word", ["ERR-4711", "3.2.1", "DCF77", "rfc_2119"])
def test_an_identifier_counts_however_far_the_vectors_are(word: str) -> None:
    spelled = passage(1, f"On {word}, restart the pump.", 0.05)
    other = passage(2, f"On {word}9, do nothing.", 0.05)
    assert relevant(f"what does {word} mean?", [spelled, other], 0.25) == (spelled,)


def test_a_little_below_the_threshold_words_decide() -> None:
    tap = passage(1, "Refill it with the blue tap.", 0.22)
    boiler = passage(2, "The boiler pressure is 1.5 bar.", 0.26)
    assert relevant("Which tap?", [tap, boiler], 0.3) == (tap,)
    assert relevant("What is the boiling point of tungsten?", [boiler], 0.3) == ()
    assert relevant("Which tap?", [passage(1, "the blue tap", 0.15)], 0.3) == ()


def test_without_vectors_words_decide() -> None:
    near = passage(1, "The heron eats fish in the evening.", None)
    far = passage(2, "The evening news.", None)
    assert relevant("What fish does the heron eat?", [near, far], 0.25) == (near,)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (NOT_IN_DOCUMENTS, True),
        ("that is not in your documents", True),
        (f"{NOT_IN_DOCUMENTS} [1]", True),
        (f"{NOT_IN_DOCUMENTS} However, the pump runs at 230 volts, as the first says.", False),
        ("The voltage is not in your documents.", False),
    ],
)
def test_how_a_model_says_that_it_found_nothing(text: str, meant: bool) -> None:
    assert says_not_found(text) is meant
