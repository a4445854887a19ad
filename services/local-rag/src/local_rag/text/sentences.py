"""Where sentences begin and end, for quoting them. Chunks are cut elsewhere (`text.chunking`)."""

import re
from dataclasses import dataclass

# A sentence ends after its marks and closing quotes: before white space where words have spaces,
# anywhere after a full stop of Chinese or Japanese. Also: danda (Hindi), Arabic and Urdu marks,
# the Armenian, Ethiopic, Khmer and Burmese full stops; and an empty line or the item of a list.
_END = re.compile(
    r"(?P<marks>[.!?…;\u037e]+[\"'”’)\]»]*)(?=\s|$)"
    r"|[。！？｡]+[”’）」』》]*"
    r"|[।॥؟۔։።៕။]+"
    r"|\n\s*(?:\n|(?=[-*•–]\s|\d{1,3}[.)]\s))"
)
_SEMICOLON = re.compile(r";+$")
# A full stop that ends no sentence: of an initial, of an ordinal before a name of a month or a
# small word, and of what is commonly shortened.
_SHORT = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]|Dr|Mr|Mrs|Ms|Prof|Hr|Fr|St|Sr|Jr|No|Nr|Abs|Art|Bd|bzw|ca|vs|etc|usw|"
    r"evtl|inkl|zzgl|ggf|vgl|Tel|Str|Mio|Mrd|Inc|Ltd|Co|Corp|Fig|Abb|S|p|pp|approx|incl|cf|al|"
    r"e\.g|i\.e|z\.\s?B|d\.\s?h|u\.\s?a|o\.\s?ä|a\.\s?D|p\.\s?ej|м|г|гг|в|вв|т\.\s?д|т\.\s?е|им|стр)\.$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?:^|\s)\d{1,3}\.$")
_THAI = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_LONG = 400
_LEAST_THAI = 40


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of a text."""

    text: str
    start: int
    end: int


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of a text in order; all but white space is in one of them."""
    found: list[Sentence] = []
    position = 0
    for match in _END.finditer(text):
        if match["marks"] and not _ends(text, match):
            continue
        _add(found, text, position, match.end())
        position = match.end()
    _add(found, text, position, len(text))
    return found


def _ends(text: str, match: "re.Match[str]") -> bool:
    marks = match["marks"]
    following = text[match.end() :].lstrip()[:1]
    if _SEMICOLON.search(marks):
        return _is_greek(text[max(match.start() - 20, 0) : match.start()])
    if marks == ".":
        before = text[max(match.start() - 12, 0) : match.end()]
        if _SHORT.search(before):
            return False
        if _ORDINAL.search(before):
            # "on the 3. of May", "am 3. Mai": a line of a list ends with a line break
            return text[match.end() : match.end() + 1] == "\n" or not following
        if following.islower():
            return False
    return True


def _is_greek(text: str) -> bool:
    """Return whether a semicolon here is the question mark that Greek writes with it."""
    return any("\u0370" <= sign <= "\u03ff" for sign in text)


def _add(found: list[Sentence], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start == end:
        return
    if end - start > _LEAST_THAI and _THAI.search(text, start, end):
        _add_spaced(found, text, start, end)
    elif end - start > _LONG and "\n" in text[start:end]:
        middle = text.index("\n", start, end)
        _add(found, text, start, middle)
        _add(found, text, middle, end)
    else:
        found.append(Sentence(text[start:end], start, end))


def _add_spaced(found: list[Sentence], text: str, start: int, end: int) -> None:
    """Add the phrases of a script that ends its sentences with a space and marks nothing."""
    begin = start
    for match in re.finditer(r"\s+", text[start:end]):
        stop = start + match.start()
        if stop - begin >= _LEAST_THAI:
            found.append(Sentence(text[begin:stop], begin, stop))
            begin = start + match.end()
    if begin < end:
        found.append(Sentence(text[begin:end], begin, end))
