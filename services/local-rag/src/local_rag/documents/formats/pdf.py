"""PDF through pypdf, page by page."""

import io
import logging
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from local_rag.core.errors import InvalidInput, TooLarge
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats.base import MAX_TEXT_CHARS, Format, Source, build

MAX_PAGES = 20_000
_HYPHEN = re.compile(r"(?<=[a-zà-ÿ])[-\u00ad]\n(?=[a-zà-ÿ])")
if TYPE_CHECKING:
    from pypdf import PdfReader


def _read(source: Source) -> Extracted:
    """Return one section a page.

    A page that cannot be read is left out and named in the metadata; InvalidInput when the file
    is damaged, encrypted, or has no text (scanned pages).
    """
    name = PurePosixPath(source.name).name
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader, count = _open(source.data, name)
    sections: list[Section] = []
    broken: list[int] = []
    for number, text in _pages(reader, count):
        if text is None:
            broken.append(number)
        else:
            sections.append(Section(text=_HYPHEN.sub("", text), page=number))
    if len(broken) == count:
        raise InvalidInput(f"{name} is a damaged PDF file: none of its {count} pages can be read")
    if not any(section.text.strip() for section in sections):
        raise InvalidInput(
            f"{name} has {count} pages but no text; they are probably scanned images",
            hint=f"recognise the text first: ocrmypdf {name!r} out.pdf",
        )
    title, author = _properties(reader)
    return build(
        title=title or name,
        fallback=name,
        sections=sections,
        media_type=FORMAT.media_type,
        metadata={
            "author": author,
            "pages": str(count),
            "unreadable_pages": ", ".join(map(str, broken[:50])),
        },
    )


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
        if total > MAX_TEXT_CHARS:
            raise TooLarge(f"the file holds more than {MAX_TEXT_CHARS} characters of text")
        yield index + 1, text


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
