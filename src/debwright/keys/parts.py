"""A primary key and its subkeys, as `gpg --with-colons` lists them (GnuPG's doc/DETAILS), and
which of them signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

UNUSABLE = frozenset("erid")
"""Expired, revoked, invalid, disabled."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A primary key or a subkey."""

    fingerprint: str
    algorithm: str
    """As `Ed25519`, `RSA-4096` or `ECDSA-nistp256`."""
    validity: str
    created: datetime
    expires: datetime | None
    can_sign: bool
    secret: bool | None
    """Whether its secret is there; None where the listing does not say."""

    @property
    def usable(self) -> bool:
        return self.can_sign and not UNUSABLE & set(self.validity)


_ALGORITHMS = {"1": "RSA", "17": "DSA", "19": "ECDSA", "22": "EdDSA", "27": "Ed25519"}


def part_of(fields: Sequence[str], fingerprint: str) -> Part:
    """From the line of a key (pub, sub, sec, ssb), with at least 17 fields."""
    secret = None if not fields[14] and fields[0] in ("pub", "sub") else fields[14] != "#"
    return Part(
        fingerprint=fingerprint,
        algorithm=_algorithm(fields),
        validity=fields[1],
        created=time_of(fields[5]) or datetime.fromtimestamp(0, UTC),
        expires=time_of(fields[6]),
        can_sign="s" in fields[11],
        secret=secret,
    )


def that_signs(parts: Sequence[Part]) -> Part | None:
    """The part that gpg signs with, given the primary key's name; None when none can.

    The newest usable subkey that can sign and whose secret is there, else the primary key
    (finish_lookup in GnuPG's g10/getkey.c): so a subkey's end counts, though the primary key could
    sign as well.
    """
    known = any(part.secret is not None for part in parts)
    usable = [p for p in parts if p.usable and (p.secret or not known)]
    subkeys = [p for p in usable if p is not parts[0]]
    return max(subkeys, key=lambda p: p.created) if subkeys else next(iter(usable), None)


def end_of(parts: Sequence[Part]) -> datetime | None:
    """When what is signed today will be refused: the end of the key or of the part that signs.

    Where none can sign any more, the end of the part that signed longest.
    """
    late = [p for p in parts if p.can_sign and not set("ri") & set(p.validity)]
    late.sort(key=lambda p: p.expires.timestamp() if p.expires else float("inf"))
    signing = that_signs(parts) or (late[-1] if late else None)
    ends = [p.expires for p in (parts[0], signing) if p is not None and p.expires is not None]
    return min(ends) if ends else None


def time_of(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if text else None


def _algorithm(fields: Sequence[str]) -> str:
    name = _ALGORITHMS.get(fields[3], f"algorithm {fields[3]}")
    if fields[16] == "ed25519":
        return "Ed25519"
    return f"{name}-{fields[16] or fields[2]}"
