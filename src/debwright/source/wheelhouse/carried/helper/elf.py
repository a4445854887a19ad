"""Which machine a program or library is for (System V ABI, "ELF Header")."""

from __future__ import annotations

import struct

from .machines import MACHINES

HEADER = 20
"""Bytes of a file that are needed to tell."""


def machine(head: bytes) -> tuple[int, int, int] | None:
    """Class, byte order and machine of a file that begins with `head`; None: no ELF file."""
    if len(head) < HEADER or head[:4] != b"\x7fELF":
        return None
    order = "<" if head[5] == 1 else ">"
    return head[4], head[5], struct.unpack(f"{order}H", head[18:20])[0]


def wrong_machine(head: bytes, arch: str) -> str | None:
    """Why a file that begins with `head` cannot be used on `arch`, or None."""
    found = machine(head)
    if found is None or arch not in MACHINES or found == MACHINES[arch]:
        return None
    names = {value: name for name, value in MACHINES.items()}
    bits = 64 if found[0] == 2 else 32
    return f"it is a {bits}-bit ELF file for {names.get(found, f'machine {found[2]}')}, not {arch}"
