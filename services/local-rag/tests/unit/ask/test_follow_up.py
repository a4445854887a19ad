"""Follow-up questions, made whole by the ones before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.ask.follow_up import MOST_WORDS, standalone

GARDEN = "When does the lease of the garden end?"
PUMP = "Wie groß ist die Wärmepumpe im Keller?"


@pytest.mark.parametrize(
    ("before", "question", "asked"),
    [
        (GARDEN, "And how much notice?", "And how much notice? (lease garden end)"),
        (GARDEN, "Who signed it?", "Who signed it? (lease garden end)"),
        (GARDEN, "Why?", "Why? (lease garden end)"),
        (GARDEN, "What about the fence?", "What about the fence? (lease garden end)"),
        (GARDEN, "Und wann endet er?", "Und wann endet er? (lease garden end)"),
        (PUMP, "Was kostet sie?", "Was kostet sie? (groß Wärmepumpe Keller)"),
    ],
)
def test_a_question_that_leans_takes_the_words_of_the_last(
    before: str, question: str, asked: str
) -> None:
    assert standalone(question, ["Something else entirely?", before]) == asked


@pytest.mark.parametrize(
    "question",
    [
        "How long is the river Spree?",
        "When does the boiler need its next service?",
        "Is there a dog in the house of Mr Weber?",
        "Wann wird der Müll in Norddorf abgeholt?",
    ],
)
def test_a_question_of_its_own_is_asked_as_it_is(question: str) -> None:
    assert standalone(question, [GARDEN]) == question


def test_the_first_question_is_asked_as_it_is() -> None:
    assert standalone("And how much notice?", []) == "And how much notice?"


def test_what_was_taken_is_taken_on() -> None:
    first = standalone("And how much notice?", [GARDEN])
    assert standalone("Who wants it?", [GARDEN, first]) == "Who wants it? (notice lease garden end)"


@given(st.text(max_size=200), st.text(max_size=400))
def test_nothing_is_invented(question: str, before: str) -> None:
    asked = standalone(question, [before])
    assert asked.startswith(question)
    added = asked[len(question) :].strip(" ()").split()
    assert len(added) <= MOST_WORDS
    assert all(word in before for word in added)
