"""A package of a few kilobytes cannot make debwright take gigabytes."""

import gzip
import io
import lzma
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from debwright.model.errors import CheckError, UsageError
from debwright.packages.control_archive import ARCHIVE_LIMIT, FILE_LIMIT, TooLarge, read_member
from debwright.packages.debs import read_deb
from debwright.repository.incoming import read_control

GOOD = b"Package: aa\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n"
MEMORY = 1 << 30


def member(name: str, size: int, *, type_: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, type_
    return info.tobuf(tarfile.USTAR_FORMAT)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 512)


def deb(path: Path, name: str, packed: bytes) -> Path:
    """An ar archive (deb(5)) with this control archive."""
    out = b"!<arch>\n"
    for part, data in (("debian-binary", b"2.0\n"), (name, packed), ("data.tar", b"\0" * 1024)):
        out += f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data
        out += b"\n" * (len(data) % 2)
    path.write_bytes(out)
    return path


def zeros(pack: Callable[[bytes], bytes], head: bytes, size: int) -> bytes:
    """Packed: `head`, and so many zeros after it."""
    return pack(head + b"\0" * size)


@pytest.mark.parametrize(
    ("name", "pack"),
    [("control.tar", bytes), ("control.tar.gz", gzip.compress), ("control.tar.xz", lzma.compress)],
)
def test_what_is_meant_well(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    plain = member("./control", len(GOOD)) + padded(GOOD) + b"\0" * 1024
    path = deb(tmp_path / "a.deb", name, pack(plain))
    assert read_member(path, "control") == GOOD
    assert read_member(path, "postinst") is None
    assert read_deb(path).package == read_control(path)["Package"] == "aa"


BIG = 70 << 20
BOMBS = {
    "a control file": member("./control", BIG),
    "a file before it": member("./big", BIG),
    "a pax header": member("./x", BIG, type_=tarfile.XHDTYPE),
    "a long name": member("./x", BIG, type_=tarfile.GNUTYPE_LONGNAME),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, what: str) -> None:
    path = deb(tmp_path / "a.deb", "control.tar.xz", zeros(lzma.compress, BOMBS[what], BIG))
    assert path.stat().st_size < 100_000
    # In a process of its own, which may take no more than it needs for a good one and a bit.
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from debwright.packages.debs import read_deb\n"
        "from debwright.model.errors import UsageError\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))\n"
        "try: read_deb(Path(sys.argv[1]))\n"
        "except UsageError as e: print(e.evidence[0].text)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert "TooLarge" in done.stdout, done.stdout + done.stderr
    with pytest.raises(CheckError):
        read_control(path)


def test_a_dictionary_that_xz_would_allocate(tmp_path: Path) -> None:
    plain = member("./control", len(GOOD)) + padded(GOOD) + b"\0" * 1024
    packed = bytearray(lzma.compress(plain))
    # The block's header: the one byte that says the size, and its checksum (xz format, 3.1).
    start = 12
    header = bytearray(packed[start : start + (packed[start] + 1) * 4])
    at = header.index(bytes([0x21, 0x01]), 1) + 2
    header[at] = 38  # 3 GiB
    header[-4:] = _crc32(bytes(header[:-4]))
    packed[start : start + len(header)] = header
    path = deb(tmp_path / "a.deb", "control.tar.xz", bytes(packed))
    with pytest.raises(tarfile.ReadError, match=r"(?i)memory"):
        read_member(path, "control")


def _crc32(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


@pytest.mark.parametrize("size", [FILE_LIMIT, FILE_LIMIT + 1])
def test_the_limit_itself(tmp_path: Path, size: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("./control")
        info.size = size
        tar.addfile(info, io.BytesIO(b"x" * size))
    path = deb(tmp_path / "a.deb", "control.tar.gz", out.getvalue())
    if size > FILE_LIMIT:
        with pytest.raises(TooLarge):
            read_member(path, "control")
    else:
        assert read_member(path, "control") == b"x" * size
    assert ARCHIVE_LIMIT > FILE_LIMIT


@pytest.mark.parametrize("packed", [b"", b"\0" * 5, b"no archive"])
@pytest.mark.parametrize("name", ["control.tar", "control.tar.gz", "control.tar.xz", "control.x"])
def test_what_is_no_package(tmp_path: Path, name: str, packed: bytes) -> None:
    with pytest.raises(UsageError):
        read_deb(deb(tmp_path / "a.deb", name, packed))
