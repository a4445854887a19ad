"""DOCX: an Office Open XML text document (ECMA-376 part 1, WordprocessingML)."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats._package import Package, begins_as_zip, opened, properties
from local_rag.documents.formats.base import Format, Source, build

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_P, _TABLE = f"{_W}p", f"{_W}tbl"
_MARKS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
# Properties, where a tab is the place of one; the second form of a text box for old programs; what
# was deleted, and where moved text stood before.
_PASSED_OVER = frozenset(
    (
        f"{_W}pPr",
        f"{_W}tblPr",
        f"{_W}del",
        f"{_W}moveFrom",
        "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    )
)
# What a paragraph refers to: where it is, what holds it, and what it is called.
_NOTES = (
    ("footnotes", "footnote", "Footnote"),
    ("endnotes", "endnote", "Endnote"),
    ("comments", "comment", "Comment"),
)
_BODY_TEXT = 9
_LONGEST_CHAIN = 20


def _read(source: Source) -> Extracted:
    """Return paragraphs and tables of a DOCX file by heading, notes below what they belong to.

    Raises InvalidInput when it is no DOCX file, TooLarge when a part unpacks to over 64 MB.
    """
    name = PurePosixPath(source.name).name
    with opened(source.data, name, "a DOCX") as package:
        root = package.require(package.main("word/document.xml"))
        if root.tag.startswith("{" + _STRICT):
            raise InvalidInput(
                f"{name} is a strict Open XML document",
                hint="save it as DOCX, not as Strict Open XML",
            )
        reader = _Reader(_levels(package.xml("word/styles.xml")), _notes(package))
        sections = list(reader.sections(root))
        around = _around(package)
        title, author = properties(package)
    first = next((s.heading for s in sections if s.heading), "") or ""
    if around:
        sections.append(Section(text=around, heading="Header and footer"))
    return build(
        title=title or first.partition(" > ")[0] or name,
        fallback=name,
        sections=sections,
        media_type=FORMAT.media_type,
        metadata={"author": author},
    )


def _levels(styles: "Element | None") -> dict[str, int]:
    """Return the level of the headings' styles.

    Their numbers are translated ("berschrift1"); their names and outline levels are not.
    """
    own: dict[str, int] = {}
    parents: dict[str, str] = {}
    for style in styles.iter(f"{_W}style") if styles is not None else ():
        number = style.get(f"{_W}styleId") or ""
        level = _outline(style) or _named(_value(style, "name"))
        if level:
            own[number] = level
        parents[number] = _value(style, "basedOn")
    found: dict[str, int] = {}
    for number in parents:
        at = number
        for _ in range(_LONGEST_CHAIN):
            if at in own or not at:
                break
            at = parents.get(at, "")
        found[number] = own.get(at, 0)
    return found


def _outline(holder: "Element") -> int:
    value = holder.find(f"{_W}pPr/{_W}outlineLvl")
    digits = (value.get(f"{_W}val") or "") if value is not None else ""
    # Counted from 0; 9 is body text.
    return int(digits) + 1 if digits.isdigit() and int(digits) < _BODY_TEXT else 0


def _named(name: str) -> int:
    name = name.lower().replace(" ", "")
    if name == "title":
        return 1
    digits = name.removeprefix("heading")
    return min(max(int(digits), 1), 9) if digits != name and digits.isdigit() else 0


def _value(holder: "Element", child: str) -> str:
    element = holder.find(f"{_W}{child}")
    return (element.get(f"{_W}val") or "") if element is not None else ""


def _notes(package: Package) -> dict[tuple[str, str], str]:
    """Return the notes and comments as lines, by kind and number."""
    found: dict[tuple[str, str], str] = {}
    for part, kind, word in _NOTES:
        root = package.xml(f"word/{part}.xml")
        for note in root.iter(f"{_W}{kind}") if root is not None else ():
            # Those with a type are the lines above the notes.
            text = " ".join(filter(None, map(_text, _walk(note, _P))))
            if text and note.get(f"{_W}type") is None:
                number = note.get(f"{_W}id") or ""
                said_by = note.get(f"{_W}author")
                label = f"{word} by {said_by}" if said_by else f"{word} {number}"
                found[kind, number] = f"{label}: {text}"
    return found


def _around(package: Package) -> str:
    """Return what stands above and below all pages, each line once."""
    lines: dict[str, None] = {}
    for part in sorted(package.names()):
        if part.startswith(("word/header", "word/footer")) and part.endswith(".xml"):
            root = package.xml(part)
            if root is not None:
                lines.update(dict.fromkeys(filter(None, map(_text, _walk(root, _P)))))
    # Numbers of pages as they were when it was saved.
    return "\n".join(line for line in lines if not line.strip(" -–/").isdigit())


class _Reader:
    def __init__(self, levels: Mapping[str, int], notes: Mapping[tuple[str, str], str]) -> None:
        self._levels = levels
        self._notes = notes

    def sections(self, root: "Element") -> Iterator[Section]:
        """Yield the text by heading."""
        body = root.find(f"{_W}body")
        if body is None:
            return
        path: list[tuple[int, str]] = []
        lines: list[str] = []
        for text, level in self._paragraphs(body):
            if level:
                yield _section(lines, path)
                lines = []
                while path and path[-1][0] >= level:
                    path.pop()
                path.append((level, " ".join(text.split())))
            lines.append(text)
        yield _section(lines, path)

    def _paragraphs(self, body: "Element") -> Iterator[tuple[str, int]]:
        for block in _walk(body, _P, _TABLE):
            if block.tag == _P:
                text = _text(block)
                yield text, self._level(block) if text else 0
            else:
                for row in _walk(block, f"{_W}tr"):
                    # What is in a table within a cell belongs to that cell.
                    cells = (" ".join(map(_text, _walk(c, _P))) for c in _walk(row, f"{_W}tc"))
                    yield "\t".join(cells), 0
            for line in self._referred(block):
                yield line, 0

    def _referred(self, block: "Element") -> Iterator[str]:
        kinds = {f"{_W}{kind}Reference": kind for _, kind, _ in _NOTES}
        for mark in _walk(block, *kinds):
            line = self._notes.get((kinds[str(mark.tag)], mark.get(f"{_W}id") or ""))
            if line:
                yield line

    def _level(self, paragraph: "Element") -> int:
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        number = (style.get(f"{_W}val") or "") if style is not None else ""
        return _outline(paragraph) or self._levels.get(number, _named(number))


def _section(lines: list[str], path: list[tuple[int, str]]) -> Section:
    return Section(text="\n".join(lines), heading=" > ".join(n for _, n in path) or None)


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


FORMAT = Format(
    name="DOCX",
    media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    extensions=(".docx", ".docm", ".dotx"),
    read=_read,
    begins=begins_as_zip,
    always=True,
    holds=b"word/document.xml",
    convertible=(".doc", ".dot", ".wps", ".wpd", ".pages"),
    mistaken={
        b"PK\x03\x04": ("a zip archive", "unpack it first: unzip {name}"),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": (
            "in the old binary Office format",
            "convert it first: soffice --convert-to docx {name}",
        ),
    },
)
