"""Tables as text, one row a line: CSV (RFC 4180) and what is like it."""

import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats._table import lines
from local_rag.documents.formats.base import Format, Source, build
from local_rag.text.normalise import decode

_SAMPLE = 20_000
_DELIMITERS = ",;\t|"
_LONGEST_FIELD = 1_000_000


def _read(source: Source) -> Extracted:
    """Return the rows, each with the names of its columns. Raises InvalidInput, TooLarge."""
    name = PurePosixPath(source.name).name
    text = decode(source.data, declared=source.charset)
    try:
        # clean() has made all line ends one; quoted ones stay within their cell.
        body = "\n".join(lines(_rows(text), name))
    except csv.Error as error:
        raise InvalidInput(f"{name} is not a table as text: {error}") from None
    return build(
        title=name, fallback=name, sections=[Section(text=body)], media_type=FORMAT.media_type
    )


def _rows(text: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_FIELD)
    return csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=False)


def _delimiter(text: str) -> str:
    """Return the mark that parts most rows into the same number of cells.

    csv.Sniffer takes letters for marks, and long for long rows.
    """
    sample = text[:_SAMPLE]
    rows = sample.split("\n")
    if len(text) > _SAMPLE and len(rows) > 1:
        rows.pop()
    rows = [row for row in rows if row.strip()][:50]

    def fitness(mark: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(rows, delimiter=mark)]
        usual = max(set(counts), key=counts.count, default=1)
        return (counts.count(usual) if usual > 1 else 0, usual)

    return max(_DELIMITERS, key=fitness)


FORMAT = Format(
    name="CSV",
    media_type="text/csv",
    extensions=(".csv", ".tsv", ".tab"),
    read=_read,
    aliases=frozenset({"text/tab-separated-values", "application/csv"}),
    parsed=False,
)
