"""EPUB: a book, as a zip archive of web pages (EPUB 3.3)."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from local_rag.core.errors import InvalidInput, TooLarge
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats import html
from local_rag.documents.formats._package import (
    Package,
    begins_as_zip,
    dublin_core,
    opened,
    resolve,
)
from local_rag.documents.formats.base import MAX_TEXT_CHARS, Format, Source, build

_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_OPF = "{http://www.idpf.org/2007/opf}"
_ENCRYPTED = "{http://www.w3.org/2001/04/xmlenc#}EncryptionMethod"
# Fonts are made unreadable for programs that are no readers; the text is not.
_OF_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")
# XML closes an empty element at once; an HTML reader would look for its end.
_EMPTY = re.compile(rb"<(title|script|style|a|i|b|span|div)(\s[^<>]*)?/>", re.IGNORECASE)
_MAX_CHAPTERS = 5_000


def _read(source: Source) -> Extracted:
    """Return the chapters in their order, by heading.

    Raises InvalidInput for what is none or is protected, TooLarge for too much text.
    """
    name = PurePosixPath(source.name).name
    with opened(source.data, name, "an EPUB") as package:
        _refuse_protected(package, name)
        container = package.require("META-INF/container.xml")
        file = next((e.get("full-path") for e in container.iter(_CONTAINER)), None) or ""
        book = package.require(file)
        title, author = dublin_core(book)
        language = book.findtext(".//{http://purl.org/dc/elements/1.1/}language") or ""
        sections: list[Section] = []
        total = 0
        for part in _spine(package, file):
            found = _chapter(package, part)
            total += sum(len(section.text) for section in found)
            if total > MAX_TEXT_CHARS:
                raise TooLarge(f"{name} holds more than {MAX_TEXT_CHARS} characters of text")
            sections += found
    return build(
        title=title or name,
        fallback=name,
        sections=sections,
        media_type=FORMAT.media_type,
        metadata={"author": author, "language": language},
    )


def _refuse_protected(package: Package, name: str) -> None:
    root = package.xml("META-INF/encryption.xml")
    for method in root.iter(_ENCRYPTED) if root is not None else ():
        if method.get("Algorithm") not in _OF_FONTS:
            raise InvalidInput(
                f"{name} is protected against copying (DRM)",
                hint="only books without protection can be read",
            )


def _spine(package: Package, file: str) -> Iterator[str]:
    book = package.require(file)
    folder = PurePosixPath(file).parent
    parts = {
        item.get("id"): resolve(folder, item.get("href") or "")
        for item in book.iter(f"{_OPF}item")
        # The table of contents says nothing that the chapters do not.
        if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
    }
    order = (item.get("idref") for item in book.iter(f"{_OPF}itemref"))
    for number, part in enumerate(dict.fromkeys(parts[i] for i in order if i in parts)):
        if number >= _MAX_CHAPTERS:
            raise TooLarge(f"a book of more than {_MAX_CHAPTERS} chapters is not read")
        yield part


def _chapter(package: Package, part: str) -> list[Section]:
    data = package.bytes(part)
    if not data or not data.strip():
        return []
    page = _EMPTY.sub(rb"<\1\2></\1>", data)
    try:
        return list(html.FORMAT.read(Source(data=page, name=part)).sections)
    except TooLarge:
        raise
    except InvalidInput:
        return []  # a cover: a picture without a word


FORMAT = Format(
    name="EPUB",
    media_type="application/epub+zip",
    extensions=(".epub",),
    read=_read,
    begins=begins_as_zip,
    always=True,
    holds=b"META-INF/container.xml",
)
