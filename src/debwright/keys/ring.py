"""The keys of a GnuPG home, and how long each of them will still do."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from debwright.keys.gnupg.home import GnupgHome
from debwright.keys.parts import end_of, part_of, that_signs
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.fix import Command
from debwright.model.results import Finding

WARN_DAYS = 90
FAIL_DAYS = 14
"""A release must not be signed by a key that users have to replace within two weeks."""

_RSA_BITS = 2048
_CURVES = ("Ed25519", "ECDSA-nistp256", "ECDSA-nistp384", "ECDSA-nistp521")


@dataclass(frozen=True, kw_only=True)
class KeyInfo:
    """A key of `gpg --with-colons` (GnuPG's doc/DETAILS)."""

    fingerprint: str
    user_id: str
    algorithm: str
    """As `Ed25519` or `RSA-4096`."""
    created: datetime
    expires: datetime | None
    """When the key, or the part of it that signs, expires; None: never."""
    secret: bool
    revoked: bool
    can_sign: bool
    signs_with: str = ""
    """The fingerprint of the part that gpg signs with, a subkey's or its own; empty for none."""

    @property
    def state(self) -> str:
        """All that users may need to get again when it changes."""
        return f"{self.fingerprint} {self.signs_with} {self.expires}"

    def days_left(self, now: datetime) -> int | None:
        """Whole days until it expires, below 0 afterwards; None when it never does."""
        return None if self.expires is None else (self.expires - now).days

    @property
    def strong(self) -> bool:
        """Whether Debian 13's apt took such a key when it was tried. What the targets' own apt says
        counts more (repository/acceptance.py); this is for where none of them can be asked."""
        if self.algorithm in _CURVES:
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


def _info(found: _Parts) -> KeyInfo:
    lines = (found.primary, *found.subkeys)
    parts = [part_of(f, fpr) for f, fpr in zip(lines, found.fingerprints, strict=False)]
    signing = that_signs(parts)
    primary = found.primary
    return KeyInfo(
        fingerprint=parts[0].fingerprint,
        user_id=found.user_id,
        algorithm=(signing or parts[0]).algorithm,
        created=parts[0].created,
        expires=end_of(parts),
        secret=primary[14] not in ("", "#") or primary[0] == "sec",
        revoked=primary[1] == "r",
        can_sign=any(p.can_sign and not set("ri") & set(p.validity) for p in parts),
        signs_with=signing.fingerprint if signing else "",
    )


def spaced(fingerprint: str) -> str:
    """A fingerprint in groups of four, as people compare it."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4))


CODES = Codes(
    {
        "key/revoked": Code(ERROR, "The signing key is revoked."),
        "key/cannot-sign": Code(ERROR, "The signing key cannot sign."),
        "key/weak": Code(WARNING, "apt of Debian 13 does not take such a key."),
        "key/expired": Code(ERROR, "The signing key has expired."),
        "key/expires-soon": Code(ERROR, "The signing key expires within days."),
        "key/expires": Code(WARNING, "The signing key expires within weeks."),
        "key/refused": Code(ERROR, "A tool does not accept the key's signature."),
        "key/refused-by-target": Code(ERROR, "apt of a target does not accept the key."),
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
    subkey = key.signs_with if key.signs_with != key.fingerprint else ""
    extend = f"gpg --quick-set-expire {key.fingerprint} 2y {subkey}".rstrip()
    extend += ", then publish; or debwright keys rotate"
    name = f"{name} (its subkey {subkey} signs)" if subkey else name
    if days < 0:
        return CODES.found("key/expired", f"{name} expired on {day}", fix=extend)
    soon = f"{name} expires in {days} days, on {day}"
    if days <= FAIL_DAYS:
        return CODES.found("key/expires-soon", soon, fix=extend)
    return CODES.found("key/expires", soon, fix=extend)
