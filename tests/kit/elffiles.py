"""Makes small ELF files with the headers a loader reads, so that no compiler is needed."""

import struct
from dataclasses import dataclass

_PHDR, _DYN = struct.Struct("<IIQQQQQQ"), struct.Struct("<qQ")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A little-endian 64-bit ELF file; the defaults are a hardened amd64 program."""

    kind: int = 3
    machine: int = 62
    interpreter: bool = True
    stack_flags: int | None = 6
    relro: bool = True
    now: bool = True
    names: tuple[bytes, ...] = (b"libc.so.6", b"__stack_chk_fail")
    runpath: bytes | None = None
    note: bytes | None = None
    """The owner of a note, as `Go`."""
    text: bytes = b""
    """What stands after everything else, as a program's constants."""

    def build(self) -> bytes:
        strings = b"\0" + b"\0".join(self.names) + b"\0"
        path_at = len(strings)
        strings += (self.runpath or b"") + b"\0"
        count = 2 + self.interpreter + (self.stack_flags is not None) + self.relro
        count += self.note is not None
        dynamic_at = 64 + 56 * count
        tags = [(5, 0), (10, len(strings)), (30, 8 if self.now else 0)]
        tags += [(29, path_at)] if self.runpath is not None else []
        size = 16 * (len(tags) + 1)
        strings_at = dynamic_at + size
        tags[0] = (5, strings_at)
        end = strings_at + len(strings)
        headers = [
            (1, 5, 0, 0, 0, end, end, 4096),
            (2, 6, dynamic_at, dynamic_at, 0, size, size, 8),
        ]
        headers += [(3, 4, 0, 0, 0, 1, 1, 1)] if self.interpreter else []
        if self.stack_flags is not None:
            headers.append((0x6474E551, self.stack_flags, 0, 0, 0, 0, 0, 16))
        headers += [(0x6474E552, 4, 0, 0, 0, 1, 1, 1)] if self.relro else []
        noted = b""
        if self.note is not None:
            owner = self.note + b"\0"
            noted = struct.pack("<III", len(owner), 4, 4) + owner.ljust(
                -(-len(owner) // 4) * 4, b"\0"
            )
            noted += b"id\0\0"
            headers.append((4, 4, end, 0, 0, len(noted), len(noted), 4))
        head = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
        head += struct.pack("<HHIQQQIHHHHHH", self.kind, self.machine, 1, 0, 64, 0, 0, 64, 56,
                            len(headers), 64, 0, 0)  # fmt: skip
        body = b"".join(_PHDR.pack(*h) for h in headers)
        body += b"".join(_DYN.pack(*t) for t in tags) + _DYN.pack(0, 0)
        return head + body + strings + noted + self.text
