"""SHA-256 of model files."""

import hashlib
from functools import lru_cache
from pathlib import Path

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
