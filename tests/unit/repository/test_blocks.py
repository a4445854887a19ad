"""Compressed pieces put together are what every reader unpacks."""

import gzip
import lzma
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debwright.repository.blocks import EMPTY_GZIP, Packed, XzFile, pack, pieces


def gzip_file(packed: list[Packed]) -> bytes:
    return b"".join(each.gz for each in packed) or EMPTY_GZIP


def xz_file(packed: list[Packed]) -> bytes:
    made = bytearray()
    file = XzFile(made.extend)
    for each in packed:
        file.add(each.xz)
    file.finish()
    return bytes(made)


def texts(parts: list[tuple[bytes, bytes]], average: int) -> list[bytes]:
    return [b"".join(text for _, text in piece) for piece in pieces(parts, average)]


TEXTS = st.lists(st.binary(min_size=1, max_size=300), max_size=12)


@settings(deadline=None)  # compression takes its time
@given(TEXTS)
def test_both_formats_unpack_to_the_whole(texts: list[bytes]) -> None:
    packed = [pack(text, xz=True) for text in texts]
    assert gzip.decompress(gzip_file(packed)) == b"".join(texts)
    assert lzma.decompress(xz_file(packed), format=lzma.FORMAT_XZ) == b"".join(texts)


def test_a_piece_costs_no_more_memory_than_it_has_text() -> None:
    """Eight MiB for a dictionary take longer to be set up than a piece to be compressed."""
    packed = [pack(bytes(range(256)) * 200, xz=True) for _ in range(3)]
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=512 * 1024)
    assert unpacker.decompress(xz_file(packed)) == bytes(range(256)) * 600
    assert pack(b"lines of Contents", xz=False).xz == b""


def test_xz_itself_finds_one_stream_with_a_block_for_each_piece() -> None:
    packed = [
        pack(bytes([n]) * 70_000, xz=True) for n in range(200)
    ]  # the index has longer numbers
    data = xz_file(packed)
    listed = subprocess.run(
        ["xz", "--robot", "--list", "/dev/stdin"], input=data, capture_output=True, check=False
    )
    if listed.returncode != 0:  # it cannot list a pipe
        done = subprocess.run(["xz", "-dc"], input=data, capture_output=True, check=True)
        assert len(done.stdout) == 200 * 70_000
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    assert len(unpacker.decompress(data)) == 200 * 70_000
    assert unpacker.eof
    assert unpacker.unused_data == b""  # one stream: apt reads no second one


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=20)), max_size=300))
def test_pieces_are_the_whole(parts: list[tuple[bytes, bytes]]) -> None:
    assert b"".join(texts(parts, 8)) == b"".join(text for _, text in parts)


@pytest.mark.parametrize("position", [0, 1234, 4999])
def test_one_more_part_changes_one_piece(position: int) -> None:
    parts = [(f"pkg{n}".encode(), f"Package: pkg{n}\n\n".encode()) for n in range(5000)]
    before = texts(parts, 128)
    assert 20 < len(before) < 80
    parts.insert(position, (b"other", b"Package: other\n\n"))
    fresh = set(texts(parts, 128)) - set(before)
    assert 1 <= len(fresh) <= 2


def test_a_piece_never_grows_without_end() -> None:
    parts = [(b"same", b"x" * 10_000)] * 1000  # a name that is no cut, again and again
    assert max(len(p) for p in texts(parts, 1_000_003)) < 1_100_000
