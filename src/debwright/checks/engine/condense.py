"""Lines that a service repeats, told once."""

import re
from collections.abc import Iterable
from itertools import groupby

_NUMBERS = re.compile(r"\d+")


def condensed(lines: Iterable[str]) -> list[str]:
    """The lines, with runs of those that differ in numbers alone cut to the last and a count."""
    told: list[str] = []
    for _, run in groupby(lines, key=lambda line: _NUMBERS.sub("0", line)):
        alike = list(run)
        if len(alike) > 2:
            told.append(f"({len(alike) - 1} lines like the next)")
            alike = alike[-1:]
        told += alike
    return told
