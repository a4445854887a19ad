"""HTML, read as a stream of tags.

No tree is built, so neither a million nested tags nor a million siblings cost more than their
bytes. Some Pythons take time with the square of what is malformed (`<!<!<!…`); against that there
is the time limit of `isolated`.
"""

import re
from html.parser import HTMLParser
from pathlib import PurePosixPath

from local_rag.core.errors import InvalidInput, TooLarge
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats.base import MAX_TEXT_CHARS, Format, Source, build
from local_rag.text.normalise import decode

_SKIPPED = frozenset(
    "script style template noscript svg math canvas iframe object select datalist".split()
)
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption "
    "figure footer form header hr html li main nav ol p pre section summary table tbody tfoot "
    "thead tr ul".split()
)
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_CELLS = frozenset(["td", "th"])
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.I)
_MAX_TAGS = 2_000_000
_MAX_TITLE = 1_000


def _read(source: Source) -> Extracted:
    """Return the readable text of a page by heading.

    Raises InvalidInput when there is none and TooLarge for more than two million tags.
    """
    declared = source.charset
    if declared is None:
        found = _META_CHARSET.search(source.data[:4096])
        declared = found.group(1).decode("ascii") if found else None
    reader = _Reader()
    try:
        reader.feed(decode(source.data, declared=declared))
        reader.close()
    except (AssertionError, ValueError) as error:
        raise InvalidInput(f"{source.name} is not readable HTML: {error}") from None
    reader.finish()
    name = PurePosixPath(source.name).name or source.name
    metadata = {"description": reader.description, "language": reader.language}
    return build(
        title=reader.title.strip() or reader.first_heading or name,
        fallback=name,
        sections=reader.sections,
        media_type=FORMAT.media_type,
        metadata=metadata,
    )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[Section] = []
        self.title = ""
        self.first_heading = ""
        self.description = ""
        self.language = ""
        self._path: list[tuple[int, str]] = []
        self._parts: list[str] = []
        self._heading: list[str] | None = None
        self._level = 0
        self._in_title = False
        self._skipping: str | None = None
        self._skip_depth = 0
        self._pre = 0
        self._had_pre = False
        self._tags = 0
        self._chars = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tags += 1
        if self._tags > _MAX_TAGS:
            raise TooLarge(f"a page with more than {_MAX_TAGS} tags is not read")
        if self._skipping:
            self._skip_depth += tag == self._skipping
            return
        if tag in _SKIPPED:
            self._skipping, self._skip_depth = tag, 1
        elif tag == "title":
            self._in_title = not self.title
        elif tag in _HEADINGS:
            self._end_heading()
            self._heading, self._level = [], int(tag[1])
        elif tag == "br":
            self._parts.append("\n")
        elif tag in _CELLS:
            self._parts.append("\t")
        elif tag in _BLOCKS:
            self._parts.append("\n")
            self._pre += tag == "pre"
            self._had_pre = self._had_pre or tag == "pre"
        self._note_attributes(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            return
        self.handle_starttag(tag, attrs)

    def _note_attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.language = dict(attrs).get("lang") or self.language
        elif tag == "meta":
            given = dict(attrs)
            if (given.get("name") or "").lower() == "description":
                self.description = given.get("content") or ""
        elif tag == "img":
            alternative = dict(attrs).get("alt")
            if alternative:
                self._add(alternative)

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            self._skip_depth -= tag == self._skipping
            if self._skip_depth <= 0:
                self._skipping = None
        elif tag == "title":
            self._in_title = False
        elif tag in _HEADINGS:
            self._end_heading()
        elif tag in _BLOCKS:
            self._parts.append("\n")
            if tag == "pre":
                self._pre = max(self._pre - 1, 0)

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        if self._in_title:
            if len(self.title) < _MAX_TITLE:
                self.title += data
        elif self._heading is not None:
            self._heading.append(data)
        else:
            self._add(data)

    def _add(self, data: str) -> None:
        self._chars += len(data)
        if self._chars > MAX_TEXT_CHARS:
            raise TooLarge(f"a page with more than {MAX_TEXT_CHARS} characters is not read")
        self._parts.append(data if self._pre else re.sub(r"\s+", " ", data))

    def _end_heading(self) -> None:
        if self._heading is None:
            return
        name = " ".join("".join(self._heading).split())
        self._heading = None
        self._end_section()
        if not name:
            return
        self.first_heading = self.first_heading or name
        while self._path and self._path[-1][0] >= self._level:
            self._path.pop()
        self._path.append((self._level, name))
        self._parts.append(name + "\n")

    def _end_section(self) -> None:
        text = "".join(self._parts)
        self._parts = []
        if not self._had_pre:
            text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
            text = re.sub(r"[ \xa0]{2,}", " ", text)
        text = re.sub(r"\n{3,}", "\n\n", text).strip()
        self._had_pre = self._pre > 0
        if text:
            heading = " > ".join(name for _, name in self._path) or None
            self.sections.append(Section(text=text, heading=heading))

    def finish(self) -> None:
        self._end_heading()
        self._end_section()


_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")

FORMAT = Format(
    name="HTML",
    media_type="text/html",
    extensions=(".html", ".htm", ".xhtml"),
    read=_read,
    aliases=frozenset({"application/xhtml+xml"}),
    begins=lambda head: head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_STARTS),
)
