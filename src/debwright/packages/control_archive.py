"""Files of a package's control archive, read within limits of size and memory (deb(5)).

A few kilobytes may unpack to gigabytes: as a large file, as a header of the tar format (pax records
are read as a whole), or as a dictionary that xz allocates before a byte is out.
"""

import lzma
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from debwright.host.process import environment
from debwright.model.errors import MissingError
from debwright.model.fix import Install

FILE_LIMIT = 1024 * 1024
"""Bytes of a control file: Debian's largest are far smaller."""
ARCHIVE_LIMIT = 64 * 1024 * 1024
"""Bytes of an unpacked control archive up to the file that is wanted."""
HEADER_LIMIT = 64 * 1024
"""Bytes of an extended header: a path has at most 4096, and a package has no other records."""
DICTIONARY_LIMIT = 256 * 1024 * 1024
"""Bytes that xz may take; -9 needs 65 MiB."""
CHUNK = 1 << 16


class TooLarge(tarfile.ReadError):
    """The archive, or what is read of it, is larger than any that is meant well."""


class SafeTarInfo(tarfile.TarInfo):
    """A member whose extended headers are small, and which is no sparse file."""

    def _small(self) -> None:
        if self.size > HEADER_LIMIT:
            raise TooLarge(f"its archive has a header of {self.size} bytes")

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._small()
        return super()._proc_pax(archive)  # type: ignore[misc, no-any-return]

    def _proc_gnulong(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._small()
        return super()._proc_gnulong(archive)  # type: ignore[misc, no-any-return]

    def _proc_sparse(self, _: tarfile.TarFile) -> tarfile.TarInfo:
        raise TooLarge("its archive has a sparse file")


def read_member(path: Path, name: str, limit: int = FILE_LIMIT) -> bytes | None:
    """The file `name` of the control archive of the .deb at `path`; None where there is none.

    Raises tarfile.TarError (TooLarge among them), ArError, OSError and EOFError for what is no
    package, MissingError without dpkg-deb for one that is packed with zstd.
    """
    try:
        with _opened(path) as archive:
            for member in archive:
                if member.name in (name, f"./{name}") and member.isfile():
                    if member.size > limit:
                        raise TooLarge(f"its {name} file has {member.size} bytes")
                    stream = archive.extractfile(member)
                    assert stream is not None
                    return stream.read()
    except (lzma.LZMAError, zlib.error) as error:
        raise tarfile.ReadError(f"its control archive cannot be unpacked: {error}") from error
    return None


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    from debian.arfile import ArFile

    members = {m.name: m for m in ArFile(filename=str(path)).getmembers()}
    if "debian-binary" not in members:
        raise tarfile.ReadError("it has no debian-binary member")
    name = next((n for n in members if n.startswith("control.tar")), None)
    if name is None:
        raise tarfile.ReadError("it has no control.tar member")
    if name.endswith(".zst"):
        with _by_dpkg(path) as stream, _tar(Limited(stream.read)) as archive:
            yield archive
        return
    with _tar(Limited(_unpacked(members[name], name))) as archive:
        yield archive


def _tar(stream: "Limited") -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="r|", tarinfo=SafeTarInfo)  # type: ignore[call-overload, no-any-return]


@contextmanager
def _by_dpkg(path: Path) -> Iterator[BinaryIO]:
    """Python's tarfile knows no zstd before 3.14; dpkg-deb does, and it streams."""
    try:
        process = subprocess.Popen(
            ["dpkg-deb", "--ctrl-tarfile", str(path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(),
        )  # fmt: skip
    except FileNotFoundError as error:
        raise MissingError("dpkg-deb is not installed", fix=Install("dpkg")) from error
    assert process.stdout is not None
    try:
        yield process.stdout  # type: ignore[misc]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Limited:
    """What tarfile reads of: at most `limit` bytes."""

    def __init__(self, read: Callable[[int], bytes], limit: int = ARCHIVE_LIMIT) -> None:
        self._read, self._left, self._limit = read, limit, limit

    def read(self, size: int) -> bytes:
        """Up to `size` bytes. Raises TooLarge."""
        data = self._read(size)
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge(f"its control archive has more than {self._limit} bytes")
        return data


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


def _unpacked(member: _Readable, name: str) -> Callable[[int], bytes]:
    """What reads the unpacked bytes of a member of the package."""
    if name.endswith(".tar"):
        return member.read
    if name.endswith(".gz"):
        return _gunzip(member)
    made: _Decompressor
    if name.endswith((".xz", ".lzma")):
        made = lzma.LZMADecompressor(memlimit=DICTIONARY_LIMIT)
    elif name.endswith(".bz2"):
        import bz2

        made = bz2.BZ2Decompressor()
    else:
        raise tarfile.ReadError(f"it has a control archive {name!r} of an unknown kind")

    def read(size: int) -> bytes:
        while not made.eof:
            data = member.read(CHUNK) if made.needs_input else b""
            if not data and made.needs_input:
                raise EOFError("its control archive ends too early")
            if out := made.decompress(data, size):
                return out
        return b""

    return read


def _gunzip(member: _Readable) -> Callable[[int], bytes]:
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
    rest = b""

    def read(size: int) -> bytes:
        nonlocal rest
        while not inflate.eof:
            data = rest or member.read(CHUNK)
            if not data:
                raise EOFError("its control archive ends too early")
            out = inflate.decompress(data, size)
            rest = inflate.unconsumed_tail
            if out:
                return out
        return b""

    return read
