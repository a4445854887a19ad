"""Numbers in answers, and what they point to."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.ask.citations import CitationFilter, cite, snippet, supporting
from local_rag.core.types import Passage


def passage(number: int, text: str) -> Passage:
    return Passage(
        document_id=number, uri=f"file:///{number}", title=f"Doc {number}", chunk_id=number,
        text=text, page=number, heading=None, score=1 / number,
    )  # fmt: skip


def through(pieces: list[str], passages: int = 3) -> tuple[str, list[int]]:
    sieve = CitationFilter(passages)
    shown = [sieve.feed(piece) for piece in pieces]
    return "".join([*shown, sieve.finish()]), sieve.numbers


@pytest.mark.parametrize(
    ("text", "shown", "numbers"),
    [
        ("It is red [1].", "It is red [1].", [1]),
        ("Red [2], blue [1], red [2].", "Red [2], blue [1], red [2].", [2, 1]),
        ("Red [7].", "Red .", []),
        ("Red [0].", "Red .", []),
        ("Red [1, 9, 3].", "Red [1, 3].", [1, 3]),
        ("Red [1][2]", "Red [1][2]", [1, 2]),
        ("See [the list] and [ ] and [x1].", "See [the list] and [ ] and [x1].", []),
        ("an open [1", "an open [1", []),
        ("a[i] = b[99999999999999999]", "a[i] = b[99999999999999999]", []),
    ],
)
def test_only_numbers_of_real_passages_stay(text: str, shown: str, numbers: list[int]) -> None:
    assert through([text]) == (shown, numbers)


@given(st.text(alphabet="ab [],0123", max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_how_the_text_is_cut_into_pieces_does_not_matter(text: str, cuts: list[int]) -> None:
    bounds = sorted({0, len(text), *(c for c in cuts if c < len(text))})
    pieces = [text[a:b] for a, b in pairwise(bounds)]
    assert through(pieces) == through(list(text))


def test_text_is_shown_at_once_when_no_bracket_is_open() -> None:
    sieve = CitationFilter(2)
    assert sieve.feed("Paris") == "Paris"
    assert sieve.feed(" [") == " "
    assert sieve.feed("2") == ""
    assert sieve.feed("]") == "[2]"


def test_passages_that_hold_a_sentence_support_it() -> None:
    passages = [
        passage(1, "The pump runs at 230 volts."),
        passage(2, "The heron is a bird that eats fish."),
    ]
    assert supporting("The heron eats fish.", passages) == [2]
    assert supporting("The heron eats fish. The pump runs at 230 volts.", passages) == [1, 2]
    assert supporting("Quantum chromodynamics confines quarks.", passages) == []
    assert supporting("", passages) == []


def test_citations_name_document_page_and_snippet() -> None:
    found = cite([2], [passage(1, "first"), passage(2, "second")], "q")
    assert len(found) == 1
    assert (found[0].number, found[0].document_id, found[0].page) == (2, 2, 2)
    assert found[0].snippet == "second"


def test_a_snippet_shows_where_the_question_is_met() -> None:
    text = "filler words " * 60 + "the boiler pressure is 1.5 bar " + "more filler " * 60
    found = snippet(text, "What is the boiler pressure?")
    assert "boiler pressure is 1.5 bar" in found
    assert found.startswith("… ")
    assert found.endswith(" …")
    assert len(found) <= 240


@given(st.text(max_size=800), st.text(max_size=50))
def test_snippets_are_short_and_on_one_line(text: str, question: str) -> None:
    found = snippet(text, question)
    assert len(found) <= 240
    assert len(found.splitlines()) <= 1
