"""What speaks for a passage."""

from collections.abc import Sequence

import pytest

from local_rag.ask.evidence import Judgement, Words, relevant
from local_rag.core.types import Passage
from local_rag.index.keyword import QueryWord
from local_rag.text.words import forms, query_words


def passage(text: str, cosine: float | None = 0.0, title: str = "") -> Passage:
    return Passage(
        document_id=1, uri="file:///1", title=title, chunk_id=1, text=text, page=None,
        heading=None, score=1.0, vector_score=cosine,
    )  # fmt: skip


class Scale:
    """An embedding model whose cosines are nearness already."""

    def weigh(self, question: str) -> Sequence[QueryWord]:
        raise NotImplementedError

    def chunks(self) -> int:
        return 1000

    def nearness(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        raise NotImplementedError

    def scaled(self, cosine: float) -> float:
        return cosine


def words(question: str, counts: dict[str, int] | None = None) -> Words:
    counts = counts or {}
    found = tuple(
        QueryWord(word=w, forms=forms(w, ()), part=p, count=counts.get(w, 500), weight=1.0)
        for w, p in query_words(question)
    )
    return Words(found, 1000)


def kept(asked: Words, *found: Passage, threshold: float | None = None) -> list[str]:
    return [p.text for p in relevant(asked, found, Scale(), threshold)]


@pytest.mark.parametrize("word", ["Kawann", "ERR-4711", "DCF77", "5513"])
def test_a_passage_with_a_rare_word_counts_however_far_its_meaning(word: str) -> None:
    rare = {part: 1 for part, _ in query_words(word)}
    asked = words(f"What would anybody here know about the {word} of yesterday?", rare)
    assert kept(asked, passage(f"On {word}, see below."), passage("Yesterday it rained.")) == [
        f"On {word}, see below."
    ]


def test_a_word_of_many_passages_is_not_enough() -> None:
    asked = words("Which river feeds the northern lake?")
    assert kept(asked, passage("A river is a river.")) == []
    assert kept(asked, passage("The river feeds the lake."), passage("River.")) == [
        "The river feeds the lake."
    ]


def test_meaning_is_enough_and_a_configured_cosine_has_the_last_word() -> None:
    asked = words("Which river feeds the northern lake?")
    near = passage("Its water comes from the Ohre.", 0.6)
    assert kept(asked, near) == [near.text]
    assert kept(asked, near, threshold=0.7) == []
    assert kept(asked, passage("Its water comes from the Ohre.", None)) == []


def test_words_above_a_passage_count_as_its_own() -> None:
    asked = words("Which fuse does the pump need?")
    assert kept(asked, passage("6 amperes, slow.", title="Pump: fuse")) == ["6 amperes, slow."]


def test_more_of_anything_never_makes_less_certain() -> None:
    base = Judgement(0.5, 0.5, 0.5).certainty
    assert Judgement(0.6, 0.5, 0.5).certainty > base
    assert Judgement(0.5, 0.6, 0.5).certainty > base
    assert Judgement(0.5, 0.5, 0.6).certainty > base
    assert Judgement(1.0, 1.0, 1.0).certainty > 0 > Judgement(0.5, 0.5, 0.5).certainty
    assert Judgement(0.5, 0.5, 0.5, parts=True).certainty < base
    assert Judgement(None, 1.0, 1.0).certainty > 0 > Judgement(None, 0.6, 0.6).certainty
