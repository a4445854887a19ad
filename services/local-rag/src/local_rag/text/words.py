"""Words as search compares them: folded, without endings, and pairs of signs where no spaces are.

`terms` is what is stored of a text and `forms` what is looked for; both must be changed together,
and ANALYSIS with them, so that an index made before is made again.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from local_rag.text.languages import language_of, script_of, stem, stop_words, using

ANALYSIS = "1"
MAX_TERM_CHARS = 64
# Letters with the marks that belong to them. Python's \w leaves out vowel signs (categories Mn and
# Mc), without which a word of Hindi, Thai or pointed Arabic falls to pieces.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u0900-\u0963\u0966-\u096f\u0971-\u0df3\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc"
    "\u0ec8-\u0ecd\u0f71-\u0f84\u102b-\u103e\u1056-\u1059\u1062-\u109d\u17b4-\u17d3"
)
_TOKEN = re.compile(rf"(?:[^\W_]|[{_MARKS}])+")
# Scripts without spaces between words: pairs of signs for the many signs of Chinese and its
# neighbours, threes for the alphabets of South-East Asia, a letter counting with its marks.
_SIGNS = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_UNSPACED = re.compile(
    f"(?P<signs>[{_SIGNS}\U00020000-\U0002fa1f]+)"
    "|(?P<letters>[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+)"
)
_CLUSTER = re.compile(rf".[{_MARKS}]*", re.DOTALL)
_FOLDED = ("latin", "greek", "cyrillic", "arabic", "hebrew")
# What a mark before its letter is to the eye; two spellings of one word must be one term.
_EXTRA = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "ـ": None})


def tokens(text: str) -> list[str]:
    """Return the words of a text in order, in lower case and compatible form (NFKC).

    Pieces of scripts without spaces stay whole here.
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def terms(text: str, language: str | None = None) -> list[str]:
    """Return what is stored of a text in some language, in order; no language: no endings cut."""
    found: list[str] = []
    for token in tokens(text):
        for piece, unspaced in pieces(token):
            found.append(piece if unspaced else _term(piece, language))
    return found


def text_terms(text: str) -> list[str]:
    """Return what is stored of a text in the language that it seems to be in."""
    return terms(text, language_of(text))


def pieces(token: str) -> Iterator[tuple[str, bool]]:
    """Yield what a token is compared by, and whether it is a part of a script without spaces."""
    position = 0
    for match in _UNSPACED.finditer(token):
        if match.start() > position:
            yield token[position : match.start()], False
        signs = match["signs"]
        units = list(signs) if signs else _CLUSTER.findall(match["letters"])
        size = min(2 if signs else 3, len(units))
        for start in range(len(units) - size + 1):
            yield "".join(units[start : start + size]), True
        position = match.end()
    if position < len(token):
        yield token[position:], False


def forms(word: str, codes: Iterable[str]) -> tuple[str, ...]:
    """Return the terms that a word can have become in texts of these languages, itself first."""
    script = script_of(word)
    found = [_term(word, None), *(_term(word, code) for code in using(codes, script))]
    return tuple(dict.fromkeys(found))


def query_words(text: str) -> list[tuple[str, bool]]:
    """Return the telling words of a question without repeats, and whether each is a part.

    Common words of its language are left out unless there is nothing else. A part belongs to a
    script without spaces; a common word there is cut out of the row of signs before it is cut up.
    """
    common = stop_words(text)
    found: dict[str, bool] = {}
    every: dict[str, bool] = {}
    for token in tokens(text):
        for piece, unspaced in _without(token, common):
            found.setdefault(piece, unspaced)
        for piece, unspaced in pieces(token):
            every.setdefault(piece, unspaced)
    return list((found or every).items())


def _without(token: str, common: frozenset[str]) -> Iterator[tuple[str, bool]]:
    if not _UNSPACED.search(token):
        if token not in common:
            yield token, False
        return
    rest = token
    for word in sorted((w for w in common if len(w) > 1 and w in token), key=len, reverse=True):
        rest = rest.replace(word, " ")
    for part in rest.split():
        # One sign alone begins too many words to tell anything, and is common more often than not.
        yield from ((p, u) for p, u in pieces(part) if p not in common)


def is_sign(term: str) -> bool:
    """Return whether a term is one sign of a script without spaces."""
    return len(term) == 1 and _UNSPACED.fullmatch(term) is not None


def fold(word: str) -> str:
    """Return a word without the marks above and below its letters, where those are spelling."""
    word = word.translate(_EXTRA)
    if word.isascii() or script_of(word) not in _FOLDED:
        return word
    parts = unicodedata.normalize("NFKD", word)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


def _term(word: str, language: str | None) -> str:
    letters = not any(sign.isdigit() for sign in word)
    if language is not None and letters and using((language,), script_of(word)):
        word = stem(word, language)
    return (fold(word) or word)[:MAX_TERM_CHARS]


def matches(wanted: Sequence[str], have: "frozenset[str] | set[str]") -> bool:
    """Return whether one of the forms of a word is among the terms of a text."""
    return any(form in have for form in wanted)
