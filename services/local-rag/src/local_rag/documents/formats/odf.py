"""OpenDocument: texts, spreadsheets and presentations (ISO/IEC 26300, OASIS ODF 1.3)."""

from collections.abc import Iterator
from itertools import repeat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats._package import begins_as_zip, dublin_core, opened
from local_rag.documents.formats._table import lines
from local_rag.documents.formats.base import Format, Source, build

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_OFFICE, _TEXT, _TABLE, _DRAW, _STYLE, _PRESENTATION = (
    _NS % part for part in ("office", "text", "table", "drawing", "style", "presentation")
)
_TYPE = "application/vnd.oasis.opendocument."
_KINDS = tuple(
    f"{_TYPE}{kind}{suffix}"
    for kind in ("text", "spreadsheet", "presentation")
    for suffix in ("", "-template")
)
_NOTE, _COMMENT = f"{_TEXT}note", f"{_OFFICE}annotation"
# What was deleted, forms, a table of contents that repeats all headings.
_PASSED_OVER = frozenset(
    (
        f"{_TEXT}tracked-changes",
        f"{_TEXT}table-of-content",
        f"{_OFFICE}forms",
        f"{_TABLE}shapes",
        f"{_OFFICE}annotation-end",
    )
)
_AROUND = ("header", "footer", "header-first", "footer-first", "header-left", "footer-left")
# A sheet ends with one cell, or row, that is repeated to the edge of what is possible.
_MOST_REPEATED = 1_000


def _read(source: Source) -> Extracted:
    """Return the text by heading, sheet or slide (whose number is the page).

    Raises InvalidInput when it is none, TooLarge for a part over 64 MB.
    """
    name = PurePosixPath(source.name).name
    with opened(source.data, name, "an OpenDocument") as package:
        if b"encryption-data" in (package.bytes("META-INF/manifest.xml") or b""):
            raise InvalidInput(f"{name} is encrypted", hint="save it without a password")
        body = package.require("content.xml").find(f"{_OFFICE}body")
        kind = (package.bytes("mimetype") or b"").decode("ascii", "replace").strip()
        meta, styles = package.xml("meta.xml"), package.xml("styles.xml")
    title, _ = dublin_core(meta)
    author = meta.findtext(f".//{_NS % 'meta'}initial-creator") if meta is not None else ""
    sections = list(_sections(body, name)) if body is not None else []
    around = _around(styles)
    first = next((section.heading for section in sections if section.heading), "") or ""
    if around:
        sections.append(Section(text=around, heading="Header and footer"))
    table = "spreadsheet" in kind
    return build(
        title=title or (not table and first.partition(" > ")[0]) or name,
        fallback=name,
        sections=sections,
        media_type=kind if kind in _KINDS else FORMAT.media_type,
        metadata={"author": author or ""},
    )


def _sections(body: "Element", name: str) -> Iterator[Section]:
    for document in body:
        if document.tag == f"{_OFFICE}spreadsheet":
            for sheet in document.iter(f"{_TABLE}table"):
                text = "\n".join(lines(_rows(sheet), name))
                yield Section(text=text, heading=sheet.get(f"{_TABLE}name"))
        elif document.tag == f"{_OFFICE}presentation":
            slides = document.iter(f"{_DRAW}page")
            yield from (_slide(slide, number) for number, slide in enumerate(slides, start=1))
        else:
            yield from _by_heading(document)


def _by_heading(document: "Element") -> Iterator[Section]:
    path: list[tuple[int, str]] = []
    found: list[str] = []
    for text, level in _blocks(document):
        if level:
            yield _section(found, path)
            found = []
            while path and path[-1][0] >= level:
                path.pop()
            path.append((level, " ".join(text.split())))
        found.append(text)
    yield _section(found, path)


def _section(found: list[str], path: list[tuple[int, str]]) -> Section:
    return Section(text="\n".join(found), heading=" > ".join(n for _, n in path) or None)


def _slide(slide: "Element", number: int) -> Section:
    heading = ""
    found: list[str] = []
    for part in slide:
        text = "\n".join(block for block, _ in _blocks(part))
        if part.get(f"{_PRESENTATION}class") == "title" and not heading:
            heading = " ".join(text.split())
        elif part.tag == f"{_PRESENTATION}notes":
            found += [f"Notes: {text}"] if text.strip() else []
        elif part.get(f"{_PRESENTATION}class") not in ("page-number", "date-time", "footer"):
            found.append(text)
    return Section(
        text="\n".join(filter(None, [heading, *found])), page=number, heading=heading or None
    )


