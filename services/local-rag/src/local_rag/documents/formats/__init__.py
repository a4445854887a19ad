"""From a file's bytes to titled sections of text."""

from collections.abc import Callable

from local_rag.core.types import Extracted
from local_rag.documents.formats.base import DOCX, HTML, MARKDOWN, PDF, TEXT, Source, detect

__all__ = ["Source", "detect", "extract"]


def extract(source: Source) -> Extracted:
    """Return the text of a file of any known kind, in this process.

    Files of others are better given to `isolated.Extraction`, which limits time and memory.
    Raises InvalidInput and TooLarge.
    """
    return _extractor(detect(source))(source)


def _extractor(media_type: str) -> Callable[[Source], Extracted]:
    # Imported when needed: a PDF library has no business in a process that reads no PDF.
    if media_type == PDF:
        from local_rag.documents.formats.pdf import extract_pdf

        return extract_pdf
    if media_type == DOCX:
        from local_rag.documents.formats.docx import extract_docx

        return extract_docx
    if media_type == HTML:
        from local_rag.documents.formats.html import extract_html

        return extract_html
    if media_type == MARKDOWN:
        from local_rag.documents.formats.markdown import extract_markdown

        return extract_markdown
    assert media_type == TEXT  # noqa: S101 - detect() returns nothing else
    from local_rag.documents.formats.plain import extract_plain

    return extract_plain
