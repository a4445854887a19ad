"""Packages.diff: what has changed since earlier publications, for apt to patch its own copy with.

A patch is a script of ed(1) whose commands go from the end of the file to its beginning. The list
of them, Packages.diff/Index, names the file that each starts from; apt applies that one and all
after it (DebianRepository/Format, "diffs"; ParseDiffIndex in apt's acquire-item.cc, and its
methods/rred.cc). No patch ever changes, so nothing that a reader is at work with does.
"""

import gzip
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.repository import store
from debwright.repository.tables import Piece, Run

FROM_PACKAGES = 1000
"""Packages of a suite above which patches are worth their while."""
MOST_PATCHES = 30
"""Of one index: apt fetches and applies them one by one."""
MOST_OF_INDEX = 2
"""The patches together have at most this part of the bytes of the .xz: apt takes the whole, which
costs less, once it needs more."""
LONGEST_LINE = 32_000
"""Bytes of a line that rred reads whole."""
INDEX = "Index"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,80}")


@dataclass(frozen=True, kw_only=True)
class Digest:
    """A file as an index names it."""

    sha256: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        return cls(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One patch."""

    name: str
    start: Digest
    """The index that it is for."""
    text: Digest
    download: Digest
    """The same compressed, as `name`.gz."""


@dataclass(frozen=True, kw_only=True)
class DiffIndex:
    """What Packages.diff/Index says."""

    current: Digest
    """The index that the patches lead to."""
    patches: tuple[Patch, ...]
    """The oldest first."""


def directory_of(index: Path) -> Path:
    return index.with_name(f"{index.name}.diff")


def write(
    index: Path, before: Path, *, was: Digest, now: Digest, patch: bytes | None, name: str
) -> None:
    """Write what leads to `index` from itself before, and from what that had patches from.

    apt applies patches in the order of their names: `name` has to come after those before it.
    `before` is the index of the publication before, `patch` what has to be done with it; None when
    that is not known. Nothing is written when there are no patches.
    """
    known = read(directory_of(before) / INDEX)
    patches = list(known.patches) if known is not None and known.current == was else []
    target = directory_of(index)
    shutil.rmtree(target, ignore_errors=True)  # of a first attempt
    if was != now:
        if patch is None:
            return
        packed = gzip.compress(patch, 9, mtime=0)
        start, text, download = was, Digest.of(patch), Digest.of(packed)
        patches.append(Patch(name=name, start=start, text=text, download=download))
        store.make_directories(target)
        (target / f"{name}.gz").write_bytes(packed)
    limit = index.with_name(f"{index.name}.xz").stat().st_size // MOST_OF_INDEX
    while patches and (
        len(patches) > MOST_PATCHES or sum(p.download.size for p in patches) > limit
    ):  # fmt: skip
        patches.pop(0)
    if not patches:
        shutil.rmtree(target, ignore_errors=True)
        return
    store.make_directories(target)
    # Whoever has read the list before still finds what it names.
    for old in known.patches if known is not None else ():
        os.link(directory_of(before) / f"{old.name}.gz", target / f"{old.name}.gz")
    (target / INDEX).write_text(_text(DiffIndex(current=now, patches=tuple(patches))))


def script(pieces: Sequence[Piece], runs: Iterable[Run]) -> bytes | None:
    """The patch for an index of `pieces` that `runs` change; None when apt could not read it."""
    line = {0: 0}
    for number, piece in enumerate(pieces):
        line[number + 1] = line[number] + piece.lines
    hunks = [hunk for run in runs for hunk in _hunks(run, line[run.begin])]
    found = []
    for first, count, text in reversed(hunks):
        if any(len(each) > LONGEST_LINE or each == b"." for each in text.split(b"\n")):
            return None
        # A hunk says which lines of the old file go, or after which one the new ones come.
        last = f",{first + count}" if count > 1 else ""
        place = f"{first + 1}{last}" if count else f"{first}"
        command = ("c" if text else "d") if count else "a"
        found.append(f"{place}{command}\n".encode() + (text + b".\n" if text else b""))
    return b"".join(found)


def _hunks(run: Run, line: int) -> Iterator[tuple[int, int, bytes]]:
    """Lines before each change, how many of them go, and the text that takes their place."""
    old, new = dict(run.old), dict(run.new)
    first, gone, text = line, 0, list[bytes]()
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) == new.get(key):
            if gone or text:
                yield first, gone, b"".join(text)
            first, gone, text = first + gone + old[key].count(b"\n"), 0, []
            continue
        gone += old.get(key, b"").count(b"\n")
        text.append(new.get(key, b""))
    if gone or text:
        yield first, gone, b"".join(text)


def _text(index: DiffIndex) -> str:
    def rows(name: str, suffix: str, digests: Iterable[Digest]) -> str:
        names = [p.name for p in index.patches]
        lines = [
            f" {d.sha256} {d.size} {n}{suffix}\n" for d, n in zip(digests, names, strict=True)
        ]  # fmt: skip
        return f"{name}:\n{''.join(lines)}"

    return (
        f"SHA256-Current: {index.current.sha256} {index.current.size}\n"
        + rows("SHA256-History", "", (p.start for p in index.patches))
        + rows("SHA256-Patches", "", (p.text for p in index.patches))
        + rows("SHA256-Download", ".gz", (p.download for p in index.patches))
    )


def read(path: Path) -> DiffIndex | None:
    """The list at `path`; None where there is none, or one that leads nowhere."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    fields = {m[1]: m[2] for m in re.finditer(r"^(\S+):((?:.*\n)(?: .*\n)*)", text, re.MULTILINE)}
    current = _digests(fields.get("SHA256-Current", "").strip() + " current\n")
    kinds = [_digests(fields.get(f"SHA256-{k}", "")) for k in ("History", "Patches", "Download")]
    if "current" not in current:
        return None
    start, plain, download = kinds
    patches = [
        Patch(name=name, start=start[name], text=plain[name], download=download[f"{name}.gz"])
        for name in start
        if name in plain and f"{name}.gz" in download
    ]
    return DiffIndex(current=current["current"], patches=tuple(patches))


def _digests(rows: str) -> dict[str, Digest]:
    split = [row.split() for row in rows.splitlines()]
    return {
        row[2]: Digest(sha256=row[0], size=int(row[1]))
        for row in split
        if len(row) == 3 and row[1].isdecimal() and _NAME.fullmatch(row[2])
    }
