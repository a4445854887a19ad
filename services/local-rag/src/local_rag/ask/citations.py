"""Which passages an answer rests on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from local_rag.core.types import Citation, Passage, Quote
from local_rag.text.languages import stop_words

SNIPPET_CHARS = 240
_WORD = re.compile(r"\w+")


def content_words(text: str) -> list[str]:
    """Return the words that carry meaning, in lower case."""
    common = stop_words(text)
    return [word for word in _WORD.findall(text.casefold()) if word not in common]


def quoted(
    quotes: Sequence[Quote],
    everything: Sequence[Citation],
    *,
    also: Sequence[int] = (),
    sources: Mapping[int, str] | None = None,
) -> tuple[Citation, ...]:
    """Return the citations of what is quoted, then of passages that are cited besides.

    What is shown of each is what it is cited for: the quote, or the sentence that bears a statement
    out.
    """
    shown = dict(sources or {})
    for quote in reversed(quotes):
        shown[quote.number] = " ".join(quote.text.split())
    numbers = dict.fromkeys([*(quote.number for quote in quotes), *also])
    by_number = {citation.number: citation for citation in everything}
    return tuple(
        replace(by_number[number], snippet=shown.get(number, by_number[number].snippet))
        for number in numbers
    )


def cite(
    numbers: Sequence[int], passages: Sequence[Passage], question: str
) -> tuple[Citation, ...]:
    """Return citations of the passages with these numbers (counted from 1)."""
    return tuple(
        Citation(
            number=number,
            document_id=passage.document_id,
            uri=passage.uri,
            title=passage.title,
            page=passage.page,
            snippet=snippet(passage.text, question),
            score=passage.score,
        )
        for number in numbers
        for passage in (passages[number - 1],)
    )


def snippet(text: str, question: str, width: int = SNIPPET_CHARS) -> str:
    """Return the stretch of a passage, at most `width` characters, with most of the question."""
    text = " ".join(text.split())
    if len(text) <= width:
        return text
    wanted = set(content_words(question))
    starts = [match.start() for match in re.finditer(r"\S+", text)]
    hits = [
        (match.start(), match.group().casefold())
        for match in _WORD.finditer(text)
        if match.group().casefold() in wanted
    ]
    room = width - 4

    def met(start: int) -> int:
        return len({word for at, word in hits if start <= at and at + len(word) <= start + room})

    # Of equally good stretches the middle one, so that words come before and after what is met.
    scores = [(met(start), start) for start in starts if start + room <= len(text)] or [(0, 0)]
    most = max(score for score, _ in scores)
    equal = [start for score, start in scores if score == most]
    best = equal[len(equal) // 2] if most else 0
    cut = text[best : best + room]
    if best + room < len(text):
        cut = cut.rpartition(" ")[0] or cut
        cut += " …"
    return cut if best == 0 else "… " + cut
