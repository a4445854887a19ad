"""What is known of languages: their stemmers, and the words that hold their sentences together.

The table is data/languages.txt. No language is ever asked for: it is seen from the script and from
the common words of a text, and a text of none of them is taken word by word as it stands.
"""

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

Script = Literal[
    "latin", "cyrillic", "greek", "arabic", "hebrew", "devanagari", "han", "kana", "hangul"
]
# The first letters of each block tell the script; ranges from the Unicode Standard's Blocks.txt.
_SCRIPTS: tuple[tuple[int, int, Script], ...] = (
    (0x0041, 0x024F, "latin"),
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x1E00, 0x1EFF, "latin"),
    (0x1F00, 0x1FFF, "greek"),
    (0x3040, 0x30FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xAC00, 0xD7AF, "hangul"),
)
_WORD = re.compile(r"\w+")
_KANA = re.compile("[\u3040-\u30ff]")
_CACHED_STEMS = 32_768
# Fewer common words than this say nothing about the language of a text.
_LEAST_HITS = 2


@dataclass(frozen=True, slots=True)
class Language:
    """A language; `stemmer` names an algorithm of Snowball, `stop_words` are in lower case."""

    code: str
    stemmer: str | None
    script: str
    stop_words: frozenset[str]


def read_languages(text: str) -> dict[str, Language]:
    """Return the languages of a table by their code. Raises ValueError for a line that is none."""
    found: dict[str, Language] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        head, colon, words = line.partition(":")
        parts = head.split()
        if not colon or len(parts) != 3:
            raise ValueError(f"line {number} is not CODE STEMMER SCRIPT: WORDS")
        code, stemmer, script = parts
        found[code] = Language(
            code, None if stemmer == "-" else stemmer, script, frozenset(words.casefold().split())
        )
    return found


@lru_cache(maxsize=1)
def languages() -> Mapping[str, Language]:
    """Return the languages of the shipped table by their code."""
    table = resources.files("local_rag.text") / "data" / "languages.txt"
    return read_languages(table.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _number_questions() -> "re.Pattern[str]":
    table = resources.files("local_rag.text") / "data" / "numbers.txt"
    spaced: list[str] = []
    unspaced: list[str] = []
    for line in table.read_text(encoding="utf-8").splitlines():
        code, colon, phrases = line.partition(":")
        if colon and not line.startswith("#"):
            words = [re.escape(phrase.strip().casefold()) for phrase in phrases.split("|")]
            (unspaced if code in ("zh", "ja", "th", "ko") else spaced).extend(words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)|{'|'.join(unspaced)}")


def asks_for_number(question: str) -> bool:
    """Return whether a question asks for a number, a date or a length of time."""
    return _number_questions().search(question.casefold()) is not None


def script_of(word: str) -> str | None:
    """Return the script of a word's first letter that has one of ours, or None."""
    for letter in word:
        number = ord(letter)
        for first, last, script in _SCRIPTS:
            if first <= number <= last and letter.isalpha():
                return script
    return None


def languages_of(text: str) -> tuple[str, ...]:
    """Return the codes of the languages whose common words a text has most of, several when equal.

    None when it has too few of any; a script that one known language alone uses is enough.
    """
    words = [word.casefold() for word in _WORD.findall(text)]
    scripts = [script for word in words if (script := script_of(word))]
    if not scripts:
        return ()
    main = max(set(scripts), key=lambda script: (scripts.count(script), script))
    if main == "han" and _KANA.search(text):
        main = "kana"  # Japanese writes the roots of its words with Chinese signs
    candidates = [language for language in languages().values() if language.script == main]
    if len(candidates) == 1:
        return (candidates[0].code,)
    hits = {
        language.code: sum(word in language.stop_words for word in words) for language in candidates
    }
    most = max(hits.values(), default=0)
    return tuple(sorted(code for code, count in hits.items() if count == most)) if most else ()


def language_of(text: str) -> str | None:
    """Return the code of the language of a text, or None when that is not clear."""
    found = languages_of(text)
    if len(found) != 1:
        return None
    language = languages()[found[0]]
    if sum(word in language.stop_words for word in text.casefold().split()) >= _LEAST_HITS:
        return language.code
    return None if _shared(language.script) else language.code


def stop_words(text: str) -> frozenset[str]:
    """Return the common words of the languages that a question may be in."""
    table = languages()
    return frozenset[str]().union(*(table[code].stop_words for code in languages_of(text)))


def _shared(script: str) -> bool:
    return sum(language.script == script for language in languages().values()) > 1


_stemming = threading.Lock()


@lru_cache(maxsize=_CACHED_STEMS)
def stem(word: str, code: str) -> str:
    """Return a word in lower case without its endings, as far as its language has a stemmer.

    Source of the algorithms: Snowball (snowballstem.org).
    """
    algorithm = languages()[code].stemmer
    if algorithm is None:
        return word
    with _stemming:  # a stemmer keeps the word it works on
        stemmed: str = _stemmer(algorithm).stemWord(word)
    return stemmed or word


@lru_cache(maxsize=64)
def _stemmer(algorithm: str) -> Any:
    import snowballstemmer  # all its languages come at once; nobody waits for it at the start

    return snowballstemmer.stemmer(algorithm)


def using(codes: Iterable[str], script: str | None) -> list[str]:
    """Return those of the languages that write in a script and have a stemmer."""
    table = languages()
    return [
        code
        for code in codes
        if code in table and table[code].stemmer and table[code].script == script
    ]
