"""The sentences of the documents that answer a question, as they stand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from local_rag.ask.evidence import Evidence, Judgement, Words, label_terms, passage_terms
from local_rag.core.types import Passage, Quote
from local_rag.text.languages import asks_for_number
from local_rag.text.sentences import Sentence, sentences
from local_rag.text.words import text_terms

# Sentences are looked for in so many passages, and so many of them are compared by meaning: that is
# what an answer waits for.
PASSAGES = 4
SENTENCES = 18
_DIGITS = re.compile(r"\d+")
# A second sentence is quoted when it is hardly less good than the first.
MAX_QUOTES = 2
_NEARLY = 0.15
# What asks for a number is answered by a sentence that has one.
_NUMBER = 0.2
# A neighbour of the sentence that fits often says what it is about ("They also ..."), or what it
# goes on from; this much of both is quoted at most.
_MAX_CHARS = 600


@dataclass(frozen=True, slots=True)
class _Candidate:
    number: int
    passage: Passage
    index: int
    all: tuple[Sentence, ...]
    own: float
    around: float
    whole: float
    parts: bool
    fits: float
    near: float | None = None

    @property
    def score(self) -> float:
        return (self.near or 0.0) + 0.7 * self.own + self.passage.score + self.fits

    @property
    def judgement(self) -> Judgement:
        return Judgement(self.near, self.around, self.whole, self.parts)


@dataclass(frozen=True, slots=True)
class Extract:
    """The best sentences, best first, and whether the first may be told as an answer."""

    quotes: tuple[Quote, ...]
    certainty: float

    @property
    def fact(self) -> bool:
        """True when it is sure enough."""
        return bool(self.quotes) and self.certainty >= 0


def extract(
    question: str, words: Words, passages: Sequence[Passage], evidence: Evidence
) -> Extract:
    """Return what the passages, best first, say to a question; the first is number 1."""
    candidates = [
        candidate
        for number, passage in enumerate(passages[:PASSAGES], start=1)
        for candidate in _candidates(question, number, passage, words)
    ]
    # By words and place first; only the better ones are worth the model's time.
    candidates.sort(key=lambda c: -(c.own + 0.5 * c.around + c.passage.score + c.fits))
    candidates = candidates[:SENTENCES]
    if not candidates:
        return Extract((), float("-inf"))
    near = evidence.nearness(question, [c.all[c.index].text for c in candidates])
    if near is not None:
        candidates = [
            replace(candidate, near=value)
            for candidate, value in zip(candidates, near, strict=True)
        ]
    candidates.sort(key=lambda c: -c.score)
    best = candidates[0]
    scores = {(c.number, c.index): c.score for c in candidates}
    quotes = [_quote(best, scores)]
    for other in candidates[1:]:
        if len(quotes) == MAX_QUOTES or best.score - other.score > _NEARLY:
            break
        quote = _quote(other, scores)
        if not any(_overlap(quote, known) for known in quotes):
            quotes.append(quote)
    return Extract(tuple(quotes), best.judgement.certainty)


def _candidates(question: str, number: int, passage: Passage, words: Words) -> list[_Candidate]:
    found = tuple(sentences(passage.text))
    label = label_terms(passage)
    terms = [set(text_terms(sentence.text)) for sentence in found]
    whole = words.coverage(passage_terms(passage))
    asked = set(_DIGITS.findall(question)) if asks_for_number(question) else None
    return [
        _Candidate(
            number=number,
            passage=passage,
            index=index,
            all=found,
            own=words.coverage(terms[index]),
            around=words.coverage(label.union(*terms[max(index - 1, 0) : index + 2])),
            whole=whole,
            parts=words.parts,
            fits=0.0 if asked is None else _fits(asked, found[index].text),
        )
        for index in range(len(found))
    ]


def _fits(asked: set[str], sentence: str) -> float:
    """Return what speaks for a sentence when a number is asked for: one that is not asked with."""
    return _NUMBER if set(_DIGITS.findall(sentence)) - asked else 0.0


def _quote(candidate: _Candidate, scores: Mapping[tuple[int, int], float]) -> Quote:
    """Return the quote of a sentence with the neighbour that fits better, mostly the next one."""
    key = first = last = candidate.all[candidate.index]
    before, after = (
        scores.get((candidate.number, candidate.index + step), float("-inf")) for step in (-1, 1)
    )
    follows = candidate.index + 1 < len(candidate.all)
    if candidate.index > 0 and (not follows or before > after):
        first = candidate.all[candidate.index - 1]
    elif follows:
        last = candidate.all[candidate.index + 1]
    if last.end - first.start > _MAX_CHARS:
        first = last = key
    return Quote(
        number=candidate.number,
        document_id=candidate.passage.document_id,
        text=candidate.passage.text[first.start : last.end],
        start=first.start,
        end=last.end,
        key_start=key.start,
        key_end=key.end,
    )


def _overlap(one: Quote, other: Quote) -> bool:
    same = one.number == other.number
    return same and one.start < other.end and other.start < one.end
