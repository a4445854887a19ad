"""HTML, read as a stream of tags: the text of a page without what surrounds it on every page.

No tree is built, so neither a million nested tags nor a million siblings cost more than their
bytes. Some Pythons take time with the square of what is malformed (`<!<!<!…`); against that there
is the time limit of `extraction`.

Navigation, footers and banners are known by HTML's own words (elements, roles) and by names that
most pages use for them, and what `main` or `article` holds is preferred to what stands outside. A
page of which too little would be left is kept whole. Libraries: docs/architecture.md says why not.
"""

import re
from dataclasses import dataclass
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
_CONTENT = frozenset(["article", "main"])
# What is never content, and what is none unless it belongs to an article.
_AROUND = frozenset(["nav", "dialog", "menu"])
_AROUND_OUTSIDE = frozenset(["aside", "footer", "header"])
_AROUND_ROLES = frozenset("alertdialog banner contentinfo dialog menu navigation search".split())
_NAMED = frozenset("div section ul ol table aside footer".split())
# Whole names of classes and ids, or the last part of one: `main-menu` is a menu, `menu-card` none.
_AROUND_NAMES = re.compile(
    r"(?:^|\s)(?!\S*\b(?:has|is|no|with)[-_])(?:[\w-]+[-_])?(?:nav|navbar|navigation|navlinks|menu|menubar|"
    r"breadcrumbs?|sidebar|footer|masthead|site-?header|toc|pagination|pager|cookies?|consent|"
    r"(?:cookie|consent|newsletter|promo|ad)[-_]?(?:banner|bar|notice|popup|box|dialog|overlay)|"
    r"share|sharing|social|skip-?links?)(?=\s|$)",
    re.IGNORECASE,
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.I)
MAX_TAGS = 2_000_000
_MAX_TITLE = 1_000
# Below so many characters what was kept is not taken for a page if more was left out.
_ENOUGH = 200
# They enclose the text of a link until the end; no text holds them, as decode() leaves them out.
_LINK, _LINK_END = "\x01", "\x02"
_LINKED = re.compile(f"{_LINK}[^{_LINK_END}]*{_LINK_END}")
_MARKS = re.compile(f"[{_LINK}{_LINK_END}]")


def _read(source: Source) -> Extracted:
    """Return the readable text of a page by heading.

    Raises InvalidInput when there is none and TooLarge for more than two million tags.
    """
    declared = source.charset
    if declared is None:
        found = _META_CHARSET.search(source.data[:4096])
        declared = found.group(1).decode("ascii") if found else None
    text = decode(source.data, declared=declared)
    try:
        reader = _Reader(text)
        if reader.kept < min(_ENOUGH, reader.left_out):
            reader = _Reader(text, whole=True)
    except (AssertionError, ValueError) as error:
        raise InvalidInput(f"{source.name} is not readable HTML: {error}") from None
    name = PurePosixPath(source.name).name or source.name
    return build(
        title=reader.title.strip() or reader.first_heading or name,
        fallback=name,
        sections=reader.sections(),
        media_type=FORMAT.media_type,
        metadata={"description": reader.description, "language": reader.language},
    )


@dataclass(slots=True)
class _Piece:
    """A run of text under one heading, all of it in `main` or `article`, or all outside."""

    text: str
    heading: str | None
    opened: bool
    inside: bool
    preformatted: bool


