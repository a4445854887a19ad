"""Sentences that answer."""

from collections.abc import Sequence

from local_rag.ask.evidence import Words, WordsOnly
from local_rag.ask.extract import extract
from local_rag.core.types import Passage

TOWER = (
    "The town lies on the Ohre. The church tower is 61 metres high. It can be climbed in summer. "
    "The market is on Saturdays."
)


def passage(number: int, text: str) -> Passage:
    return Passage(
        document_id=number, uri=f"file:///{number}", title="", chunk_id=number, text=text,
        page=None, heading=None, score=1 / number,
    )  # fmt: skip


class Meaning(WordsOnly):
    """Knows one sentence that answers whatever is asked."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def nearness(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        return [1.0 if text == self.answer else 0.1 for text in texts]


def found(question: str, *texts: str, evidence: WordsOnly | None = None):
    evidence = evidence or WordsOnly()
    words = Words(tuple(evidence.weigh(question)), evidence.chunks())
    passages = [passage(n, text) for n, text in enumerate(texts, start=1)]
    return extract(question, words, passages, evidence)


def test_the_sentence_with_the_words_comes_first_and_the_next_explains_it() -> None:
    first = found("How high is the church tower?", TOWER).quotes[0]
    assert TOWER[first.key_start : first.key_end] == "The church tower is 61 metres high."
    assert first.text.endswith("It can be climbed in summer.")
    assert TOWER[first.start : first.end] == first.text


def test_meaning_finds_what_words_do_not() -> None:
    meaning = Meaning("The market is on Saturdays.")
    first = found("When are stalls put up?", TOWER, evidence=meaning).quotes[0]
    assert TOWER[first.key_start : first.key_end] == "The market is on Saturdays."
    assert first.text == "It can be climbed in summer. The market is on Saturdays."


def test_every_quote_stands_where_its_number_points() -> None:
    texts = (TOWER, "The church tower is 61 metres high, as the chronicle has it. " * 3)
    result = found("How high is the church tower?", *texts)
    assert result.fact
    for quote in result.quotes:
        assert texts[quote.number - 1][quote.start : quote.end] == quote.text


def test_what_is_not_there_is_no_fact() -> None:
    assert not found("Who painted the bridge near Ulm?", TOWER).fact
    assert not found("Who painted the bridge near Ulm?").fact


def test_what_asks_for_a_number_is_answered_by_one() -> None:
    text = "The church tower was begun by the monks. Work on the tower ended in 1512."
    first = found("When was the church tower begun and ended?", text).quotes[0]
    assert text[first.key_start : first.key_end].endswith("1512.")
