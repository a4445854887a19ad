"""Making a signing key."""

import re
from pathlib import Path
from typing import Literal

from debwright.keys.gnupg.home import open_home
from debwright.keys.ring import KeyInfo, find_key
from debwright.keys.signing.gpg import DIGEST, SigningError
from debwright.model.errors import Evidence, UsageError

Algorithm = Literal["ed25519", "rsa4096"]
EXPIRE_DAYS = 730
MOST_DAYS = 3650


def new_key(
    home: Path, user_id: str, *, algorithm: Algorithm, days: int, passphrase: bytes
) -> KeyInfo:
    """Make a key in the GnuPG home `home` (made if need be); it expires after `days` days.

    An empty passphrase leaves the key unprotected. Raises UsageError for a user id that is none
    and MissingError without gpg; gpg's refusals become SigningError.
    """
    check_wish(user_id, days)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_home(home) as opened:
        answer = opened.call(
            # --yes: a second key of one name is what a rotation needs.
            [
                *("--yes", "--status-fd", "2", *DIGEST, "--quick-generate-key"),
                *("--", user_id, algorithm, "sign,cert", f"{days}d"),
            ],
            secret=passphrase,
        )
        made = re.search(r"\[GNUPG:\] KEY_CREATED P ([0-9A-F]+)", answer.error)
        if answer.status != 0 or made is None:
            raise SigningError(
                "gpg could not make the key",
                evidence=[Evidence(text=line) for line in answer.error.splitlines()[-4:]],
                fix=f"ls -ld {home}; debwright doctor",
            )
        return find_key(opened, made[1])


def check_wish(user_id: str, days: int) -> None:
    """Raise UsageError for a user id or a life that no key gets."""
    if re.fullmatch(r"[^<>()\x00-\x1f\x7f]{2,} <[^<>@\s]+@[^<>@\s]+>", user_id) is None:
        raise UsageError(
            f"{user_id!r} is not a user id",
            cause="a name and an address are shown to whoever looks at the key",
            fix='debwright keys new "Example Releases <releases@example.org>"',
        )
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(
            f"a key that expires after {days} days is not made",
            cause=f"between 1 day and {MOST_DAYS} days; the end can be moved later on",
            fix=f"debwright keys new --days {EXPIRE_DAYS} ...",
        )
