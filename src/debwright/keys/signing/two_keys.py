"""Two keys that sign together, while users change from one to the other.

gpgv, sqv and apt take a file whose signatures are not all known to them, as long as one is: so
who has the old key and who has the new one both go on as before.
"""

import contextlib
from typing import Self

from debwright.keys.gnupg.armor import dearmor, enarmor
from debwright.keys.signing.gpg import GpgSigner
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command

SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"


class TwoKeySigner:
    """Signs with `old` and with `new`; each may have its own home and passphrase."""

    throwaway = False

    def __init__(self, old: GpgSigner, new: GpgSigner) -> None:
        self._old, self._new = old, new
        self._open = contextlib.ExitStack()

    @property
    def fingerprint(self) -> str:
        """Both, the one that stays first."""
        return f"{self._new.fingerprint} {self._old.fingerprint}"

    @property
    def signs_with(self) -> str:
        return f"{self._new.signs_with} {self._old.signs_with}"

    @property
    def note(self) -> str:
        return f"{self._new.note}; and, until it is dropped, {self._old.note}"

    def clearsign(self, data: bytes) -> bytes:
        """The cleartext of one and the signatures of both.

        Both sign the same canonical text with SHA-512, so the head of one serves for both.
        """
        text, mark, signature = self._new.clearsign(data).rpartition(SIGNATURE)
        other_text, _, other = self._old.clearsign(data).rpartition(SIGNATURE)
        if text != other_text:
            raise DebwrightError(
                "the two keys sign with different digests",
                cause="the keys have other preferences than SHA-512",
                fix=Command("debwright", "keys", "verify"),
            )
        packets = dearmor(mark + signature, "SIGNATURE") + dearmor(mark + other, "SIGNATURE")
        return text + enarmor("SIGNATURE", packets)

    def detach(self, data: bytes) -> bytes:
        return enarmor(
            "SIGNATURE",
            b"".join(dearmor(s.detach(data), "SIGNATURE") for s in (self._new, self._old)),
        )

    def public_key(self) -> bytes:
        return self._new.public_key() + self._old.public_key()

    def public_key_armored(self) -> bytes:
        return enarmor("PUBLIC KEY BLOCK", self.public_key())

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opened:
            opened.enter_context(self._old)
            opened.enter_context(self._new)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
