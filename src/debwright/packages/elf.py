"""The little that checks need to know of an ELF file, read without trusting it.

Source: the System V ABI's chapters 4 and 5 as in elf(5) and /usr/include/elf.h.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from debwright.model import arch

MACHINES = {row.name: (row.elf.bits // 32, row.elf.machine) for row in arch.ARCHITECTURES.values()}
"""Debian architecture to its ELF class and e_machine."""
ARCHITECTURES = {number: name for name, (_, number) in MACHINES.items()}

ET_EXEC, ET_DYN = 2, 3
_PT_DYNAMIC, _PT_INTERP = 2, 3
_PT_GNU_STACK, _PT_GNU_RELRO = 0x6474E551, 0x6474E552
_PF_X = 1
_DT_STRTAB, _DT_STRSZ, _DT_BIND_NOW, _DT_FLAGS, _DT_FLAGS_1 = 5, 10, 24, 30, 0x6FFFFFFB
_DT_RPATH, _DT_RUNPATH = 15, 29
_DF_BIND_NOW, _DF_1_NOW, _DF_1_PIE = 8, 1, 0x08000000
_PT_LOAD, _PT_NOTE = 1, 4
_MOST_HEADERS = 512
_MOST_DYNAMIC = 4096
_MOST_NAMES = 8 * 1024 * 1024
_MOST_NOTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Elf:
    """A program or shared object; what its loader is told."""

    kind: int
    """e_type: ET_EXEC, ET_DYN or another."""
    machine: int
    bits: int
    interpreter: bool
    dynamic: bool
    exec_stack: bool | None
    """None: no PT_GNU_STACK, by which the loader assumes an executable stack on some machines."""
    relro: bool
    bind_now: bool
    pie: bool
    """DF_1_PIE, which current linkers set on position-independent programs."""
    search_path: str
    names: frozenset[bytes]
    """Names of its dynamic string table: imported and exported symbols, needed libraries."""

    @property
    def loadable(self) -> bool:
        """Something that is run or linked against, and no object file."""
        return self.kind == ET_EXEC or (self.kind == ET_DYN and self.dynamic)


def machine_of(head: bytes) -> tuple[int, int] | None:
    """The ELF class (1 or 2) and e_machine; None when the bytes are no ELF file's first 20."""
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    order = "little" if head[5] == 1 else "big"
    return head[4], int.from_bytes(head[18:20], order)  # type: ignore[arg-type]


def read(handle: IO[bytes]) -> Elf | None:
    """The file's headers, or None when it is no ELF file or one whose headers lead nowhere."""
    try:
        return _read(handle)
    except (struct.error, ValueError, OverflowError):
        return None


def note_owners(handle: IO[bytes]) -> frozenset[bytes]:
    """Who wrote the notes that are loaded with the file, as `GNU`; nothing of a broken file."""
    try:
        opened = _opened(handle)
        if opened is None:
            return frozenset()
        order, _, _, segments = opened
        return frozenset(
            o for s in segments if s.kind == _PT_NOTE for o in _owners(handle, order, s)
        )
    except (struct.error, ValueError, OverflowError):
        return frozenset()


