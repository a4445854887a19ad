"""Debian architecture to ELF class, byte order and machine.

Only debwright itself reads this file. What a source package carries in its place is the table that
`carried_text` makes, since the helper has no debwright where it runs.
"""

from __future__ import annotations

import pprint

from debwright.model.arch import ARCHITECTURES

MACHINES = {row.name: row.elf.header for row in ARCHITECTURES.values()}


def carried_text() -> str:
    """This module as it goes into a source package."""
    about = '"""Debian architecture to ELF class, byte order and machine (elf.h)."""'
    return f"{about}\n\nMACHINES = {pprint.pformat(MACHINES)}\n"