def _blocks(root: "Element") -> Iterator[tuple[str, int]]:
    """Yield (text, level of heading or 0) of paragraphs and rows, notes below what has them."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.tag in (f"{_TEXT}p", f"{_TEXT}h"):
            text, below = _inline(node)
            level = node.get(f"{_TEXT}outline-level") or "1"
            heading = node.tag == f"{_TEXT}h" and text.strip() and level.isdigit()
            yield text.strip(), min(int(level), 9) if heading else 0
            yield from ((line, 0) for line in below)
        elif node.tag == f"{_TABLE}table":
            yield from (("\t".join(row), 0) for row in _rows(node))
        elif node.tag == _COMMENT:
            yield _comment(node), 0
        elif node.tag not in _PASSED_OVER:
            pending.extend(reversed(node))


def _inline(paragraph: "Element") -> tuple[str, list[str]]:
    """Return the text of a paragraph, and what stands below it: notes, comments, text boxes."""
    parts: list[str] = []
    below: list[str] = []

    def gather(node: "Element") -> None:
        parts.append(node.text or "")
        for child in node:
            if child.tag == f"{_TEXT}s":
                count = child.get(f"{_TEXT}c") or "1"
                parts.append(" " * min(int(count) if count.isdigit() else 1, 100))
            elif child.tag == f"{_TEXT}tab":
                parts.append("\t")
            elif child.tag == f"{_TEXT}line-break":
                parts.append("\n")
            elif child.tag == _NOTE:
                below.append(_note(child))
            elif child.tag == _COMMENT:
                below.append(_comment(child))
            elif child.tag == f"{_DRAW}frame":
                below.extend(text for text, _ in _blocks(child) if text)
            elif child.tag not in _PASSED_OVER:
                gather(child)
            parts.append(child.tail or "")

    gather(paragraph)
    # White space is as in HTML: runs of it are one space.
    return "".join(parts), [line for line in below if line]


def _note(note: "Element") -> str:
    word = "Endnote" if note.get(f"{_TEXT}note-class") == "endnote" else "Footnote"
    citation = (note.findtext(f"{_TEXT}note-citation") or "").strip()
    body = note.find(f"{_TEXT}note-body")
    text = " ".join(text for text, _ in _blocks(body) if text) if body is not None else ""
    return f"{word} {citation}: {text}" if text else ""


def _comment(comment: "Element") -> str:
    _, author = dublin_core(comment)
    text = " ".join(_inline(p)[0] for p in comment.iter(f"{_TEXT}p"))
    return f"Comment by {author}: {text}" if author else f"Comment: {text}"


def _rows(table: "Element") -> Iterator[list[str]]:
    pending = [*reversed(table)]
    while pending:
        node = pending.pop()
        if node.tag == f"{_TABLE}table-row":
            row = _cells(node)
            # Empty rows at the foot are repeated a million times.
            times = _repeated(node, "rows") if any(row) else 1
            yield from repeat(row, times)
        elif node.tag not in _PASSED_OVER:
            pending.extend(reversed(node))


def _cells(row: "Element") -> list[str]:
    found: list[str] = []
    for cell in row:
        if cell.tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            text = " ".join(block for block, _ in _blocks(cell) if block)
            found += [text] * _repeated(cell, "columns")
    while found and not found[-1]:
        found.pop()
    return found


def _repeated(node: "Element", what: str) -> int:
    value = node.get(f"{_TABLE}number-{what}-repeated") or "1"
    return min(int(value), _MOST_REPEATED) if value.isdigit() else 1


def _around(styles: "Element | None") -> str:
    found: dict[str, None] = {}
    for part in _AROUND:
        for element in styles.iter(f"{_STYLE}{part}") if styles is not None else ():
            found.update(dict.fromkeys(text for text, _ in _blocks(element) if text))
    return "\n".join(line for line in found if not line.strip(" -–/").isdigit())


FORMAT = Format(
    name="OpenDocument",
    media_type=f"{_TYPE}text",
    extensions=(".odt", ".ods", ".odp", ".ott", ".ots", ".otp"),
    read=_read,
    aliases=frozenset(_KINDS) - {f"{_TYPE}text"},
    begins=begins_as_zip,
    always=True,
    holds=b"application/vnd.oasis.opendocument.",
    convertible=(".sxw", ".sxc", ".sxi", ".fodt"),
)
