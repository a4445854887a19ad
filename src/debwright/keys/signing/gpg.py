"""Signing with GnuPG: a configured key, or one made for this run."""

import contextlib
import os
import re
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from debwright.host.variables import variable
from debwright.keys.gnupg.armor import enarmor
from debwright.keys.gnupg.home import Answer, GnupgHome, open_home, private_home
from debwright.keys.parts import Part, end_of, part_of, that_signs
from debwright.model.errors import DebwrightError, Evidence, MissingError, UsageError
from debwright.model.fix import Command

DIGEST = ("--digest-algo", "SHA512", "--cert-digest-algo", "SHA512")
PLAIN = ("--no-emit-version", "--no-comments", "--no-armor")
THROWAWAY_DAYS = 30
THROWAWAY_NOTE = "throw-away key made for this run, gone with it"

# The low 16 bits of the code in a FAILURE status line: libgpg-error's GPG_ERR_*.
BAD_PASSPHRASE = 11
NO_PASSPHRASE = 177

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


class SigningError(DebwrightError):
    """A key is there but cannot sign."""


class GpgSigner:
    """Signs with the secret key `fingerprint` of the GnuPG home `home`.

    A context manager: entering checks that the key is there and can sign. `home` is a
    directory, by default GNUPGHOME or ~/.gnupg. `passphrase_env` names the environment
    variable that holds the passphrase; gpg gets it on a file descriptor. An agent that the
    user runs for this home is used and left alone; one started here ends with this object,
    and with debwright when that is killed.

    Raises MissingError (no gpg, no such home, no secret key, variable not set), SigningError
    (expired, revoked, cannot sign, wrong passphrase) and UsageError (not a fingerprint).
    """

    throwaway = False

    def __init__(
        self, fingerprint: str, *, home: Path | None = None, passphrase_env: str | None = None
    ) -> None:
        self._wanted = fingerprint.replace(" ", "").removeprefix("0x").upper()
        if not _FINGERPRINT.fullmatch(self._wanted):
            raise UsageError(
                f"{fingerprint!r} is not the fingerprint of a key",
                cause="a fingerprint has 40 hexadecimal digits; names and short ids are ambiguous",
                fix=Command("gpg", "--list-secret-keys", "--with-fingerprint"),
            )
        self._where = home or Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")
        self._passphrase_env = passphrase_env
        self._home: GnupgHome | None = None
        self._starting = threading.Lock()
        self._exporting = threading.Lock()
        self._ahead: threading.Thread | None = None
        self._user_id = ""
        self._public: bytes | None = None
        self.expires: datetime | None = None
        self._signs_with = ""

    @property
    def opened(self) -> GnupgHome | None:
        """The home it signs in; None before it is needed."""
        return self._home

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the primary key, 40 or 64 upper-case hexadecimal digits."""
        return self._wanted

    @property
    def signs_with(self) -> str:
        """The fingerprint of the part that signs: the primary key's, or a subkey's."""
        self._opened()
        return self._signs_with or self._wanted

    @property
    def note(self) -> str:
        """One line about the key, for reports."""
        self._opened()
        until = f"valid until {self.expires:%Y-%m-%d}" if self.expires else "without an expiry date"
        return f"key {self.fingerprint} ({self._user_id}), {until}"

    def clearsign(self, data: bytes) -> bytes:
        """`data` as a cleartext signed message (RFC 9580, section 7), as InRelease is."""
        return self._sign("--clearsign", data)

    def detach(self, data: bytes) -> bytes:
        """An armoured detached signature of `data`, as Release.gpg is."""
        return self._sign("--detach-sign", data)

    def public_key(self) -> bytes:
        """The public key in binary, without other people's signatures."""
        with self._exporting:
            if self._public is None:
                self._public = self._export()
            return self._public

    def public_key_armored(self) -> bytes:
        return enarmor("PUBLIC KEY BLOCK", self.public_key())

    def __enter__(self) -> Self:
        self._opened()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self) -> None:
        """Open the home and get the public key while the caller does something else.

        What fails here is told at the first use, which tries again.
        """

        def open_ahead() -> None:
            # Of any kind, as one without memory for a process: a thread has nobody to tell.
            with contextlib.suppress(Exception):
                self.public_key()

        if self._ahead is None:
            self._ahead = threading.Thread(target=open_ahead, daemon=True)
            self._ahead.start()

    def close(self) -> None:
        if self._ahead is not None:
            self._ahead.join()  # else it could open a home that nobody closes
            self._ahead = None
        if self._home is not None:
            self._home.close()
            self._home = None
            self._public = None  # its expiry may be moved before it is opened again

    def _opened(self) -> GnupgHome:
        with self._starting:
            if self._home is None:
                home = self._open()
                try:
                    self._prepare(home)
                except BaseException:
                    home.close()
                    raise
                self._home = home
            return self._home

    def _open(self) -> GnupgHome:
        return open_home(self._where)

    def _prepare(self, home: GnupgHome) -> None:
        """Find the key and make sure that it can sign."""
        listing = home.call(
            ["--with-colons", "--fixed-list-mode", "--list-secret-keys", self._wanted]
        )
        keys, self._user_id = parse_keys(listing.output.decode("utf-8", "replace"))
        if listing.status != 0 or not keys:
            raise self._no_secret_key(home)
        if keys[0].fingerprint != self._wanted:
            raise UsageError(
                f"{self._wanted} is a subkey: name its primary key",
                fix=f"use {keys[0].fingerprint}",
            )
        self._check(keys)
        self._passphrase()

    def _check(self, keys: Sequence[Part]) -> None:
        primary = keys[0]
        self.expires = end_of(keys)
        listing = f"gpg --list-secret-keys {self._wanted}"
        if primary.validity == "r":
            raise SigningError(
                f"the signing key {self._wanted} is revoked",
                fix="gpg --list-secret-keys, and configure another key",
            )
        signing = [k for k in keys if k.can_sign and k.secret]
        if primary.validity == "e":
            raise self._expired(primary)
        if not signing:
            raise SigningError(f"no part of the key {self._wanted} can sign", fix=listing)
        used = that_signs(keys)
        if used is None:
            late = [k for k in signing if k.validity == "e"]
            if late:
                raise self._expired(max(late, key=lambda k: k.expires or datetime.max))
            raise SigningError(f"no valid part of the key {self._wanted} can sign", fix=listing)
        self._signs_with = used.fingerprint

    def _expired(self, key: Part) -> SigningError:
        when = f" on {key.expires:%Y-%m-%d at %H:%M} UTC" if key.expires else ""
        return SigningError(
            f"the signing key {self._wanted} expired{when}",
            evidence=[Evidence(text=self._user_id)] if self._user_id else [],
            cause="keys are made with an expiry date; extending it keeps the key",
            fix=Command("gpg", "--quick-set-expire", self._wanted, "2y"),
        )

    def _no_secret_key(self, home: GnupgHome) -> MissingError:
        public = home.call(["--with-colons", "--list-keys", self._wanted]).status == 0
        return MissingError(
            f"there is no secret key {self._wanted} in {home.path}",
            cause="only its public part is there"
            if public
            else "the key was never imported there, or GNUPGHOME names another place",
            fix="gpg --import SECRET-KEY-FILE, or gpg --list-secret-keys to see what is there",
        )

    def _passphrase(self) -> bytes | None:
        if self._passphrase_env is None:
            return None
        cause = f"it must hold the passphrase of the signing key {self._wanted}"
        return variable(self._passphrase_env, cause=cause, may_be_empty=True).encode()

    def _sign(self, how: str, data: bytes) -> bytes:
        home = self._opened()
        answer = home.call(
            ["--status-fd", "2", *DIGEST, *PLAIN, "--local-user", self._wanted, "--armor", how],
            stdin=data,
            secret=self._passphrase(),
        )
        if answer.status != 0 or "[GNUPG:] SIG_CREATED " not in answer.error:
            raise self._cannot_sign(answer)
        return answer.output

    def _cannot_sign(self, answer: Answer) -> SigningError:
        codes = [int(c) & 0xFFFF for c in re.findall(r"FAILURE \S+ (\d+)", answer.error)]
        wants = "NEED_PASSPHRASE" in answer.error or NO_PASSPHRASE in codes
        name = self._passphrase_env
        if BAD_PASSPHRASE in codes or (wants and name is not None):
            return SigningError(
                f"the passphrase of the signing key {self._wanted} is wrong",
                cause=f"{name} holds another passphrase" if name else None,
                fix=f"export {name}=... with the right one" if name else None,
            )
        if wants:
            return SigningError(
                f"the signing key {self._wanted} needs a passphrase, and none is configured",
                fix="name the environment variable that holds it in debwright.toml",
            )
        said = [line for line in answer.error.splitlines() if not line.startswith("[GNUPG:]")]
        return SigningError(
            f"gpg could not sign with {self._wanted}",
            evidence=[Evidence(text=line) for line in said[-5:]],
            fix=Command("gpg", "--local-user", self._wanted, "--clearsign", "/etc/debian_version"),
        )

    def _export(self) -> bytes:
        answer = self._opened().call(
            [*PLAIN, "--export-options", "export-minimal", "--export", self.fingerprint]
        )
        if answer.status != 0 or not answer.output:
            raise SigningError(
                f"gpg could not export the public key {self.fingerprint}",
                evidence=[Evidence(text=line) for line in answer.error.splitlines()[-5:]],
            )
        return answer.output


