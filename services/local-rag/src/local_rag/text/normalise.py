"""Bytes to text, and text to the one form that equal content shares."""

import codecs
import re

from local_rag.core.errors import InvalidInput
from local_rag.text.charset import guess

# C0 and C1 controls except tab, LF and FF have no place in prose, and NUL ends text in C code.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_NEWLINES = re.compile("\r\n|\r|\x0b|\x0c|\x85|\u2028|\u2029")
_SURROGATES = re.compile("[\ud800-\udfff]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 65_536


class NotText(InvalidInput):
    """Bytes that are no text in any encoding."""


def decode(data: bytes, *, declared: str | None = None) -> str:
    """Return the text of a file whose encoding may be unknown or wrongly declared.

    A byte order mark wins, then UTF-8 if the bytes are valid UTF-8, then UTF-16 by its pattern of
    zero bytes, then the declared encoding if all bytes are valid in it, then what the text looks
    like. Raises NotText for binary data.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return clean(data[len(bom) :].decode(encoding, errors="replace"))
    utf16 = _looks_like_utf16(data)
    if utf16:
        return clean(data.decode(utf16, errors="replace"))
    if b"\x00" in data[:_SAMPLE]:
        raise NotText("this is binary data, not text")
    try:
        return clean(data.decode("utf-8"))
    except UnicodeDecodeError:
        return clean(_decode_legacy(data, declared))


def _decode_legacy(data: bytes, declared: str | None) -> str:
    # Before it is guessed at, which finds some text in anything.
    if _share_of_controls(data[:_SAMPLE].decode("latin-1")) > 0.02:
        raise NotText("this is binary data, not text")
    if declared:
        try:
            # Only text encodings: "hex" or "zlib" are codecs too, but not of this kind.
            if codecs.lookup(declared)._is_text_encoding:
                return data.decode(declared)
        except (LookupError, UnicodeError, ValueError):
            pass
    return data.decode(guess(data), errors="replace")


def _looks_like_utf16(data: bytes) -> str | None:
    sample = data[:4096]
    if len(sample) < 4 or len(data) % 2:
        return None
    half = len(sample) // 2
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > half * 0.4 and even < half * 0.05:
        encoding = "utf-16-le"
    elif even > half * 0.4 and odd < half * 0.05:
        encoding = "utf-16-be"
    else:
        return None
    # Tables of small numbers have that pattern too, but no letters.
    text = sample.decode(encoding, errors="replace")
    return encoding if _share_of_controls(text) < 0.02 else None


def _share_of_controls(text: str) -> float:
    return sum(1 for c in text if c < " " and c not in "\t\n\r\f") / max(len(text), 1)


def clean(text: str) -> str:
    """Return the text with LF line ends and without control characters and lone surrogates."""
    text = _NEWLINES.sub("\n", text)
    text = _CONTROLS.sub("", text)
    return _SURROGATES.sub("\ufffd", text)


def normalise(text: str) -> str:
    """Return the form of a text whose SHA-256 is its content hash.

    UTF-8 characters only, LF line ends, lines trimmed on both sides, no blank lines at either
    end, one final newline; an empty text stays empty. Applying it twice changes nothing.
    """
    lines = [line.strip() for line in clean(text).split("\n")]
    body = "\n".join(lines).strip("\n")
    return f"{body}\n" if body else ""


def one_line(text: str, limit: int = 300) -> str:
    """Return a text on one line, cut to a number of characters, for titles and headings."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"
