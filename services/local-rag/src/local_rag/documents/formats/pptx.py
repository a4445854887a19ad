"""PPTX: an Office Open XML presentation (ECMA-376 part 1, PresentationML), slide by slide."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from local_rag.core.types import Extracted, Section
from local_rag.documents.formats._package import Package, begins_as_zip, opened, properties
from local_rag.documents.formats.base import Format, Source, build

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TITLES = ("title", "ctrTitle")
# The number, date and foot that stand on every slide.
_AROUND = ("sldNum", "dt", "ftr", "hdr")


def _read(source: Source) -> Extracted:
    """Return one section a slide, its notes and comments with it; the page is its number.

    Raises InvalidInput when it is none, TooLarge for a part over 64 MB.
    """
    name = PurePosixPath(source.name).name
    with opened(source.data, name, "a PPTX") as package:
        slides = list(_slides(package))
        title, author = properties(package)
        sections = [_slide(package, part, page) for page, part in enumerate(slides, start=1)]
    first = next((section.heading for section in sections if section.heading), "")
    generic = title.strip().lower() in ("", "powerpoint presentation", "powerpoint-präsentation")
    return build(
        title=(first if generic else title) or name,
        fallback=name,
        sections=sections,
        media_type=FORMAT.media_type,
        metadata={"author": author, "slides": str(len(slides))},
    )


def _slides(package: Package) -> Iterator[str]:
    main = package.main("ppt/presentation.xml")
    root, relations = package.require(main), package.relations(main)
    for element in root.iter(f"{_P}sldId"):
        _, part = relations.get(element.get(f"{_R}id") or "", ("", ""))
        if part:
            yield part


def _slide(package: Package, part: str, page: int) -> Section:
    root = package.xml(part)
    heading: list[str] = []
    lines: list[str] = []
    for shape, text in _shapes(root) if root is not None else ():
        if shape in _TITLES:
            heading.append(" ".join(text.split()))
        elif shape not in _AROUND:
            lines.append(text)
    for kind, target in package.relations(part).values():
        lines += _attached(package, kind, target)
    title = " ".join(filter(None, heading)) or None
    return Section(text="\n".join(filter(None, [title, *lines])), page=page, heading=title)


def _attached(package: Package, kind: str, part: str) -> Iterator[str]:
    if kind not in ("notesSlide", "comments", "diagramData", "chart"):
        return
    root = package.xml(part)
    if root is None:
        return
    if kind == "notesSlide":
        notes = "\n".join(text for shape, text in _shapes(root) if shape == "body")
        if notes.strip():
            yield f"Notes: {notes}"
    elif kind == "comments":
        # <p:text> of old comments, <a:t> of those with answers.
        for element in root.iter():
            if element.tag in (f"{_P}text", f"{_A}t") and element.text:
                yield f"Comment: {element.text}"
    elif kind == "chart":
        yield from map(_series, root.iter(f"{_C}ser"))
    else:
        said = (p for p in map(_paragraph, root.iter(f"{_A}p")) if p.strip())
        yield from dict.fromkeys(said)


def _series(series: "Element") -> str:
    """Return a row of numbers of a chart: `Visitors: 2024 100, 2025 140`."""
    name, points, values = (
        [value.text or "" for value in series.findall(f"{_C}{part}//{_C}v")]
        for part in ("tx", "cat", "val")
    )
    pairs = zip_longest(points, values, fillvalue="")
    return f"{' '.join(name)}: " + ", ".join(" ".join(filter(None, pair)) for pair in pairs)


def _shapes(root: "Element") -> Iterator[tuple[str, str]]:
    """Yield (kind of placeholder, text) of each shape and table, groups opened."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.tag == f"{_P}sp":
            placeholder = node.find(f".//{_P}nvPr/{_P}ph")
            kind = "" if placeholder is None else placeholder.get("type") or "body"
            yield kind, "\n".join(p for p in map(_paragraph, node.iter(f"{_A}p")) if p.strip())
        elif node.tag == f"{_A}tbl":
            yield "", "\n".join(_row(row) for row in node.iter(f"{_A}tr"))
        elif node.tag != _FALLBACK:
            pending.extend(reversed(node))


def _row(row: "Element") -> str:
    return "\t".join(
        " ".join(filter(None, map(_paragraph, cell.iter(f"{_A}p")))) for cell in row.iter(f"{_A}tc")
    )


def _paragraph(paragraph: "Element") -> str:
    parts = []
    for node in paragraph.iter():
        if node.tag == f"{_A}t":
            parts.append(node.text or "")
        elif node.tag == f"{_A}br":
            parts.append("\n")
    return "".join(parts)


FORMAT = Format(
    name="PPTX",
    media_type="application/vnd.openxmlformats-officedocument.presentationml.presentation",
    extensions=(".pptx", ".pptm", ".ppsx"),
    read=_read,
    begins=begins_as_zip,
    always=True,
    holds=b"ppt/presentation.xml",
    convertible=(".ppt", ".pps"),
)
