"""What a root's changes are at one moment, read from the overlay's upper directory.

Reading it from outside costs nothing inside, however slow the target is to emulate.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A file that differs from the layers below; `kind` as in stat(1)."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int

    def describe(self, path: str) -> str:
        bits = {"directory": stat.S_IFDIR, "symlink": stat.S_IFLNK}.get(self.kind, stat.S_IFREG)
        mode = f"{stat.filemode(bits | self.mode)} ({self.mode:04o})"
        return f"{mode} {self.uid}/{self.gid} {self.size} {path}"


@dataclass(frozen=True)
class Altered:
    """A file before and after; `now` is None when it is gone."""

    was: Entry
    now: Entry | None

    @classmethod
    def between(cls, was: Entry, now: Entry | None) -> "Altered | None":
        """None when kind, mode and owner are the same: contents and times do not count."""
        if now is not None and _nature(was) == _nature(now):
            return None
        return cls(was, now)


def _nature(entry: Entry) -> tuple[str, int, int, int]:
    return entry.kind, entry.mode, entry.uid, entry.gid


@dataclass(frozen=True)
class Snapshot:
    """Absolute path inside the root to what is there; `removed` marks what lower layers had."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    @classmethod
    def of(cls, upper: Path) -> "Snapshot":
        found: dict[str, Entry] = {}
        stack = [(upper, "")]
        while stack:
            directory, prefix = stack.pop()
            try:
                listing = list(os.scandir(directory))
            except OSError:
                continue  # removed while we look: the system is running
            for item in listing:
                try:
                    info = item.stat(follow_symlinks=False)
                except OSError:
                    continue
                path = f"{prefix}/{item.name}"
                found[path] = entry_of(info)
                if found[path].kind == "directory":
                    stack.append((Path(item.path), path))
        return cls(found)

    def created_since(self, earlier: "Snapshot") -> dict[str, Entry]:
        """Paths that are here and were not there then."""
        return {
            path: entry
            for path, entry in self.entries.items()
            if entry.kind != "removed" and _absent(earlier.entries.get(path))
        }


def entry_of(info: os.stat_result) -> Entry:
    """From lstat(2)."""
    return Entry(
        _kind(info), stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, info.st_size,
        info.st_mtime_ns,
    )  # fmt: skip


def _absent(entry: Entry | None) -> bool:
    return entry is None or entry.kind == "removed"


def _kind(info: os.stat_result) -> str:
    mode = info.st_mode
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        return "symlink"
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISCHR(mode) and info.st_rdev == 0:
        return "removed"  # an overlay's whiteout
    return "special"
