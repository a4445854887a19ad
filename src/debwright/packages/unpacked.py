"""The content of packages for checks that read it: each data archive is decompressed once."""

import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from debwright.model.errors import UsageError
from debwright.packages.debs import LIMIT, Member, member_of, opened, unreadable

SPOOL_LIMIT = 8 * 1024**3
"""Bytes of a decompressed data archive; a larger one is refused (a decompression bomb)."""
CHUNK = 1024 * 1024


@dataclass
class Unpacked:
    """Data archives as plain tar files below `directory`, made when first asked for."""

    directory: Path | None = None
    """Without one, every pass decompresses anew."""
    _spools: dict[Path, Path] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def files(self, deb: Path) -> Iterator[tuple[Member, IO[bytes] | None]]:
        """Each member with a handle to read it by (None unless it is a regular file).

        A handle is good until the next one is asked for. Raises UsageError when the archive
        cannot be read to its end.
        """
        with unreadable(deb), ExitStack() as stack:
            if self.directory is None:
                archive = stack.enter_context(opened(deb)).data.tgz()
            else:
                archive = stack.enter_context(tarfile.open(self._spool(deb, self.directory), "r:"))
            yield from _entries(deb, archive)

    def _spool(self, deb: Path, directory: Path) -> Path:
        with self._lock:
            if deb not in self._spools:
                path = directory / f"{len(self._spools)}.tar"
                _decompress(deb, path)
                self._spools[deb] = path
            return self._spools[deb]


def _entries(deb: Path, archive: tarfile.TarFile) -> Iterator[tuple[Member, IO[bytes] | None]]:
    for number, entry in enumerate(archive):
        if number >= LIMIT:
            raise UsageError(f"{deb.name} holds more than {LIMIT} files")
        handle = archive.extractfile(entry) if entry.isreg() else None
        yield member_of(entry, handle), handle


def _decompress(deb: Path, path: Path) -> None:
    with opened(deb) as package, path.open("wb") as out:
        stream = package.data.tgz().fileobj
        stream.seek(0)
        while chunk := stream.read(CHUNK):
            out.write(chunk)
            if out.tell() > SPOOL_LIMIT:
                raise UsageError(f"{deb.name} unpacks to more than {SPOOL_LIMIT >> 30} GiB")


def chunks(handle: IO[bytes], limit: int, overlap: int) -> Iterator[tuple[int, bytes]]:
    """The content in pieces with their offset, each beginning with the end of the one before."""
    offset, kept = 0, b""
    while offset < limit and (chunk := handle.read(min(CHUNK, limit - offset))):
        yield offset - len(kept), kept + chunk
        offset += len(chunk)
        kept = (kept + chunk)[-overlap:] if overlap else b""


def extract(handle: IO[bytes], path: Path) -> None:
    """Write the content to a new file of our own naming."""
    with path.open("xb") as out:
        shutil.copyfileobj(handle, out, CHUNK)
