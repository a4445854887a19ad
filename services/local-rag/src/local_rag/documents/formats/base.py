"""What kind of file it is, and who reads it."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from local_rag.core.errors import InvalidInput, TooLarge
from local_rag.core.types import Extracted, Section
from local_rag.text.normalise import clean, one_line

TEXT = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

EXTENSIONS: dict[str, str] = {
    ".txt": TEXT,
    ".text": TEXT,
    ".log": TEXT,
    ".rst": TEXT,
    ".adoc": TEXT,
    ".org": TEXT,
    ".csv": TEXT,
    ".tsv": TEXT,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".pdf": PDF,
    ".docx": DOCX,
}
MAX_TEXT_CHARS = 64_000_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A file to be read: its bytes, its name, and what a server said about it."""

    data: bytes
    name: str
    media_type: str | None = None
    charset: str | None = None


def extension_type(name: str) -> str | None:
    """Return the media type that a file name promises, or None for one we do not read."""
    return EXTENSIONS.get(PurePosixPath(name.lower()).suffix)


def detect(source: Source) -> str:
    """Return the media type of a file: by its first bytes, then its name, then what was declared.

    Raises InvalidInput for a type that cannot be read, naming the way out where there is one.
    """
    head = source.data[:1024]
    promised = extension_type(source.name)
    if b"%PDF-" in head:
        return PDF
    if head.startswith(b"PK\x03\x04"):
        return DOCX
    if head.startswith(_OLE):
        raise InvalidInput(
            f"{source.name} is in the old binary Office format",
            hint=f"convert it first: soffice --convert-to docx {source.name!r}",
        )
    if promised in (PDF, DOCX):
        kind = "PDF" if promised == PDF else "DOCX"
        raise InvalidInput(
            f"{source.name} is named like a {kind} file but is not one",
            hint=f"see what it is: file {source.name!r}",
        )
    if promised:
        return promised
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML_STARTS):
        return HTML
    declared = (source.media_type or "").partition(";")[0].strip().lower()
    if declared in (HTML, "application/xhtml+xml"):
        return HTML
    if declared in (MARKDOWN, "text/x-markdown"):
        return MARKDOWN
    if declared and declared.partition("/")[0] in ("image", "audio", "video", "font"):
        raise InvalidInput(f"{source.name} is {declared}, which holds no text to index")
    return TEXT


def build(
    *,
    title: str,
    fallback: str,
    sections: list[Section],
    media_type: str,
    metadata: dict[str, str] | None = None,
) -> Extracted:
    """Return a checked extract: text cleaned, empty sections dropped, a title always there.

    Raises InvalidInput when there is no text at all and TooLarge when there is far too much.
    """
    kept: list[Section] = []
    total = 0
    for section in sections:
        text = clean(section.text).strip("\n")
        if not text.strip():
            continue
        total += len(text)
        if total > MAX_TEXT_CHARS:
            raise TooLarge(f"{fallback} holds more than {MAX_TEXT_CHARS} characters of text")
        heading = one_line(section.heading) if section.heading else None
        kept.append(Section(text=text, page=section.page, heading=heading or None))
    if not kept:
        raise InvalidInput(f"{fallback} holds no text")
    return Extracted(
        title=one_line(title) or one_line(fallback) or "untitled",
        sections=tuple(kept),
        media_type=media_type,
        metadata={key: one_line(value) for key, value in (metadata or {}).items() if value},
    )
