"""DOCX: an Office Open XML text document (ECMA-376 part 1, WordprocessingML)."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from local_rag.core.errors import InvalidInput, TooLarge
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats.base import Format, Source, build

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_P, _TABLE = f"{_W}p", f"{_W}tbl"
_MARKS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n"}
# Properties, where a tab is the place of one, and the second form of a text box for old programs.
_PASSED_OVER = frozenset(
    (
        f"{_W}pPr",
        f"{_W}tblPr",
        "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    )
)
MAX_PART = 64_000_000
MAX_MEMBERS = 10_000


def _read(source: Source) -> Extracted:
    """Return paragraphs and tables of a DOCX file by heading.

    Raises InvalidInput when it is no DOCX file, TooLarge when a part unpacks to over 64 MB.
    """
    name = PurePosixPath(source.name).name
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            if len(archive.infolist()) > MAX_MEMBERS:
                raise TooLarge(f"{name} has more than {MAX_MEMBERS} parts")
            root = _part(archive, "word/document.xml", name)
            core = _part(archive, "docProps/core.xml", name, required=False)
    # NotImplementedError is zipfile's for a kind of compression that it does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise InvalidInput(f"{name} is a damaged DOCX file: {error}") from None
    except RuntimeError:
        raise InvalidInput(f"{name} is encrypted", hint="save it without a password") from None
    title, author = _properties(core)
    sections = list(_sections(root))
    first = next((s.heading for s in sections if s.heading), "") or ""
    return build(
        title=title or first.partition(" > ")[0] or name,
        fallback=name,
        sections=sections,
        media_type=FORMAT.media_type,
        metadata={"author": author},
    )


def _part(
    archive: zipfile.ZipFile, part: str, name: str, *, required: bool = True
) -> "Element | None":
    try:
        info = archive.getinfo(part)
    except KeyError:
        if required:
            raise InvalidInput(
                f"{name} is a zip archive but not a DOCX file (it has no {part})"
            ) from None
        return None
    # The size in the header may lie, so what is read is limited as well.
    with archive.open(info) as stream:
        data = stream.read(MAX_PART + 1)
    if info.file_size > MAX_PART or len(data) > MAX_PART:
        raise TooLarge(f"{name}: {part} unpacks to more than {MAX_PART // 1_000_000} MB")
    # Imported here, where a file is parsed; see Format.
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        element: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise InvalidInput(f"{name}: {part} is not valid XML: {error}") from None
    return element


def _properties(core: "Element | None") -> tuple[str, str]:
    if core is None:
        return "", ""
    return (core.findtext(f"{_DC}title") or "").strip(), (
        core.findtext(f"{_DC}creator") or ""
    ).strip()


def _sections(root: "Element | None") -> Iterator[Section]:
    body = root.find(f"{_W}body") if root is not None else None
    if body is None:
        return
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    for text, level in _paragraphs(body):
        if level:
            yield _section(lines, path)
            lines = []
            while path and path[-1][0] >= level:
                path.pop()
            path.append((level, text))
        lines.append(text)
    yield _section(lines, path)


def _section(lines: list[str], path: list[tuple[int, str]]) -> Section:
    return Section(text="\n".join(lines), heading=" > ".join(n for _, n in path) or None)


def _paragraphs(body: "Element") -> Iterator[tuple[str, int]]:
    for block in _walk(body, _P, _TABLE):
        if block.tag == _P:
            yield _text(block), _level(block)
            continue
        for row in _walk(block, f"{_W}tr"):
            # What is in a table within a cell belongs to that cell.
            cells = (" ".join(map(_text, _walk(cell, _P))) for cell in _walk(row, f"{_W}tc"))
            yield "\t".join(cells), 0


def _walk(root: "Element", *wanted: str) -> "Iterator[Element]":
    """Yield the wanted elements below one, in order; nothing is looked for below those.

    So each is seen once, however deep tables are nested, and in time that goes with their number.
    """
    pending = [*reversed(root)]
    while pending:
        node = pending.pop()
        if node.tag in wanted:
            yield node
        elif node.tag not in _PASSED_OVER:
            pending.extend(reversed(node))


def _text(paragraph: "Element") -> str:
    parts: list[str] = []
    for node in _walk(paragraph, *_MARKS, f"{_W}t"):
        parts.append(_MARKS.get(str(node.tag)) or node.text or "")
    return "".join(parts).strip()


def _level(paragraph: "Element") -> int:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    value = (style.get(f"{_W}val") or "") if style is not None else ""
    if value.lower() == "title":
        return 1
    if value.lower().startswith("heading") and value[7:].strip().isdigit():
        return min(max(int(value[7:].strip()), 1), 9) if _text(paragraph) else 0
    return 0


FORMAT = Format(
    name="DOCX",
    media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    extensions=(".docx",),
    read=_read,
    begins=lambda head: head.startswith(b"PK\x03\x04"),
    always=True,
    mistaken={
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": (
            "in the old binary Office format",
            "convert it first: soffice --convert-to docx {name}",
        )
    },
)
