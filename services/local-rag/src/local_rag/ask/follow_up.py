"""Questions that only the ones before them make whole, such as "And how much notice".

A small model rewrites such questions badly, and what it invents would be searched for. So nothing
is invented: a question that leans on the last one gets that one's own words behind it, and whoever
asked sees it and can ask it as it was typed.
"""

import re
from collections.abc import Sequence

from local_rag.text.languages import stop_words

MOST_WORDS = 8
_WORD = re.compile(r"[\w'’-]+")
# What points back at something that was named, and what goes on with it, by language.
_POINTING = frozenset(
    """
    it its he him his she her hers they them their theirs this that these those there one ones
    er ihm ihn sie ihr ihre ihren ihrem es sein seine seinen dies diese dieser dieses diesem diesen
    jener jene jenes dort da davon dafür damit darin daran darauf dazu dabei dessen deren
    il elle lui leur leurs ils elles ce cet cette ces cela ça celui celle y en
    él ella ello ellos ellas su sus este esta esto estos estas ese esa eso aquel aquella allí
    lui lei esso essa loro suo sua suoi questo questa questi queste quello quella ci ne
    ele ela eles elas seu sua seus isto isso aquilo este esta esse essa nele nela dele dela
    hij hem zijn zij haar hun ze dit dat deze die daar ervan ermee erin eraan
    """.split()
)
_GOING_ON = frozenset(
    """
    and but so or also then und aber oder auch dann sonst et mais ou alors puis y pero entonces
    e ma allora poi mas então en maar dan ook а и но
    """.split()
)
# Languages that are written without spaces, or whose words take endings.
_POINTING_SIGNS = re.compile(
    r"它|他|她|这个|那个|那里|其|それ|その|これ|あれ|彼|그것|그는|그녀|이것|저것"
)
_WHAT_ABOUT = re.compile(
    r"(?:what|how) about|was ist mit|wie (?:ist|steht) es mit|qu'en est-il|et pour|qué (?:hay|tal)|"
    r"che (?:ne è|dire)|e quanto a|en hoe zit het|hoe zit het",
    re.IGNORECASE,
)
# A question that points back and has more words of its own than this points at one of them.
_OWN_WORDS = 2


def content_words(text: str) -> list[str]:
    """Return the words that carry meaning, as they are written."""
    common = stop_words(text)
    return [word for word in _WORD.findall(text) if word.casefold() not in common]


def leans(question: str) -> bool:
    """Return whether a question needs what was asked before to be understood."""
    words = [word.casefold() for word in _WORD.findall(question)]
    if not words or _POINTING_SIGNS.search(question):
        return bool(words)
    telling = content_words(question)
    if words[0] in _GOING_ON or not telling or _WHAT_ABOUT.match(question.strip()):
        return True
    return len(telling) <= _OWN_WORDS and any(word in _POINTING for word in words)


def standalone(question: str, before: Sequence[str]) -> str:
    """Return the question as it is to be asked; `before` are those asked before, oldest first."""
    if not before or not leans(question):
        return question
    own = {word.casefold() for word in _WORD.findall(question)}
    taken: dict[str, str] = {}
    for word in content_words(before[-1]):
        key = word.casefold()
        if key not in own and key not in _POINTING and key not in _GOING_ON:
            taken.setdefault(key, word)
    if not taken:
        return question
    return f"{question} ({' '.join(list(taken.values())[-MOST_WORDS:])})"
