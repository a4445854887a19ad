"""What numbers in answers point to."""

from hypothesis import given
from hypothesis import strategies as st

from local_rag.ask.citations import cite, snippet
from local_rag.core.types import Passage


def passage(number: int, text: str) -> Passage:
    return Passage(
        document_id=number, uri=f"file:///{number}", title=f"Doc {number}", chunk_id=number,
        text=text, page=number, heading=None, score=1 / number,
    )  # fmt: skip


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