class ThrowawaySigner(GpgSigner):
    """Signs with an Ed25519 key of 30 days' life that never touches a disk.

    The key is made when it is first needed, so that a run with nothing to sign makes none,
    and is gone when this object is closed or debwright ends, by SIGKILL too.
    """

    throwaway = True

    def __init__(self, uid: str) -> None:
        if not uid.strip() or not uid.isprintable():
            raise UsageError(f"{uid!r} cannot be the name of a key")
        super().__init__("0" * 40)
        self._user_id = uid

    @property
    def fingerprint(self) -> str:
        self._opened()
        return self._wanted

    @property
    def note(self) -> str:
        return THROWAWAY_NOTE

    def __enter__(self) -> Self:
        return self

    def _open(self) -> GnupgHome:
        return private_home()

    def _prepare(self, home: GnupgHome) -> None:
        # An empty passphrase is no secret: this home is seen by this run alone.
        answer = home.call(
            [
                *("--status-fd", "2", *DIGEST, "--quick-generate-key"),
                *("--", self._user_id, "ed25519", "sign,cert", f"{THROWAWAY_DAYS}d"),
            ],
            secret=b"",
        )
        made = re.search(r"\[GNUPG:\] KEY_CREATED P ([0-9A-F]+)", answer.error)
        if answer.status != 0 or made is None:
            raise SigningError(
                "gpg could not make a throw-away key",
                evidence=[Evidence(text=line) for line in answer.error.splitlines()[-5:]],
                fix=Command("debwright", "doctor"),
            )
        self._wanted = made.group(1)


def throwaway_signer(uid: str) -> ThrowawaySigner:
    """A signer with a key of its own, gone with this process; use it in `with`.

    `uid` is the key's user id, as `greeter (throw-away) <debwright@localhost>`.
    """
    return ThrowawaySigner(uid)


def parse_keys(listing: str) -> tuple[list[Part], str]:
    """The primary key, its subkeys and its first user id from `gpg --with-colons`."""
    keys: list[Part] = []
    user_id = ""
    pending: list[str] | None = None
    for line in listing.splitlines():
        fields = [*line.split(":"), *[""] * 20]
        if fields[0] == "sec" and keys:
            break  # another key; a fingerprint names one
        if fields[0] in ("sec", "ssb"):
            pending = fields
        elif fields[0] == "fpr" and pending is not None:
            keys.append(part_of(pending, fields[9]))
            pending = None
        elif fields[0] == "uid" and not user_id:
            user_id = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), fields[9])
    return keys, user_id
