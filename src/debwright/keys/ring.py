"""The keys of a GnuPG home, and how long each of them will still do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from debwright.keys.gnupg.home import GnupgHome
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.fix import Command
from debwright.model.results import Finding

WARN_DAYS = 90
FAIL_DAYS = 14
"""A release must not be signed by a key that users have to replace within two weeks."""

_ALGORITHMS = {"1": "RSA", "17": "DSA", "19": "ECDSA", "22": "EdDSA", "27": "Ed25519"}
_RSA_BITS = 3072


@dataclass(frozen=True, kw_only=True)
class KeyInfo:
    """A key of `gpg --with-colons` (GnuPG's doc/DETAILS)."""

    fingerprint: str
    user_id: str
    algorithm: str
    """As `Ed25519` or `RSA-4096`."""
    created: datetime
    expires: datetime | None
    """When the key, or the last part of it that can sign, expires; None: never."""
    secret: bool
    revoked: bool
    can_sign: bool

    def days_left(self, now: datetime) -> int | None:
        """Whole days until it expires, below 0 afterwards; None when it never does."""
        return None if self.expires is None else (self.expires - now).days

    @property
    def strong(self) -> bool:
        """Whether Debian 13's policy takes it: Ed25519, or RSA of 3072 bits and more."""
        if self.algorithm == "Ed25519":
            return True
        name, _, bits = self.algorithm.partition("-")
        return name == "RSA" and int(bits) >= _RSA_BITS


@dataclass
class _Parts:
    """The lines of one key."""

    primary: list[str]
    fingerprints: list[str] = field(default_factory=list)
    user_id: str = ""
    subkeys: list[list[str]] = field(default_factory=list)


def list_keys(home: GnupgHome, *names: str) -> list[KeyInfo]:
    """The keys of `home`, or those of `names`, in gpg's order; none when there is no such key."""
    answer = home.call(
        ["--with-colons", "--fixed-list-mode", "--with-secret", "--list-keys", "--", *names]
    )
    return parse_listing(answer.output.decode("utf-8", "replace"))


def find_key(home: GnupgHome, fingerprint: str) -> KeyInfo:
    """The key of that fingerprint. Raises MissingError."""
    for key in list_keys(home, fingerprint):
        if key.fingerprint == fingerprint:
            return key
    raise MissingError(
        f"there is no key {fingerprint} in {home.path}",
        cause="it was never imported there, or another home is configured",
        fix=Command("debwright", "keys", "list"),
    )


def keys_of_file(home: GnupgHome, path: Path) -> list[KeyInfo]:
    """The public keys in a file, without importing them. Raises DebwrightError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DebwrightError(f"the key file {path} cannot be read: {error.strerror}") from error
    answer = home.call(["--with-colons", "--fixed-list-mode", "--show-keys"], stdin=data)
    found = parse_listing(answer.output.decode("utf-8", "replace"))
    if not found:
        raise DebwrightError(
            f"{path} holds no OpenPGP key",
            evidence=[Evidence(text=line) for line in answer.error.splitlines()[-2:]],
            fix=Command("debwright", "keys", "export"),
        )
    return found


def parse_listing(text: str) -> list[KeyInfo]:
    keys: list[_Parts] = []
    for line in text.splitlines():
        fields = [*line.split(":"), *[""] * 20]
        if fields[0] in ("pub", "sec"):
            keys.append(_Parts(primary=fields))
        elif not keys:
            continue
        elif fields[0] in ("sub", "ssb"):
            keys[-1].subkeys.append(fields)
        elif fields[0] == "fpr":
            keys[-1].fingerprints.append(fields[9])
        elif fields[0] == "uid" and not keys[-1].user_id:
            keys[-1].user_id = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), fields[9])
    return [_info(parts) for parts in keys if parts.fingerprints]


def _info(parts: _Parts) -> KeyInfo:
    primary = parts.primary
    signing = [f for f in (primary, *parts.subkeys) if "s" in f[11] and f[1] not in ("r", "i")]
    return KeyInfo(
        fingerprint=parts.fingerprints[0],
        user_id=parts.user_id,
        algorithm=_algorithm(primary),
        created=_time(primary[5]) or datetime.fromtimestamp(0, UTC),
        expires=_expiry(primary, signing),
        secret=primary[14] not in ("", "#") or primary[0] == "sec",
        revoked=primary[1] == "r",
        can_sign=bool(signing),
    )


def _expiry(primary: Sequence[str], signing: Sequence[Sequence[str]]) -> datetime | None:
    """The earlier of the key's end and the end of the part that signs longest."""
    ends = [_time(part[6]) for part in signing]
    last = None if not ends or None in ends else max(e for e in ends if e is not None)
    whole = _time(primary[6])
    known = [e for e in (whole, last) if e is not None]
    return min(known) if known else None


def _time(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if text else None


def _algorithm(fields: Sequence[str]) -> str:
    name = _ALGORITHMS.get(fields[3], f"algorithm {fields[3]}")
    if fields[16] == "ed25519":
        return "Ed25519"
    return f"{name}-{fields[16] or fields[2]}"


def spaced(fingerprint: str) -> str:
    """A fingerprint in groups of four, as people compare it."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4))


CODES = Codes(
    {
        "key/revoked": Code(ERROR, "The signing key is revoked."),
        "key/cannot-sign": Code(ERROR, "The signing key cannot sign."),
        "key/weak": Code(ERROR, "apt of Debian 13 does not take such a key."),
        "key/expired": Code(ERROR, "The signing key has expired."),
        "key/expires-soon": Code(ERROR, "The signing key expires within days."),
        "key/expires": Code(WARNING, "The signing key expires within weeks."),
        "key/refused": Code(ERROR, "A tool does not accept the key's signature."),
    }
)


def health(key: KeyInfo, now: datetime) -> Finding | None:
    """What is wrong with a key that signs, or soon will be; None for a good one."""
    name = f"the signing key {key.fingerprint}"
    if key.revoked:
        return CODES.found("key/revoked", f"{name} is revoked", fix="debwright keys rotate")
    if not key.can_sign:
        return CODES.found("key/cannot-sign", f"{name} cannot sign", fix="debwright keys rotate")
    if not key.strong:
        what = f"{name} is {key.algorithm}, which apt of Debian 13 does not take"
        return CODES.found("key/weak", what, fix="debwright keys rotate")
    return _age(key, name, now)


def _age(key: KeyInfo, name: str, now: datetime) -> Finding | None:
    days = key.days_left(now)
    if days is None or key.expires is None or days > WARN_DAYS:
        return None
    day = f"{key.expires:%Y-%m-%d}"
    extend = f"gpg --quick-set-expire {key.fingerprint} 2y, or debwright keys rotate"
    if days < 0:
        return CODES.found("key/expired", f"{name} expired on {day}", fix=extend)
    soon = f"{name} expires in {days} days, on {day}"
    if days <= FAIL_DAYS:
        return CODES.found("key/expires-soon", soon, fix=extend)
    return CODES.found("key/expires", soon, fix=extend)