class _Reader(HTMLParser):
    """Reads a page; with `whole`, nothing on it counts as standing around the content."""

    def __init__(self, page: str, *, whole: bool = False) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.first_heading = ""
        self.description = ""
        self.language = ""
        self.kept = 0
        self.left_out = 0
        self._whole = whole
        self._pieces: list[_Piece] = []
        self._path: list[tuple[int, str]] = []
        self._parts: list[str] = []
        self._heading: list[str] | None = None
        self._level = 0
        self._opened = False
        self._in_title = False
        self._skipping: str | None = None
        self._skip_depth = 0
        self._around: str | None = None
        self._around_depth = 0
        self._inside = 0
        self._pre = 0
        self._had_pre = False
        self._tags = 0
        self._chars = 0
        self.feed(page)
        self.close()
        self._end_heading()
        self._end_piece()

    # -- tags -------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tags += 1
        if self._tags > MAX_TAGS:
            raise TooLarge(f"a page with more than {MAX_TAGS} tags is not read")
        if self._skipping:
            self._skip_depth += tag == self._skipping
            return
        if tag in _CONTENT:
            # Navigation that was never closed does not reach into the content.
            self._around = None
            self._end_piece()
            self._inside += 1
        if self._around:
            self._around_depth += tag == self._around
        elif not self._whole and self._stands_around(tag, attrs):
            self._around, self._around_depth = tag, 1
        if tag in _SKIPPED:
            self._skipping, self._skip_depth = tag, 1
        elif tag == "title":
            self._in_title = not self.title
        elif tag in _HEADINGS:
            self._end_heading()
            # The heading of a page may stand in its header.
            if self._around in (None, "header"):
                self._heading, self._level = [], int(tag[1])
        elif self._around is None:
            self._open(tag)
        self._note_attributes(tag, attrs)

    def _open(self, tag: str) -> None:
        if tag == "br":
            self._parts.append("\n")
        elif tag in _CELLS:
            self._parts.append("\t")
        elif tag == "a":
            self._parts.append(_LINK)
        elif tag in _BLOCKS:
            self._parts.append("\n")
            self._pre += tag == "pre"
            self._had_pre = self._had_pre or tag == "pre"

    def _stands_around(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        if tag in _AROUND or (tag in _AROUND_OUTSIDE and not self._inside):
            return True
        given = dict(attrs)
        if (given.get("role") or "").lower() in _AROUND_ROLES:
            return True
        names = f"{given.get('class') or ''} {given.get('id') or ''}"
        return tag in _NAMED and len(names) > 1 and bool(_AROUND_NAMES.search(names))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SKIPPED:
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
            return
        if tag == "title":
            self._in_title = False
        elif tag in _HEADINGS:
            self._end_heading()
        elif self._around is None:
            self._close(tag)
        if tag == self._around:
            self._around_depth -= 1
            if self._around_depth <= 0:
                self._around = None
        if tag in _CONTENT:
            self._end_piece()
            self._inside = max(self._inside - 1, 0)

    def _close(self, tag: str) -> None:
        if tag == "a":
            self._parts.append(_LINK_END)
        elif tag in _BLOCKS:
            self._parts.append("\n")
            if tag == "pre":
                self._pre = max(self._pre - 1, 0)

    # -- text -------------------------------------------------------------------------------

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
        seen = len(data.strip())
        if self._around:
            self.left_out += seen
            return
        self.kept += seen
        self._parts.append(data if self._pre else re.sub(r"\s+", " ", data))

    def _end_heading(self) -> None:
        if self._heading is None:
            return
        name = " ".join("".join(self._heading).split())
        self._heading = None
        self._end_piece()
        if not name:
            return
        self.first_heading = self.first_heading or name
        while self._path and self._path[-1][0] >= self._level:
            self._path.pop()
        self._path.append((self._level, name))
        self._parts.append(name + "\n")
        self._opened = True

    def _end_piece(self) -> None:
        text = "".join(self._parts)
        preformatted, self._had_pre = self._had_pre, self._pre > 0
        self._parts = []
        if _MARKS.sub("", text).strip():
            heading = " > ".join(name for _, name in self._path) or None
            piece = _Piece(text, heading, self._opened, self._inside > 0, preformatted)
            self._pieces.append(piece)
            self._opened = False

    # -- what is kept -----------------------------------------------------------------------

    def sections(self) -> list[Section]:
        """Return the content as sections."""
        inside = [piece for piece in self._pieces if piece.inside]
        held = sum(len(piece.text) for piece in inside)
        outside = sum(len(piece.text) for piece in self._pieces) - held
        if not self._whole and held >= min(_ENOUGH, max(outside, 1)):
            pieces = inside
        else:
            pieces = self._pieces
            if not self._whole:
                _drop_links(pieces)
        found: list[Section] = []
        for piece in pieces:
            text = _tidy(piece)
            if not text:
                continue
            if found and found[-1].heading == piece.heading and not piece.opened:
                text = f"{found.pop().text}\n\n{text}"
            found.append(Section(text=text, heading=piece.heading))
        return found


def _tidy(piece: _Piece) -> str:
    text = _MARKS.sub("", piece.text)
    if not piece.preformatted:
        text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
        text = re.sub(r"[ \xa0]{2,}", " ", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _drop_links(pieces: list[_Piece]) -> None:
    """Take lines that are nothing but links from both ends of a page that says nothing itself.

    A page that is mostly links stays as it is, and so does a list that is introduced.
    """
    lines = [(piece, line, _is_links(line)) for piece in pieces for line in piece.text.split("\n")]
    shown = [n for n, (_, line, _) in enumerate(lines) if _MARKS.sub("", line).strip()]
    own = [n for n in shown if not lines[n][2]]
    said = sum(len(lines[n][1]) for n in own)
    if said < _ENOUGH or said * 2 < sum(len(lines[n][1]) for n in shown):
        return
    first, last = own[0], own[-1]
    piece, line, _ = lines[last]
    line = line.strip()
    introduces = line.endswith(":") or (piece.heading or "").rpartition(" > ")[2] == line
    kept: dict[int, list[str]] = {id(piece): [] for piece in pieces}
    for n, (piece, line, _) in enumerate(lines):
        if first <= n <= last or (n > last and introduces):
            kept[id(piece)].append(line)
    for piece in pieces:
        piece.text = "\n".join(kept[id(piece)])


def _is_links(line: str) -> bool:
    return _LINK in line and not re.search(r"\w", _LINKED.sub("", line))


_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")

FORMAT = Format(
    name="HTML",
    media_type="text/html",
    extensions=(".html", ".htm", ".xhtml"),
    read=_read,
    aliases=frozenset({"application/xhtml+xml"}),
    begins=lambda head: head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_STARTS),
)
