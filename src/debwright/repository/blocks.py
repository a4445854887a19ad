"""Compressed indices that are put together from pieces, of which only the changed ones are packed.

A text is cut where its own content says so, so that one more package changes one piece and not
all that follow. Pieces become members of a gzip file (RFC 1952, 2.2) and blocks of one xz stream
(The .xz File Format, 1.2.0, chapters 2 and 4). Both are what every reader expects.
"""

import gzip
import lzma
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

PIECE_LIMIT = 1024 * 1024
"""Bytes after which a piece ends though no cut was found."""

Part = tuple[bytes, bytes]
"""A key, by which parts are sorted, and a text."""

_HEADER_SIZE = 12
_FOOTER_SIZE = 12
_CHECK = lzma.CHECK_CRC64
_LEAST = 4096
"""The smallest dictionary that there is."""
_FLAGS = bytes((0, _CHECK))
_HEADER = b"\xfd7zXZ\0" + _FLAGS + struct.pack("<I", zlib.crc32(_FLAGS))


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A piece compressed; `xz` is a complete stream of one block, empty where none is wanted."""

    gz: bytes
    xz: bytes


def pieces(parts: Iterable[Part], average: int) -> Iterator[list[Part]]:
    """Cut `parts` to pieces of about `average` parts.

    Whether a piece begins with a part depends on its name (that of its key up to the first NUL)
    and the name before alone.
    """
    piece: list[Part] = []
    size, before = 0, b""
    for key, text in parts:
        name = key.partition(b"\0")[0]
        if piece and (size > PIECE_LIMIT or (name != before and is_cut(name, average))):
            yield piece
            piece, size = [], 0
        piece.append((key, text))
        size += len(text)
        before = name
    if piece:
        yield piece


def is_cut(name: bytes, average: int) -> bool:
    return zlib.crc32(name) % average == 0


def pack(text: bytes, *, xz: bool) -> Packed:
    """Compress one piece. The same text gives the same bytes, whenever it is done."""
    return Packed(gz=gzip.compress(text, 6, mtime=0), xz=_xz(text) if xz else b"")


def _xz(text: bytes) -> bytes:
    # A dictionary as long as the text compresses as well as the 8 MiB of the preset, whose memory
    # takes as long to be set up as a piece to be compressed.
    size = max(_LEAST, 1 << len(text).bit_length())
    return lzma.compress(
        text, check=_CHECK, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": size}]
    )


EMPTY_GZIP = gzip.compress(b"", 6, mtime=0)


class XzFile:
    """One stream with the blocks of all pieces, written as they come."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._records: list[bytes] = []
        write(_HEADER)

    def add(self, xz: bytes) -> None:
        start = _index_start(xz)
        self._write(xz[_HEADER_SIZE:start])
        self._records.append(_record(xz[start:-_FOOTER_SIZE]))

    def finish(self) -> None:
        index = b"\0" + _number(len(self._records)) + b"".join(self._records)
        index += b"\0" * (-len(index) % 4)
        index += struct.pack("<I", zlib.crc32(index))
        tail = struct.pack("<I", len(index) // 4 - 1) + _FLAGS
        self._write(index + struct.pack("<I", zlib.crc32(tail)) + tail + b"YZ")


def _index_start(stream: bytes) -> int:
    (backward,) = struct.unpack("<I", stream[-8:-4])
    return len(stream) - _FOOTER_SIZE - (int(backward) + 1) * 4


def _record(index: bytes) -> bytes:
    """The one record of an index: two numbers, the sizes of the block packed and not."""
    assert index[:2] == b"\0\x01", "a stream of one block"
    end = 2
    for _ in range(2):
        while index[end] & 0x80:
            end += 1
        end += 1
    return index[2:end]


def _number(value: int) -> bytes:
    """A number in 7 bits a byte, the lowest first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
