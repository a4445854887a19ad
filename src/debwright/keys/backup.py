"""An encrypted copy of a signing key, and the way back from it.

The file is an OpenPGP message encrypted with a password (RFC 9580, 5.3 and 5.13), so that gpg
alone can open it in ten years' time. In it is JSON: the key as gpg exports it, still protected by
its own passphrase, and that passphrase, without which nobody could use what was restored.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from debwright.host.files import atomic_write
from debwright.keys import shares as splitting
from debwright.keys.gnupg.home import GnupgHome, open_home, private_home
from debwright.keys.ring import KeyInfo, find_key
from debwright.keys.signing.from_variable import import_secret
from debwright.keys.signing.gpg import SigningError
from debwright.model.errors import DebwrightError, Evidence, UsageError

SIZE_LIMIT = 4 * 1024 * 1024
PROBE = b"debwright: is this key whole?\n"
LEAST_CHARACTERS = 12
"""Of a password."""
LEAST_DIFFERENT = 6
"""Characters of a password that are not the same."""
# The most that gpg allows: a second of work for us, and for each guess of an attacker.
_S2K = ("--s2k-mode", "3", "--s2k-digest-algo", "SHA512", "--s2k-count", "65011712")


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "debwright key backup 1"
    fingerprint: str
    user_id: str
    passphrase: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Backup:
    """What was written."""

    path: Path
    shares: tuple[Path, ...]
    needed: int | None


def back_up(
    home: Path,
    fingerprint: str,
    path: Path,
    *,
    passphrase: bytes,
    password: bytes | None = None,
    shares: int = 0,
    needed: int = 0,
) -> Backup:
    """Write the key, encrypted, to `path`: with `password`, or with one that `shares` people hold.

    `passphrase` is the key's own. Before this returns, the backup has been read back and the key in
    it has signed something. Raises SigningError when the key cannot be exported, UsageError
    for a password or numbers that will not do; nothing has been written then.
    """
    files = [path.with_name(f"{path.stem}-share-{n + 1}-of-{shares}.txt") for n in range(shares)]
    for file in (path, *files):
        # A share of an earlier backup may be all that its keeper's copy was made from.
        if file.exists():
            raise UsageError(f"{file} is there already", fix="name another file with --to")
    with open_home(home) as opened:
        payload = _export(opened, find_key(opened, fingerprint), passphrase)
    secret = secrets.token_bytes(splitting.SECRET_BYTES)
    words = splitting.split(secret, needed=needed, shares=shares) if shares else []
    if shares:
        password = secret.hex().encode()
    password = _require_long(password)
    with private_home() as scratch:
        sealed = scratch.call(
            ["--armor", "--cipher-algo", "AES256", *_S2K, "--symmetric"],
            stdin=payload.model_dump_json().encode(),
            secret=password,
        )
        if sealed.status != 0 or not sealed.output:
            raise SigningError("gpg could not encrypt the backup", evidence=_said(sealed.error))
    _rehearse(sealed.output, password, words[:needed])
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        for number, (file, line) in enumerate(zip(files, words, strict=True), 1):
            splitting.write_share(
                file, line, number=number, shares=shares, needed=needed,
                fingerprint=fingerprint, backup=path.name,
            )  # fmt: skip
        atomic_write(path, sealed.output, mode=0o600)
    except BaseException:
        for file in files:  # of no use without the backup
            file.unlink(missing_ok=True)
        raise
    return Backup(path=path, shares=tuple(files), needed=needed if shares else None)


def _require_long(password: bytes | None) -> bytes:
    """Raise UsageError for a password that can be tried out; a backup lies about for years."""
    password = password or b""
    length = len(password.decode("utf-8", "replace").strip())
    if length < LEAST_CHARACTERS or len(set(password)) < LEAST_DIFFERENT:
        said = f"has {length} characters" if length else "is empty"
        if length >= LEAST_CHARACTERS:
            said = "repeats a few characters"
        raise UsageError(
            f"the backup's password {said}, and whoever gets the file could find it out",
            cause=f"at least {LEAST_CHARACTERS} characters are needed, and not the same few",
            fix="six words chosen by dice, or no password: debwright keys backup --shares 3 "
            "--needed 2",
        )
    return password


def open_backup(data: bytes, password: bytes) -> _Payload:
    """Decrypt a backup. Raises DebwrightError for a wrong password or another kind of file."""
    with private_home() as scratch:
        answer = scratch.call(["--decrypt"], stdin=data, secret=password)
    if answer.status != 0:
        wrong = "Bad session key" in answer.error or "decryption failed" in answer.error
        raise DebwrightError(
            "the backup cannot be decrypted",
            evidence=_said(answer.error),
            cause="the password is wrong, or the file was altered" if wrong else None,
            fix="check that the shares (or the password) belong to this file",
        )
    try:
        return _Payload.model_validate_json(answer.output)
    except ValidationError:
        # Without the cause: pydantic's message would repeat what was decrypted.
        raise DebwrightError(
            "the file is encrypted, but it is no backup of a key",
            cause="another program made it",
        ) from None


def password_from(share_files: Sequence[Path]) -> bytes:
    """The password that the shares in these files stand for."""
    return splitting.combine([splitting.read_share(f) for f in share_files]).hex().encode()


def restore(path: Path, home: Path, *, password: bytes) -> tuple[KeyInfo, str]:
    """Bring the key of a backup into `home`; the key and its passphrase.

    Raises DebwrightError when the backup cannot be opened or the key cannot be imported.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT)
    except OSError as error:
        raise DebwrightError(f"the backup {path} cannot be read: {error.strerror}") from error
    payload = open_backup(data, password)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_home(home) as opened:
        import_secret(opened, payload.key.encode(), str(path))
        _prove(opened, payload)
        return find_key(opened, payload.fingerprint), payload.passphrase


def _export(home: GnupgHome, key: KeyInfo, passphrase: bytes) -> _Payload:
    if not key.secret:
        raise SigningError(
            f"only the public part of {key.fingerprint} is in {home.path}",
            fix="back it up on the machine that has the secret key",
        )
    answer = home.call(["--armor", "--export-secret-keys", key.fingerprint], secret=passphrase)
    if answer.status != 0 or not answer.output:
        raise SigningError(
            f"gpg could not export the secret key {key.fingerprint}",
            evidence=_said(answer.error),
            cause="the passphrase is wrong, or none was given",
            fix="debwright keys backup --passphrase-env NAME",
        )
    return _Payload(
        fingerprint=key.fingerprint,
        user_id=key.user_id,
        passphrase=passphrase.decode(),
        key=answer.output.decode("ascii"),
    )


def _rehearse(sealed: bytes, password: bytes, words: Sequence[str]) -> None:
    """Read the backup as its restorer will, into a home that is gone afterwards."""
    if words:
        password = splitting.combine(words).hex().encode()
    payload = open_backup(sealed, password)
    with private_home() as scratch:
        import_secret(scratch, payload.key.encode(), "the backup")
        _prove(scratch, payload)


def _prove(home: GnupgHome, payload: _Payload) -> None:
    answer = home.call(
        ["--armor", "--local-user", payload.fingerprint, "--detach-sign"],
        stdin=PROBE,
        secret=payload.passphrase.encode(),
    )
    expired = "expired" in answer.error
    if answer.status != 0 and not expired:
        raise SigningError(
            "the key of the backup does not sign",
            evidence=_said(answer.error),
            cause="the passphrase that was backed up is not the key's",
            fix="debwright keys backup --passphrase-env NAME",
        )


def _said(error: str) -> list[Evidence]:
    return [Evidence(text=line) for line in error.splitlines()[-3:]]
