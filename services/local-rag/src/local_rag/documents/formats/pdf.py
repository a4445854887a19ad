"""PDF, page by page: through poppler's pdftotext where it is installed, else through pypdf.

pdftotext puts columns into reading order, which pypdf does not: it gives the text as it was drawn.
Pages that are pictures are recognised by tesseract where that is installed, too.
"""

import io
import logging
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePosixPath
from statistics import median
from typing import TYPE_CHECKING

from local_rag.core.errors import InvalidInput, LeftOut, RagError, TooLarge
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats import _programs as programs
from local_rag.documents.formats.base import MAX_TEXT_CHARS, Format, Source, build

MAX_PAGES = 20_000
MAX_SCANNED = 2_000
_DPI = 300
_HYPHEN = re.compile(r"(?<=[a-zà-ÿ])[-\u00ad]\n(?=[a-zà-ÿ])")
# A line as long as most ends where the column does, not where a sentence or an item of a list does.
_FULL = 0.75
_ITEM = re.compile(r"\s*(?:[-•*–▪◦‣]|\(?\w{1,3}[.)])\s")
_INSTALL = "sudo apt install tesseract-ocr poppler-utils, then import again"
if TYPE_CHECKING:
    from pypdf import PdfReader


def _read(source: Source) -> Extracted:
    """Return one section a page.

    A page that cannot be read is left out and named in the metadata. Raises InvalidInput when the
    file is damaged or encrypted, LeftOut when it has no text and nothing is here to recognise it.
    """
    name = PurePosixPath(source.name).name
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader, count = _open(source.data, name)
    pages = _texts(source.data, reader, count, name)
    broken = [number for number, text in pages.items() if text is None]
    scanned = [number for number, text in pages.items() if text is not None and not text.strip()]
    recognised = _recognise(source, scanned, name)
    if len(broken) == count:
        raise InvalidInput(f"{name} is a damaged PDF file: none of its {count} pages can be read")
    if len(scanned) == count and not any(text.strip() for text in recognised.values()):
        _refuse_scanned(name, count)
    title, author = _properties(reader)
    pages |= recognised
    return build(
        title=title or name,
        fallback=name,
        sections=[Section(text=flow(text), page=number) for number, text in pages.items() if text],
        media_type=FORMAT.media_type,
        metadata={
            "author": author,
            "pages": str(count),
            "unreadable_pages": ", ".join(map(str, broken[:50])),
            "recognised_pages": ", ".join(map(str, list(recognised)[:50])),
        },
    )


def _refuse_scanned(name: str, count: int) -> None:
    many = "1 page" if count == 1 else f"{count} pages"
    if _can_recognise():
        raise LeftOut(f"{name} has {many}, on which no text was found or recognised")
    raise LeftOut(
        f"{name} has {many} but no text; they are probably scanned images",
        hint=f"recognise the text: {_INSTALL}; or: ocrmypdf {name!r} out.pdf",
    )


def _texts(data: bytes, reader: "PdfReader", count: int, name: str) -> dict[int, str | None]:
    """Return the text of each page, None for one that cannot be read."""
    if programs.have("pdftotext"):
        found = programs.pdf_text(data, name)
        # Another number of pages: they do not agree about what the file is.
        if found is not None and len(found) == count:
            _refuse_too_much(sum(map(len, found)))
            return dict(enumerate(found, start=1))
    return dict(_pages(reader, count))


def _can_recognise() -> bool:
    return programs.have("tesseract") and programs.have("pdftoppm")


def _recognise(source: Source, pages: list[int], name: str) -> dict[int, str]:
    """Return what is written on pages that are pictures; pages without a picture cost nothing."""
    if not pages or not _can_recognise():
        return {}
    if len(pages) > MAX_SCANNED:
        raise TooLarge(
            f"{name} has {len(pages)} scanned pages; at most {MAX_SCANNED} are recognised here",
            hint=f"recognise them first: ocrmypdf {name!r} out.pdf",
        )
    found: dict[int, str] = {}
    for _, run in groupby(enumerate(pages), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        pictures = programs.pdf_pictures(source.data, numbers[0], numbers[-1], _DPI)
        for number, picture in zip(numbers, pictures, strict=False):
            if len(set(picture[20:])) > 1:  # not a blank page
                try:
                    found[number] = programs.recognise(picture, name, source.languages)
                except RagError:
                    if not found:  # the first one: it is not this page that is at fault
                        raise
            source.alive(pages.index(number) + 1, len(pages))
    return {number: text for number, text in found.items() if text.strip()}


def flow(text: str) -> str:
    """Return the text of a page with the lines of a paragraph joined.

    In a PDF a line ends where the column does. Sentences are looked for, quoted and cited, so they
    have to be whole; lists, tables and verse, whose lines are short, stay in lines.
    """
    lines = _HYPHEN.sub("", text).split("\n")
    lengths = [len(line.strip()) for line in lines if len(line.strip()) > 20]
    full = _FULL * median(lengths) if lengths else 0
    out: list[str] = []
    before = ""
    for line in lines:
        joins = (
            before.strip()
            and line.strip()
            and len(before.strip()) >= full
            and "   " not in before.strip()
            and not _ITEM.match(line)
        )
        if joins:
            out[-1] = f"{out[-1].rstrip()} {line.strip()}"
        else:
            out.append(line)
        before = line
    return "\n".join(out)


def _damage() -> tuple[type[Exception], ...]:
    """Return what a damaged file makes pypdf raise."""
    from pypdf.errors import PyPdfError

    return (
        PyPdfError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        ArithmeticError,
        AssertionError,
        NotImplementedError,  # for a filter that it does not have
        RecursionError,
        EOFError,
    )


def _open(data: bytes, name: str) -> "tuple[PdfReader, int]":
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise InvalidInput(
                f"{name} is protected with a password",
                hint=f"remove it first: qpdf --decrypt --password=... {name!r} out.pdf",
            )
        count = len(reader.pages)
    except _damage() as error:
        raise InvalidInput(f"{name} is a damaged PDF file: {error}") from None
    except ImportError:
        raise InvalidInput(
            f"{name} is encrypted in a way that needs a cryptography library",
            hint=f"decrypt it first: qpdf --decrypt {name!r} out.pdf",
        ) from None
    if count > MAX_PAGES:
        raise TooLarge(f"{name} has {count} pages; at most {MAX_PAGES} are read")
    if count == 0:
        raise InvalidInput(f"{name} is a PDF file without pages")
    return reader, count


def _pages(reader: "PdfReader", count: int) -> Iterator[tuple[int, str | None]]:
    total = 0
    for index in range(count):
        try:
            text = reader.pages[index].extract_text()
        except _damage():
            yield index + 1, None
            continue
        total += len(text)
        _refuse_too_much(total)
        yield index + 1, text


def _refuse_too_much(chars: int) -> None:
    if chars > MAX_TEXT_CHARS:
        raise TooLarge(f"the file holds more than {MAX_TEXT_CHARS} characters of text")


def _properties(reader: "PdfReader") -> tuple[str, str]:
    try:
        info = reader.metadata
        return (str(info.title or "").strip(), str(info.author or "").strip()) if info else ("", "")
    except _damage():
        return "", ""


FORMAT = Format(
    name="PDF",
    media_type="application/pdf",
    extensions=(".pdf",),
    read=_read,
    begins=lambda head: b"%PDF-" in head,
    always=True,
)
