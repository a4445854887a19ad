"""Tarballs that are the same bytes everywhere.

Dates, owners and modes say nothing of this machine (reproducible-builds.org, "archives"). Where
the files are compressed already they are stored, in blocks that are the same whatever version of
zlib there is.
"""

import io
import os
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

DATE = 315532800
"""Seconds (1980-01-01): a date all tools accept, and that says nothing."""
_BLOCK = 65535
"""Bytes in a stored block of deflate (RFC 1951, 3.2.4)."""


class StoredGzip(io.RawIOBase):
    """Writes gzip (RFC 1952) of stored blocks: no compression, the same bytes everywhere."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._buffer = file, bytearray()
        self._crc, self._size = 0, 0
        # Magic, deflate, no flags, no date, no extra flags, Unix.
        file.write(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        self._crc, self._size = zlib.crc32(chunk, self._crc), self._size + len(chunk)
        self._buffer += chunk
        while len(self._buffer) >= _BLOCK:
            self._block(bytes(self._buffer[:_BLOCK]), last=False)
            del self._buffer[:_BLOCK]
        return len(chunk)

    def _block(self, data: bytes, *, last: bool) -> None:
        self._file.write(struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF) + data)

    def close(self) -> None:
        if not self.closed:
            self._block(bytes(self._buffer), last=True)
            self._file.write(struct.pack("<II", self._crc, self._size & 0xFFFFFFFF))
        super().close()


@contextmanager
def tarball(path: Path) -> Iterator[tarfile.TarFile]:
    """A tarball at `path` to add to; it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".component-", dir=path.parent)
    staged = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            with StoredGzip(out) as packed, tarfile.open(
                fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT, bufsize=1 << 20
            ) as tar:  # fmt: skip
                yield tar
            out.flush()
            os.fsync(out.fileno())
        staged.chmod(0o644)
        staged.rename(path)
    finally:
        staged.unlink(missing_ok=True)


def add_directory(tar: tarfile.TarFile, name: str) -> None:
    entry = _entry(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(entry)


def add_bytes(tar: tarfile.TarFile, name: str, content: bytes, *, executable: bool = False) -> None:
    entry = _entry(name)
    entry.size, entry.mode = len(content), 0o755 if executable else 0o644
    tar.addfile(entry, io.BytesIO(content))


def add_file(tar: tarfile.TarFile, name: str, path: Path) -> None:
    """Add the file at `path` as `name`."""
    entry = _entry(name)
    entry.size = path.stat().st_size
    with path.open("rb") as file:
        tar.addfile(entry, file)


def add_copy(tar: tarfile.TarFile, name: str, path: Path, *, date: int = DATE) -> None:
    """Add the file, directory or link at `path` as `name`, with the modes that git knows.

    `date` is in seconds since 1970. What a directory contains is not added.
    """
    entry = tar.gettarinfo(path, name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = date
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    if entry.isreg():
        with path.open("rb") as content:
            tar.addfile(entry, content)
    else:
        tar.addfile(entry)


def _entry(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = DATE, 0o644
    entry.uname = entry.gname = "root"
    return entry
