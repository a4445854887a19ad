"""Two .deb files member by member: the ar(5) members, and the entries of the tar archives in them.

Packages are untrusted: a bounded number of entries is read, contents in pieces, and what is shown
of them is short.
"""

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, TypeVar

from debian.arfile import ArFile
from debian.debfile import DebFile

from debwright.model.errors import Evidence, UsageError
from debwright.model.fix import Command
from debwright.packages.debs import LIMIT

T = TypeVar("T")

HEAD_BYTES = 1024 * 1024
"""Bytes of a content that are kept to show where two contents part."""
SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One aspect of one member that is not the same in both packages."""

    member: str
    """`data.tar/./usr/bin/x`, `control.tar/./md5sums`, or an ar member's name."""
    aspect: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.aspect}: {self.first} / {self.second}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A member of a tar archive, with everything that is written in its header."""

    kind: str
    mode: str
    owner: str
    size: int
    modified: int
    link: str
    content: str
    head: bytes = field(default=b"", compare=False)


def differences(first: Path, second: Path) -> list[Difference]:
    """What differs between two packages; nothing when the files are the same bytes.

    Raises UsageError for a file that is not a Debian package.
    """
    if first.stat().st_size == second.stat().st_size and _digest(first) == _digest(second):
        return []
    found = [*_tar(first, second, "control"), *_tar(first, second, "data")]
    return found or list(_members(first, second))


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _members(first: Path, second: Path) -> Iterator[Difference]:
    """The ar members, when what is in them is the same: compression, or the headers themselves."""
    one, other = ({m.name: m for m in _ar(p)} for p in (first, second))
    if list(one) != list(other):
        yield Difference(
            member=first.name, aspect="members", first=", ".join(one), second=", ".join(other)
        )
    for name in one.keys() & other.keys():
        for aspect in ("size", "mtime", "owner", "group", "fmode"):
            values = [str(getattr(m, aspect)) for m in (one[name], other[name])]
            if values[0] != values[1]:
                yield Difference(member=name, aspect=aspect, first=values[0], second=values[1])
        contents = [hashlib.sha256(m.read()).hexdigest() for m in (one[name], other[name])]
        if contents[0] != contents[1]:
            yield Difference(
                member=name, aspect="compressed content", first=contents[0][:16],
                second=contents[1][:16],
            )  # fmt: skip


def _ar(path: Path):  # type: ignore[no-untyped-def]
    return _read(path, lambda: ArFile(filename=str(path)).getmembers())


def _tar(first: Path, second: Path, part: str) -> Iterator[Difference]:
    """Entries of control.tar or data.tar."""
    one, other = entries(first, part), entries(second, part)
    for name in sorted(one.keys() ^ other.keys()):
        where = ["present", "absent"] if name in one else ["absent", "present"]
        yield Difference(
            member=f"{part}.tar/{name}", aspect="presence", first=where[0], second=where[1]
        )
    common = [n for n in one if n in other]
    for name in common:
        yield from _entry(f"{part}.tar/{name}", one[name], other[name])
    if common != [n for n in other if n in one]:
        moved = next(
            n for n, m in zip(common, (n for n in other if n in one), strict=True) if n != m
        )
        yield Difference(
            member=f"{part}.tar", aspect="order of entries",
            first=f"entry {list(one).index(moved) + 1} is {moved}",
            second=f"it is entry {list(other).index(moved) + 1}",
        )  # fmt: skip


def _entry(member: str, one: Entry, other: Entry) -> Iterator[Difference]:
    for item in fields(Entry):
        values = [getattr(e, item.name) for e in (one, other)]
        if not item.compare or values[0] == values[1]:
            continue
        if item.name == "content":
            shown = part_of_difference(one.head, other.head)
            yield Difference(member=member, aspect="content", first=shown[0], second=shown[1])
        else:
            yield Difference(
                member=member, aspect=item.name, first=str(values[0]), second=str(values[1])
            )


def part_of_difference(one: bytes, other: bytes) -> tuple[str, str]:
    """Where two contents part: a line for a text, an offset and some bytes for the rest."""
    shorter = min(len(one), len(other))
    at = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    if one == other:
        return (f"differs after {HEAD_BYTES} bytes",) * 2
    if b"\0" in one[:4096]:
        return tuple(f"byte {at}: {c[at : at + 16].hex(' ')}" for c in (one, other))  # type: ignore[return-value]
    line = one.count(b"\n", 0, at) + 1
    start = one.rfind(b"\n", 0, at) + 1
    start = max(start, at - SHOWN // 2)
    texts = (c[start:].split(b"\n", 1)[0][:SHOWN].decode("utf-8", "replace") for c in (one, other))
    return tuple(f"line {line}: {text!r}" for text in texts)  # type: ignore[return-value]


def entries(path: Path, part: str) -> dict[str, Entry]:
    """The entries of control.tar or data.tar by name, in the archive's order."""

    def read() -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        with DebFile(str(path)) as deb:
            archive = (deb.control if part == "control" else deb.data).tgz()
            for number, info in enumerate(archive):
                if number >= LIMIT:
                    raise UsageError(f"{path.name} holds more than {LIMIT} files")
                # A name that comes twice must not hide the first.
                name = str(info.name)
                name = name if name not in found else f"{name} ({number})"
                found[name] = _describe(archive, info)
        return found

    return _read(path, read)


def _describe(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Entry:
    head, digest = b"", hashlib.sha256()
    handle: IO[bytes] | None = archive.extractfile(info) if info.isreg() else None
    if handle is not None:
        while chunk := handle.read(HEAD_BYTES):
            head = head or chunk
            digest.update(chunk)
    return Entry(
        kind=info.type.decode("ascii", "replace"), mode=f"{info.mode:04o}",
        owner=f"{info.uname or info.uid}:{info.gname or info.gid}", size=info.size,
        modified=int(info.mtime), link=str(info.linkname), content=digest.hexdigest(), head=head,
    )  # fmt: skip


def _read(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except UsageError:
        raise
    except Exception as problem:
        # As in check.debs: the parsers and decompressors raise many things.
        raise UsageError(
            f"{path.name} is not a readable Debian package",
            evidence=[Evidence(text=f"{type(problem).__name__}: {problem}", file=str(path))],
            fix=Command("dpkg-deb", "--info", path),
        ) from problem
