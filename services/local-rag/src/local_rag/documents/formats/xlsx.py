"""XLSX: an Office Open XML spreadsheet, through openpyxl, row by row."""

import io
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats._package import begins_as_zip, opened, properties
from local_rag.documents.formats._table import lines
from local_rag.documents.formats.base import Format, Source, build

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_MAX_COLUMNS = 1_000


def _read(source: Source) -> Extracted:
    """Return a section a sheet: rows with the names of their columns, formulas as last computed.

    Raises InvalidInput when it is none, TooLarge for too many cells.
    """
    name = PurePosixPath(source.name).name
    # Looked at before openpyxl unpacks it: so much of it, and whether it is one at all.
    with opened(source.data, name, "an XLSX") as package:
        package.require("xl/workbook.xml")
        title, author = properties(package)
    sections = _sheets(source.data, name)
    return build(
        title=title or name,
        fallback=name,
        sections=sections,
        media_type=FORMAT.media_type,
        metadata={"author": author, "sheets": ", ".join(str(s.heading) for s in sections)},
    )


def _sheets(data: bytes, name: str) -> list[Section]:
    import warnings

    from openpyxl import load_workbook

    # What it does not know (data validation, pictures) it says in warnings.
    warnings.simplefilter("ignore")
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sections = []
        for sheet in book.worksheets:
            # What a sheet says of its own size is often wrong, and decides how it is read.
            sheet.reset_dimensions()
            text = "\n".join(lines(_rows(sheet), name))
            sections.append(Section(text=text, heading=sheet.title))
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError) as error:
        # SyntaxError: the ParseError of its XML.
        raise InvalidInput(f"{name} is a damaged XLSX file: {error}") from None
    return sections


def _rows(sheet: "ReadOnlyWorksheet") -> Iterator[list[str]]:
    for row in sheet.iter_rows(values_only=True):
        yield [_shown(value) for value in row[:_MAX_COLUMNS]]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        # As many digits as a sheet shows at most; 0.1 + 0.2 is not 0.30000000000000004 there.
        return f"{value:.10g}" if abs(value) < 1e15 else repr(value)
    return str(value)


FORMAT = Format(
    name="XLSX",
    media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    extensions=(".xlsx", ".xlsm"),
    read=_read,
    begins=begins_as_zip,
    always=True,
    holds=b"xl/workbook.xml",
    convertible=(".xls", ".xlsb"),
)