def _owners(handle: IO[bytes], order: str, segment: "_Segment") -> Iterator[bytes]:
    handle.seek(segment.offset)
    raw = handle.read(min(segment.size, _MOST_NOTES))
    place = 0
    while place + 12 <= len(raw):
        name, described, _ = struct.unpack_from(f"{order}III", raw, place)
        yield raw[place + 12 : place + 12 + name].rstrip(b"\0")
        place += 12 + -(-name // 4) * 4 + -(-described // 4) * 4


def has_section(handle: IO[bytes], name: str) -> bool:
    """Whether the file has a section of that name; not so for a broken file."""
    try:
        with _section(handle, name) as section:
            return section is not None
    except ValueError:
        return False


def _opened(handle: IO[bytes]) -> "tuple[str, bool, bytes, list[_Segment]] | None":
    """Byte order, whether it is of 64 bits, the head and the segments; None for no ELF file."""
    handle.seek(0)
    head = handle.read(64)
    if machine_of(head) is None or head[4] not in (1, 2) or head[5] not in (1, 2):
        return None
    order = "<" if head[5] == 1 else ">"
    wide = head[4] == 2
    layout = f"{order}QQIHHH" if wide else f"{order}IIIHHH"
    offset, _, _, _, size, count = struct.unpack_from(layout, head, 32 if wide else 28)
    segments = _segments(handle, order, offset, size, min(count, _MOST_HEADERS), wide=wide)
    return order, wide, head, list(segments)


def _read(handle: IO[bytes]) -> Elf | None:
    opened = _opened(handle)
    if opened is None:
        return None
    order, wide, head, segments = opened
    kind, machine = struct.unpack_from(f"{order}HH", head, 16)
    tags, names, path = _dynamic(handle, order, segments, wide=wide)
    stack = [s.flags for s in segments if s.kind == _PT_GNU_STACK]
    flags, flags_1 = tags.get(_DT_FLAGS, 0), tags.get(_DT_FLAGS_1, 0)
    return Elf(
        kind=kind,
        machine=machine,
        bits=64 if wide else 32,
        interpreter=any(s.kind == _PT_INTERP for s in segments),
        dynamic=any(s.kind == _PT_DYNAMIC for s in segments),
        exec_stack=bool(stack[0] & _PF_X) if stack else None,
        relro=any(s.kind == _PT_GNU_RELRO for s in segments),
        bind_now=_DT_BIND_NOW in tags or bool(flags & _DF_BIND_NOW or flags_1 & _DF_1_NOW),
        pie=bool(flags_1 & _DF_1_PIE),
        search_path=path,
        names=names,
    )


@dataclass(frozen=True)
class _Segment:
    kind: int
    flags: int
    offset: int
    address: int
    size: int


def _segments(
    handle: IO[bytes], order: str, offset: int, size: int, count: int, *, wide: bool
) -> Iterator[_Segment]:
    layout = struct.Struct(f"{order}IIQQQQ" if wide else f"{order}IIIIIII")
    for number in range(count):
        handle.seek(offset + number * size)
        raw = handle.read(layout.size)
        if len(raw) < layout.size:
            return
        if wide:
            kind, flags, start, address, _, length = layout.unpack(raw)
        else:
            kind, start, address, _, length, _, flags = layout.unpack(raw)
        yield _Segment(kind, flags, start, address, length)


def _dynamic(
    handle: IO[bytes], order: str, segments: list[_Segment], *, wide: bool
) -> tuple[dict[int, int], frozenset[bytes], str]:
    """The dynamic section's tags, the names in its string table, and RPATH or RUNPATH."""
    found = next((s for s in segments if s.kind == _PT_DYNAMIC), None)
    if found is None:
        return {}, frozenset(), ""
    entry = struct.Struct(f"{order}qQ" if wide else f"{order}iI")
    handle.seek(found.offset)
    raw = handle.read(min(found.size, _MOST_DYNAMIC * entry.size))
    tags: dict[int, int] = {}
    for tag, value in entry.iter_unpack(raw[: len(raw) // entry.size * entry.size]):
        if tag == 0:
            break
        tags[tag] = value
    strings = _strings(handle, segments, tags)
    path = tags.get(_DT_RUNPATH, tags.get(_DT_RPATH))
    text = "" if path is None else strings[path:].split(b"\0", 1)[0].decode("utf-8", "replace")
    return tags, frozenset(strings.split(b"\0")), text


def _strings(handle: IO[bytes], segments: list[_Segment], tags: dict[int, int]) -> bytes:
    address, size = tags.get(_DT_STRTAB), tags.get(_DT_STRSZ)
    if address is None or size is None:
        return b""
    for segment in segments:
        if segment.kind == _PT_LOAD and 0 <= address - segment.address < segment.size:
            handle.seek(segment.offset + address - segment.address)
            return handle.read(min(size, _MOST_NAMES))
    return b""


def needed_versions(handle: IO[bytes]) -> dict[str, frozenset[str]]:
    """Library to the symbol versions that a file needs of it; nothing for a broken file."""
    from elftools.elf.gnuversions import GNUVerNeedSection

    try:
        with _section(handle, ".gnu.version_r") as section:
            if not isinstance(section, GNUVerNeedSection):
                return {}
            return {
                str(need.name): frozenset(str(v.name) for v in versions)
                for need, versions in section.iter_versions()
            }
    except ValueError:
        return {}  # elf/wrong-architecture or the import says what is wrong with it


def provided_versions(handle: IO[bytes]) -> frozenset[str]:
    """The symbol versions that a library has. Raises ValueError if it is broken."""
    from elftools.elf.gnuversions import GNUVerDefSection

    with _section(handle, ".gnu.version_d") as section:
        if not isinstance(section, GNUVerDefSection):
            return frozenset()
        return frozenset(str(next(names).name) for _, names in section.iter_versions())


@contextmanager
def _section(handle: IO[bytes], name: str) -> Iterator[object]:
    """A section, by pyelftools: one is read, and neither segments nor symbols.

    Raises ValueError for a file that is broken there, whatever pyelftools makes of it.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        yield ELFFile(handle).get_section_by_name(name)
    except (
        ELFError, KeyError, AttributeError, IndexError, StopIteration, OverflowError, struct.error,
    ) as problem:  # fmt: skip
        raise ValueError(f"{type(problem).__name__}: {problem}") from problem
