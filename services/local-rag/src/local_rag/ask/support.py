"""Whether a sentence that a model wrote is borne out by a sentence of the documents.

A sentence passes when one sentence of the passages, or two that follow each other, hold most of
its words that are not the question's own, all of its numbers, all of its names, and say no where it
says no. Meaning is not compared: two sentences that differ in a number alone mean nearly the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from local_rag.core.types import Passage
from local_rag.text.languages import language_of, stop_words
from local_rag.text.sentences import sentences
from local_rag.text.words import pieces, text_terms, tokens

_SHARE = 0.7
_NUMBER = re.compile(r"\d+(?:[.,'’\u00a0\u202f ]\d{3})*(?:[.,]\d+)?")
_CAPITAL = re.compile(r"\b[^\W\d_][\w'’-]*")
_MARKER = re.compile(r"\[[0-9, ]{1,12}\]")
# Words that turn a statement round. What is a matter of endings (Turkish, Finnish) is not seen.
_NEGATIONS = frozenset(
    "no not never none nobody nothing neither nor without cannot isn aren wasn weren don "
    "doesn didn won can't couldn shouldn wouldn hasn haven hadn nicht kein keine keinen "
    "keinem keiner keines nie niemals niemand nichts weder ohne ne pas jamais aucun aucune "
    "rien sans no nunca nadie nada ningún ninguna sin non mai nessuno niente senza não nunca "
    "ninguém nenhum nenhuma sem niet geen nooit zonder inte aldrig ikke aldri ingen inget не "
    "нет никогда никто ничего без δεν μη μην χωρίς لا لم لن ليس غير नहीं न मत không chẳng "
    "değil yok".split()
)
_NEGATING_SIGNS = re.compile("[不没沒无無非未別ない]")


@dataclass(frozen=True, slots=True)
class Support:
    """The number of the passage that bears a sentence out, or what speaks against it."""

    number: int | None
    against: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Facts:
    text: str
    terms: frozenset[str]
    numbers: frozenset[str]
    negated: bool


class Checker:
    """Checks the sentences of one answer against its passages."""

    def __init__(self, question: str, passages: Sequence[Passage]) -> None:
        self._question = set(text_terms(question)) | set(tokens(question))
        self._sources = [
            (number, facts)
            for number, passage in enumerate(passages, start=1)
            for facts in _windows(passage)
        ]

    def check(self, sentence: str) -> Support:
        """Return what bears a sentence out; a sentence that states nothing passes with none."""
        plain = _MARKER.sub("", sentence).strip()
        stated = _facts(plain)
        common = stop_words(plain)
        names = frozenset(name for name in _names(plain) if name not in common)
        own = {term for term in stated.terms if term not in self._question and term not in common}
        best, reason = 0.0, "no sentence of the documents says so"
        found: int | None = None
        source = ""
        for number, facts in self._sources:
            lacking = stated.numbers - facts.numbers
            if lacking:
                reason = f"{sorted(lacking)[0]} is not in the passages" if found is None else reason
                continue
            if any(not set(text_terms(name)) <= facts.terms for name in names):
                continue
            share = len(own & facts.terms) / len(own) if own else 0.0
            if stated.negated != facts.negated or share <= best:
                continue
            if share >= _SHARE:
                best, found, source = share, number, facts.text
        return Support(found, "" if found is not None else reason, source)


def _windows(passage: Passage) -> list[_Facts]:
    """Return the sentences of a passage, and pairs of neighbours that deny nothing.

    In a pair one cannot tell which of the two a "not" belongs to.
    """
    found = sentences(passage.text)
    single = [_facts(sentence.text) for sentence in found]
    pairs = [
        _facts(passage.text[one.start : two.end])
        for (one, first), (two, second) in pairwise(zip(found, single, strict=True))
        if not first.negated and not second.negated
    ]
    return single + pairs


def _facts(text: str) -> _Facts:
    language = language_of(text)
    terms = set(text_terms(text)) | {p for token in tokens(text) for p, _ in pieces(token)}
    words = set(tokens(text)) | {part for token in tokens(text) for part in token.split("'")}
    negated = bool(words & _NEGATIONS) or (
        language in ("zh", "ja") and _NEGATING_SIGNS.search(text) is not None
    )
    numbers = frozenset(_number(match) for match in _NUMBER.findall(text))
    return _Facts(text, frozenset(terms), numbers, negated)


def _number(text: str) -> str:
    """Return a number without what groups its digits; 1.234,5 and 1,234.5 become one."""
    whole, mark, rest = re.fullmatch(r"(.*?)(?:([.,])(\d+))?", text).groups()  # type: ignore[union-attr]
    if mark and len(rest) == 3 and whole:
        whole, rest = whole + rest, ""
    digits = re.sub(r"\D", "", whole).lstrip("0") or "0"
    rest = (rest or "").rstrip("0") if mark else ""
    return f"{digits}.{rest}" if rest else digits


def _names(text: str) -> list[str]:
    """Return the words with a capital that are not the first of the sentence."""
    words = list(_CAPITAL.finditer(text))
    return [
        word.group().casefold()
        for word in words[1:]
        if word.group()[0].isupper() and len(word.group()) > 1
    ]
