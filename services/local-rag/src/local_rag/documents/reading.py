"""Reading a document: its text part by part, and where in it something is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from local_rag.core.errors import NotFound
from local_rag.core.types import Section
from local_rag.text.chunking import SECTION_GAP

MAX_QUOTE_CHARS = 4_000
_WORDS_ENOUGH = 12
_ELLIPSIS = " …"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A run of text under one heading or on one page; offsets count in the whole text."""

    start: int
    end: int
    page: int | None
    heading: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something stands in a document."""

    start: int
    end: int
    page: int | None
    heading: str | None


def parts(sections: Sequence[Section]) -> Iterator[Part]:
    """Yield the parts of a document with their offsets."""
    at = 0
    for section in sections:
        end = at + len(section.text)
        yield Part(start=at, end=end, page=section.page, heading=section.heading)
        at = end + len(SECTION_GAP)


def within(sections: Sequence[Section], start: int, end: int) -> list[Part]:
    """Return the parts that overlap a window of the text."""
    return [part for part in parts(sections) if part.start < end and part.end > start]


def place_of_span(sections: Sequence[Section], start: int, end: int) -> Place:
    """Return where a span of the text stands: page and heading are those of its beginning."""
    found = Part(start=0, end=0, page=None, heading=None)
    for part in parts(sections):
        if part.start > start:
            break
        found = part
    return Place(start=start, end=end, page=found.page, heading=found.heading)


def place_of_page(sections: Sequence[Section], page: int) -> Place:
    """Return where a page begins, or the next that has text. Raises NotFound."""
    for part in parts(sections):
        if part.page is not None and part.page >= page:
            return Place(start=part.start, end=part.start, page=part.page, heading=part.heading)
    raise NotFound(f"the document has no page {page}")


def find_quote(text: str, quote: str, *, near: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return where a quotation stands in a text, whatever white space parts its words there.

    What was cut with an ellipsis is found by what is left of it. `near` is looked into first.
    Raises NotFound.
    """
    words = quote[:MAX_QUOTE_CHARS].strip(_ELLIPSIS).split()
    for wanted in dict.fromkeys((tuple(words), tuple(words[:_WORDS_ENOUGH]))):
        if not wanted:
            break
        pattern = re.compile(r"\s+".join(map(re.escape, wanted)))
        for start, end in (near, (0, len(text))) if near else ((0, len(text)),):
            found = pattern.search(text, start, end)
            if found:
                return found.span()
    raise NotFound(
        "the passage is not in the document",
        hint="it has changed since the answer was written; ask again",
    )
