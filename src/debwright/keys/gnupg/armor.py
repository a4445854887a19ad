"""ASCII armour of OpenPGP data (RFC 9580, section 6), to put several keys or signatures in one.

gpg takes several armoured blocks in one file for as many messages; one block with all the packets
is what gpgv, sqv and apt read as one keyring or as the signatures of one file.
"""

import base64
import binascii
import re

WIDTH = 64
_BLOCK = re.compile(
    rb"-----BEGIN PGP ([A-Z ]+)-----[ \t]*\r?\n((?:[^\r\n]+: [^\r\n]*\r?\n)*)[ \t]*\r?\n"
    rb"([A-Za-z0-9+/=\s]*?)(?:\r?\n=[A-Za-z0-9+/]{4})?\s*\r?\n-----END PGP \1-----"
)
CRC_INITIAL = 0xB704CE
CRC_POLYNOMIAL = 0x1864CFB


def enarmor(kind: str, data: bytes) -> bytes:
    """`data` as a block of `kind`, as `SIGNATURE` or `PUBLIC KEY BLOCK`."""
    text = base64.b64encode(data).decode("ascii")
    lines = [text[i : i + WIDTH] for i in range(0, len(text), WIDTH)]
    check = base64.b64encode(crc24(data).to_bytes(3, "big")).decode("ascii")
    framed = [f"-----BEGIN PGP {kind}-----", "", *lines, f"={check}", f"-----END PGP {kind}-----"]
    return ("\n".join(framed) + "\n").encode("ascii")


def dearmor(data: bytes, kind: str) -> bytes:
    """The packets of every block of `kind` in `data`. Raises ValueError when there is none."""
    parts = []
    for found in _BLOCK.finditer(data):
        if found[1].decode("ascii") == kind:
            try:
                parts.append(base64.b64decode(b"".join(found[3].split()), validate=True))
            except binascii.Error as error:
                raise ValueError(f"a block is damaged: {error}") from error
    if not parts:
        raise ValueError(f"there is no armoured {kind.lower()}")
    return b"".join(parts)


def is_armored(data: bytes) -> bool:
    return data.lstrip().startswith(b"-----BEGIN PGP")


def crc24(data: bytes) -> int:
    """The checksum of section 6.1.1; gpg still wants it."""
    crc = CRC_INITIAL
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= CRC_POLYNOMIAL
    return crc & 0xFFFFFF
