"""The encoding of a text that does not say it, by what the text looks like in each.

charset-normalizer tells scripts apart. Between the pages of codes for Latin letters it often fails,
as most letters with accents stand at the same place in all of them, and it takes short texts for
any language: there letters decide that only some languages have, and Western is what is left (as
the WHATWG has it).
"""

import re

_SAMPLE = 200_000
_OTHERS = (
    "cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "cp1253", "cp1255", "cp1256", "gb18030",
    "big5hkscs", "cp932", "euc_jp", "cp949", "cp874",
)  # fmt: skip
# So many of a text's letters have accents at most, in a language that is written in Latin ones.
_MOST_ACCENTS = 0.35
# Too few to tell a script by, unless there is nothing else.
_FEW, _NEARLY_ALL = 8, 0.6
# The long vowels of Hungarian, which stand next to its short ones, and never next to these.
_HUNGARIAN = re.compile(rb"[\xf5\xfb]")
_WITH_IT = re.compile(rb"[\xe1\xf6\xfc]")
_ROMANCE = re.compile(rb"[\xe0\xe3\xe7\xe8\xea]")
# Letters that Turkish has for three of Icelandic, and others of that language.
_TURKISH = re.compile(rb"[\xf0\xfd\xfe]")
_NOT_TURKISH = re.compile(rb"[\xe1\xe3\xe6\xed\xf3\xfa]")
# Letters in Central Europe, where Windows-1252 has marks that stand within no word.
_WITHIN_WORDS = re.compile(
    rb"[a-z\xe0-\xff][\x9a\x9e\xb1\xb3\xb5\xb6\xb9-\xbc\xbe][a-z\xe0-\xff]|[\x8d\x9d]"
)
# One broken byte in so many that are none makes no other encoding of a text in UTF-8.
_FEW_BROKEN = 0.02


def guess(data: bytes) -> str:
    """Return the most likely encoding of text that is not valid UTF-8."""
    sample = _sample(data)
    high = sum(byte >= 0x80 for byte in sample)
    letters = high + sum(chr(byte).isalpha() for byte in sample if byte < 0x80)
    if _is_broken_utf8(sample, high):
        return "utf-8"
    if high > letters * (_MOST_ACCENTS if high >= _FEW else _NEARLY_ALL):
        script = _script(sample)
        if script:
            return script
    return _latin(sample)


def _sample(data: bytes) -> bytes:
    if len(data) <= _SAMPLE:
        return data
    # At the end of a line, or a character of several bytes might be cut.
    end = data.rfind(b"\n", 0, _SAMPLE)
    return data[: end if end > 0 else _SAMPLE]


def _is_broken_utf8(sample: bytes, high: int) -> bool:
    return high > 0 and sample.decode("utf-8", "replace").count("\ufffd") < high * _FEW_BROKEN


def _script(sample: bytes) -> str | None:
    # Imported here: most texts are UTF-8 and need none of it.
    from charset_normalizer import from_bytes

    found = from_bytes(sample, cp_isolation=list(_OTHERS), preemptive_behaviour=False).best()
    return found.encoding if found else None


def _latin(sample: bytes) -> str:
    if _WITHIN_WORDS.search(sample):
        return _central(sample)
    if _HUNGARIAN.search(sample) and _WITH_IT.search(sample) and not _ROMANCE.search(sample):
        return "cp1250"
    if _TURKISH.search(sample) and not _NOT_TURKISH.search(sample):
        return "cp1254"
    return "cp1252"


def _central(sample: bytes) -> str:
    """Return which of the two Central European encodings it is.

    Windows keeps letters that every long text has where ISO 8859-2 has controls.
    """
    return "cp1250" if any(0x80 <= byte < 0xA0 for byte in sample) else "iso8859_2"
