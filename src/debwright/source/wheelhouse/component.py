"""The component tarball `NAME_UPSTREAM.orig-wheelhouse.tar.gz` of a source package.

It depends on the lock, the configuration and the helper alone, so it is made once and kept by the
digest of those. What is in it is compressed already: it is stored, in blocks that are the same
whatever version of zlib there is.
"""

import hashlib
import io
import json
import os
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from debwright.source.wheelhouse.carried.helper import machines
from debwright.source.wheelhouse.carried.helper.manifest import FILES, FORMAT, NAME

COMPONENT = "wheelhouse"
DATE = 315532800
"""Seconds (1980-01-01): a date all tools accept, and that says nothing."""
_HELPER = Path(__file__).with_name("carried")
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


def helper_files() -> Iterator[tuple[str, bytes]]:
    """The helper's files by their names in the wheelhouse: all that it needs, and no debwright."""
    for name in ("wheelhouse.py", "private-tree.mk"):
        yield name, (_HELPER / name).read_bytes()
    for path in sorted((_HELPER / "helper").glob("*.py")):
        own = machines.carried_text().encode() if path.stem == "machines" else path.read_bytes()
        yield f"helper/{path.name}", own


def manifest_text(files: Sequence[dict[str, Any]], compiled: dict[str, Any]) -> str:
    """manifest.json: the same files and settings give the same text."""
    document = {"format": FORMAT, "files": list(files), "compile": compiled}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def helper_digest() -> str:
    """SHA-256 over the helper's files."""
    state = hashlib.sha256()
    for name, content in helper_files():
        state.update(name.encode() + b"\0" + content)
    return state.hexdigest()


def digest(manifest: str) -> str:
    """Names the component: its manifest, which holds every file's hash, and the helper."""
    return hashlib.sha256(f"{helper_digest()}\n{manifest}".encode()).hexdigest()


def write(manifest: str, files: Sequence[Path], path: Path) -> None:
    """Write the tarball to `path`, whole or not at all; `files` are named by their last part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".component-", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            with StoredGzip(out) as packed, tarfile.open(
                fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT, bufsize=1 << 20
            ) as tar:  # fmt: skip
                _add_all(tar, manifest, files)
            out.flush()
            os.fsync(out.fileno())
        beside.chmod(0o644)
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)


def _add_all(tar: tarfile.TarFile, manifest: str, files: Sequence[Path]) -> None:
    _directory(tar, COMPONENT)
    _directory(tar, f"{COMPONENT}/helper")
    for name, content in helper_files():
        _file(tar, f"{COMPONENT}/{name}", content, executable=name == "wheelhouse.py")
    _file(tar, f"{COMPONENT}/{NAME}", manifest.encode())
    _directory(tar, f"{COMPONENT}/{FILES}")
    for path in sorted(set(files), key=lambda p: p.name):
        entry = _entry(f"{COMPONENT}/{FILES}/{path.name}")
        entry.size = path.stat().st_size
        with path.open("rb") as file:
            tar.addfile(entry, file)


def _directory(tar: tarfile.TarFile, name: str) -> None:
    entry = _entry(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(entry)


def _file(tar: tarfile.TarFile, name: str, content: bytes, *, executable: bool = False) -> None:
    entry = _entry(name)
    entry.size, entry.mode = len(content), 0o755 if executable else 0o644
    tar.addfile(entry, io.BytesIO(content))


def _entry(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = DATE, 0o644
    entry.uname = entry.gname = "root"
    return entry
