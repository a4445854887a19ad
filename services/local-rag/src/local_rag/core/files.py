"""Files: small ones that are never half written, the lock of an index, SHA-256."""

import fcntl
import hashlib
import os
import time
from functools import lru_cache
from pathlib import Path

from local_rag.core.errors import Conflict, Unavailable


def sync_directory(directory: Path) -> None:
    """Make a rename in a directory survive a power cut."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that it is either the old or the new one, whatever happens."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}.new")
    try:
        with partial.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_directory(path.parent)


def hold(path: Path) -> int:
    """Keep other processes away from an index file until the returned descriptor is closed.

    Raises Conflict when one has it open, Unavailable when its directory cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            f"the data directory {path.parent} cannot be written: {error.strerror}",
            hint=f"see who owns it: ls -ld {path.parent}",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise Conflict(
            f"the index {path} is in use by another process ({holder})",
            hint="stop the other one first: systemctl stop local-rag",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


_BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Remembered as long as size, time of change and inode stay the same, because a large model
    takes seconds.
    """
    stat = path.stat()
    return _remembered(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=32)
def _remembered(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    return compute_sha256(path)


def compute_sha256(path: Path) -> str:
    """Return the SHA-256 of what is on the disk now, which can rot without the date changing."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def model_id(path: Path) -> str:
    """Return name and SHA-256 prefix of a model, as kept with an index made with it."""
    return f"{path.stem}@{sha256_of(path)[:12]}"
