"""The parts that indices are sorted and put together from: paragraphs, and lines of Contents."""

import re
from collections.abc import Iterable, Iterator, Mapping

from debwright.repository.blocks import Part
from debwright.repository.cache import Record
from debwright.repository.describe import without_fields
from debwright.repository.entries import sort_key
from debwright.repository.model import Entry
from debwright.repository.tables import Edit

PHASED = "Phased-Update-Percentage"
"""apt's field for updates that not all machines get at once."""
_NAME = re.compile(rb"^Package: (.*)$", re.MULTILINE)
_FILE = re.compile(rb"^Filename: (.*)$", re.MULTILINE)
_DIRECTORY = re.compile(rb"^Directory: (.*)$", re.MULTILINE)
_DSC = re.compile(rb"^ [0-9a-f]{64} \d+ (\S+\.dsc)$", re.MULTILINE)


def belongs(entry: Entry, kind: str) -> bool:
    """Whether an entry stands in the index of an architecture, or of `source`."""
    if kind == "source":
        return entry.kind == "dsc"
    return entry.kind == "deb" and entry.architecture in (kind, "all")


def record_key(entry: Entry) -> bytes:
    return b"\0".join(sort_key(entry))


def record_text(entry: Entry, record: Record) -> bytes:
    """The paragraph of an entry as this suite has it."""
    if entry.phased is None:
        return record.text
    plain = without_fields(record.text, [PHASED.lower().encode()])
    return plain.removesuffix(b"\n") + f"{PHASED}: {entry.phased}\n\n".encode()


def split_records(text: bytes) -> list[Part]:
    """The paragraphs of an index with their keys, which are those of `record_key`."""
    return [(_key_of(each), each + b"\n\n") for each in text.split(b"\n\n") if each]


def _key_of(paragraph: bytes) -> bytes:
    name, file = _NAME.search(paragraph), _FILE.search(paragraph)
    if file is None:
        directory, dsc = _DIRECTORY.search(paragraph), _DSC.search(paragraph)
        path = directory[1] + b"/" + dsc[1] if directory and dsc else b""
    else:
        path = file[1]
    return (name[1] if name else b"") + b"\0" + path


def contents_parts(files: Iterable[bytes]) -> Iterator[Part]:
    """Contents: each path once, with every package that has it."""
    owners: dict[bytes, set[bytes] | bytes] = {}
    for lines in files:
        for path, owner in owners_of(lines):
            had = owners.setdefault(path, owner)
            if had != owner:
                # Nearly all have one owner: a set for each would take all memory.
                owners[path] = {owner, *(had if isinstance(had, set) else (had,))}
    for path in sorted(owners):
        found = owners[path]
        yield path, _line(path, found if isinstance(found, set) else {found})


def owners_of(lines: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in lines.splitlines():
        path, _, owner = line.rpartition(b" ")
        yield path, owner


def split_contents(text: bytes) -> list[Part]:
    lines = text.splitlines(keepends=True)
    return [(line.rpartition(b" ")[0], line) for line in lines]


def contents_edits(
    more: Mapping[bytes, set[bytes]], less: Mapping[bytes, set[bytes]]
) -> dict[bytes, Edit]:
    """Give paths the owners `more`, and take `less` away; who is in both stays."""
    nobody: set[bytes] = set()
    return {
        path: _owned(path, more.get(path, nobody), less.get(path, nobody))
        for path in dict.fromkeys([*less, *more])
    }


def _owned(path: bytes, more: set[bytes], less: set[bytes]) -> Edit:
    def edit(text: bytes | None) -> bytes | None:
        had = set(text.rpartition(b" ")[2].strip().split(b",")) if text else set()
        owners = (had - less) | more
        return _line(path, owners) if owners else None

    return edit


def _line(path: bytes, owners: set[bytes]) -> bytes:
    return path + b" " + b",".join(sorted(owners)) + b"\n"


def constant(text: bytes | None) -> Edit:
    """The edit that gives a key a text, or takes it away."""
    return lambda _: text
