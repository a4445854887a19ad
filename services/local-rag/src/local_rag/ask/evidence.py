"""What speaks for a passage or a sentence: the words of the question in it, and its meaning.

The numbers of `Judgement` were fitted on XQuAD in English and checked on German and Chinese
(bench/sets.py, half of the paragraphs taken away): they are set so that a question whose answer is
not there is answered as fact in fewer than one case of twenty. They hold for every embedding model,
since its cosines come on a scale of their own (`models.calibration`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from local_rag.core.types import Passage
from local_rag.index.keyword import QueryWord
from local_rag.text.languages import languages_of
from local_rag.text.words import forms, query_words, text_terms

# A word is rare when so few passages hold it, or so small a part of them: whoever asks for it means
# these.
RARE_COUNT = 3
RARE_SHARE = 0.01
# A passage counts that is so near by its meaning, or holds so much of what the question's words
# say.
NEAR = 0.45
ENOUGH = 0.5


class Evidence(Protocol):
    """What the index and the embedding model know of a question."""

    def weigh(self, question: str) -> Sequence[QueryWord]:
        """Return the telling words of a question and how rare they are."""

    def chunks(self) -> int:
        """Return how many chunks there are."""

    def nearness(self, question: str, texts: Sequence[str]) -> Sequence[float] | None:
        """Return how near each text is: 0 unrelated, 1 answers; None without a model."""

    def scaled(self, cosine: float) -> float | None:
        """Return a cosine of the model on that scale; None without a model."""


class WordsOnly:
    """Evidence without an index: all words weigh alike, and there is no meaning."""

    def weigh(self, question: str) -> Sequence[QueryWord]:
        """Return the words, none of them rare."""
        codes = languages_of(question)
        return [
            QueryWord(word=word, forms=forms(word, codes), part=part, count=1000, weight=1.0)
            for word, part in query_words(question)
        ]

    def chunks(self) -> int:
        """Return a number that makes no word rare."""
        return 1000

    def nearness(self, question: str, texts: Sequence[str]) -> Sequence[float] | None:  # noqa: ARG002
        """Return that there is no model."""
        return None

    def scaled(self, cosine: float) -> float | None:  # noqa: ARG002
        """Return that there is no model."""
        return None


@dataclass(frozen=True, slots=True)
class Words:
    """The weighed words of a question."""

    words: tuple[QueryWord, ...]
    chunks: int

    @property
    def rare(self) -> tuple[QueryWord, ...]:
        """The words that few passages hold; a part of a script without spaces is no word."""
        limit = max(RARE_COUNT, RARE_SHARE * self.chunks)
        return tuple(w for w in self.words if 0 < w.count <= limit and not w.part)

    @property
    def parts(self) -> bool:
        """True for a question in a script without spaces."""
        return any(word.part for word in self.words)

    def coverage(self, terms: "set[str] | frozenset[str]") -> float:
        """Return the share of what the words say that a text with these terms holds, 0 to 1."""
        total = sum(word.weight for word in self.words)
        held = sum(word.weight for word in self.words if _held(word, terms))
        return held / total if total > 0 else 0.0

    def holds_rare(self, terms: "set[str] | frozenset[str]") -> bool:
        """Return whether a text holds any rare word of the question."""
        return any(_held(word, terms) for word in self.rare)


def _held(word: QueryWord, terms: "set[str] | frozenset[str]") -> bool:
    return any(form in terms for form in word.forms)


def label_terms(passage: Passage) -> set[str]:
    """Return the terms of what stands above a passage."""
    return set(text_terms(passage.title)) | set(text_terms(passage.heading or ""))


def passage_terms(passage: Passage) -> set[str]:
    """Return the terms of a passage with its title and heading."""
    return set(text_terms(passage.text)) | label_terms(passage)


def relevant(
    words: Words, passages: Iterable[Passage], evidence: Evidence, threshold: float | None
) -> tuple[Passage, ...]:
    """Return the passages worth showing; none when nothing has to do with the question.

    One counts when it holds a rare word of the question, most of what its words say, or is near
    by its meaning: nearer than `threshold` (a cosine) where one is configured.
    """

    def counts(passage: Passage) -> bool:
        terms = passage_terms(passage)
        if words.holds_rare(terms) or words.coverage(terms) >= ENOUGH:
            return True
        cosine = passage.vector_score
        if cosine is None:
            return False
        if threshold is not None:
            return cosine >= threshold
        near = evidence.scaled(cosine)
        return near is not None and near >= NEAR

    return tuple(passage for passage in passages if counts(passage))


@dataclass(frozen=True, slots=True)
class Judgement:
    """How surely a sentence answers; a fact from 0 on."""

    near: float | None
    around: float
    passage: float
    parts: bool = False

    @property
    def certainty(self) -> float:
        """The logarithm of the odds, less those at which one of twenty is wrong."""
        if self.near is None:
            return 5.0 * self.around + 4.7 * self.passage - 7.0
        # Pairs of signs are met by chance more often than words are.
        least = 10.2 if self.parts else 9.6
        return 6.8 * self.near + 3.2 * self.around + 3.4 * self.passage - least
