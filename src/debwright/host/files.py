"""Writing files so that a reader never sees half of one, and saying sizes and times."""

import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from debwright.model.errors import DebwrightError

LARGE = 8 * 1024 * 1024
"""Bytes from which on `share` links a file."""

SETTLED_SECONDS = 2.0
"""A file changed less long ago may change again without its times showing it."""


def atomic_write(path: Path, data: bytes | str, mode: int = 0o644) -> None:
    """Replace `path` with `data` (text is UTF-8): written beside, synced, then renamed.

    Whoever opens `path` meanwhile reads the old content or the new, and after a crash one of
    the two is there. `mode` is exact; the umask does not count. Raises OSError, and leaves
    nothing beside `path` then.
    """
    raw = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Without this the rename itself may be lost at a power cut; see fsync(2)."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save(path: Path, data: bytes | str) -> None:
    """`atomic_write` of a result a user asked for, its directory made. Raises DebwrightError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
    except OSError as error:
        raise DebwrightError(f"{path} cannot be written: {error.strerror}") from error


def share(source: Path, target: Path) -> None:
    """Give `target` the content of `source`; a large file by a hard link, where that can be.

    For files that are replaced and never written to: whatever is at `target` goes first, since
    it may be a link to somebody else's. Raises OSError.
    """
    target.unlink(missing_ok=True)
    if source.stat().st_size >= LARGE:
        try:
            os.link(source, target, follow_symlinks=True)
        except OSError:
            pass  # another file system, or one without links
        else:
            return
    shutil.copyfile(source, target)


def sha256_file(path: Path) -> str:
    """The file's SHA-256 in lower-case hexadecimal, read in pieces. Raises OSError.

    A file asked for again is not read again unless its inode, size or times have changed: several
    stages look at the same packages, some of which have hundreds of megabytes.
    """
    info = path.stat()
    if time.time() - info.st_ctime < SETTLED_SECONDS:
        return _sha256(path)
    times = (info.st_mtime_ns, info.st_ctime_ns)
    return _sha256_of(_Content(info.st_dev, info.st_ino, info.st_size, times, path))


@dataclass(frozen=True)
class _Content:
    """What tells that a file is as it was; equal for the links of one file."""

    device: int
    inode: int
    size: int
    times: tuple[int, int]
    path: Path = field(compare=False)


@lru_cache(maxsize=4096)
def _sha256_of(content: _Content) -> str:
    return _sha256(content.path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def human_size(n: int) -> str:
    """A number of bytes for people, in powers of 1024: `0 B`, `1.5 KiB`, `225 MiB`."""
    size = float(n)
    units = ["TiB", "GiB", "MiB", "KiB", "B"]
    while round(abs(size)) >= 1024 and len(units) > 1:
        size /= 1024
        units.pop()
    unit = units[-1]
    if unit == "B":
        return f"{n} B"
    return f"{size:.1f} {unit}" if abs(size) < 99.95 else f"{size:.0f} {unit}"


def human_seconds(s: float) -> str:
    """A duration for people: `0.42 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`."""
    s = max(s, 0.0)
    if s < 9.995:
        return f"{s:.2f} s"
    if s < 59.95:
        return f"{s:.1f} s"
    minutes, seconds = divmod(round(s), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def shown(path: Path) -> str:
    """A path for messages: relative when it is below the current directory."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):
        return str(path)
