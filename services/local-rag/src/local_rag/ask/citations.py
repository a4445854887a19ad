"""Which passages an answer rests on."""

import re
from collections.abc import Iterator, Sequence

from local_rag.core.types import Citation, Passage

SNIPPET_CHARS = 240
_OPEN = re.compile(r"\[[0-9, ]{0,12}$")
_WHOLE = re.compile(r"\[([0-9, ]{1,12})\]")
_WORD = re.compile(r"\w+")
_SUPPORT = 0.6  # share of a sentence's words that a passage must hold to be its source
_COMMON = frozenset(
    "a about after all also an and any are as at be because been but by can could did do does "
    "for from had has have how i if in into is it its me more my no not of on or our so than that "
    "the their them then there these they this to under was we were what when where which who why "
    "will with would you your".split()
)


def content_words(text: str) -> list[str]:
    """Return the words that carry meaning, in lower case."""
    return [word for word in _WORD.findall(text.casefold()) if word not in _COMMON]


class CitationFilter:
    """Passes an answer through piece by piece and drops numbers of passages that do not exist.

    `numbers` holds those that were cited, in order of first use.
    """

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self._held = ""
        self.numbers: list[int] = []

    def feed(self, piece: str) -> str:
        """Return what can be shown so far; a bracket is held back until it is closed."""
        text = _WHOLE.sub(self._check, self._held + piece)
        match = _OPEN.search(text)
        if match is None:
            self._held = ""
            return text
        self._held = match.group()
        return text[: match.start()]

    def finish(self) -> str:
        """Return what was held back at the end."""
        rest, self._held = self._held, ""
        return rest

    def _check(self, match: "re.Match[str]") -> str:
        given = [int(part) for part in re.findall(r"\d+", match.group(1))]
        if not given:
            return match.group()
        real = list(dict.fromkeys(n for n in given if 1 <= n <= self._passages))
        self.numbers += [n for n in real if n not in self.numbers]
        return f"[{', '.join(map(str, real))}]" if real else ""


def supporting(answer: str, passages: Sequence[Passage]) -> list[int]:
    """Return the numbers of passages that hold most words of some sentence of the answer.

    For models that do not cite by themselves. Best first; empty when nothing supports it.
    """
    scores: dict[int, float] = {}
    words = [set(content_words(passage.text)) for passage in passages]
    for sentence in _sentences(answer):
        wanted = set(content_words(sentence))
        if not wanted:
            continue
        shares = [len(wanted & have) / len(wanted) for have in words]
        best = max(range(len(shares)), key=shares.__getitem__, default=None)
        if best is not None and shares[best] >= _SUPPORT:
            scores[best + 1] = max(scores.get(best + 1, 0.0), shares[best])
    return sorted(scores, key=lambda number: (-scores[number], number))


def _sentences(text: str) -> Iterator[str]:
    yield from re.split(r"(?<=[.!?])\s+", text)


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
