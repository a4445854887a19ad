"""Rows of a table as lines that make sense alone.

A table is cut into many chunks, and a row without its header says nothing: so each line names its
columns, as far as the table has a header.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from local_rag.core.errors import TooLarge

MAX_CELLS = 2_000_000
_LOOKED_AT = 20
_LETTER = re.compile(r"[^\W\d_]")
# What stands below a header rather than in one: numbers, dates, times, yes and no.
_VALUE = re.compile(r"[\d\s.,:/+%€$£-]+(?:[a-zA-Z]{1,2})?|true|false|yes|no", re.IGNORECASE)


def lines(rows: Iterable[Sequence[str]], name: str) -> Iterator[str]:
    """Yield a line for each row that is not empty: `Name: Ann; Age: 34`, or its cells by tabs.

    Raises TooLarge for more than two million cells.
    """
    pending = _filled(rows, name)
    first = list(islice(pending, _LOOKED_AT))
    place = _header(first)
    header = first[place] if place is not None else []
    for number, row in enumerate(chain(first, pending)):
        if place is None or number < place:
            yield "\t".join(cell for cell in row if cell) if _single(row) else "\t".join(row)
        elif number == place:
            yield "; ".join(cell for cell in row if cell)
        else:
            yield "; ".join(
                f"{title}: {cell}" if title and title != cell else cell
                for title, cell in _pairs(header, row)
                if cell
            )


def _pairs(header: Sequence[str], row: Sequence[str]) -> Iterator[tuple[str, str]]:
    for column, cell in enumerate(row):
        yield (header[column] if column < len(header) else ""), cell


def _filled(rows: Iterable[Sequence[str]], name: str) -> Iterator[list[str]]:
    count = 0
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        count += len(cells)
        if count > MAX_CELLS:
            raise TooLarge(
                f"{name} holds a table of more than {MAX_CELLS} cells",
                hint="save the part that is wanted as a file of its own",
            )
        if cells:
            yield cells


def _single(row: Sequence[str]) -> bool:
    return sum(1 for cell in row if cell) == 1


def _header(rows: Sequence[Sequence[str]]) -> int | None:
    """Return which row names the columns: the first wide one, if all of it is words."""
    if len(rows) < 2:
        return None
    widest = max(sum(1 for cell in row if cell) for row in rows)
    if widest < 2:
        return None
    for place, row in enumerate(rows[:-1]):
        filled = [cell for cell in row if cell]
        if len(filled) * 2 <= widest:
            continue  # a title above the table
        named = all(_LETTER.search(cell) and not _VALUE.fullmatch(cell) for cell in filled)
        short = all(len(cell) <= 80 for cell in filled)
        return place if named and short and len(set(filled)) == len(filled) else None
    return None
