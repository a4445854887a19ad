"""Signatures: the seam between what is signed and who signs it."""

from typing import Protocol


class Signer(Protocol):
    """Who signs. Any method may raise DebwrightError."""

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint in upper-case hexadecimal digits; while two keys sign,
        both with a space between."""

    @property
    def signs_with(self) -> str:
        """The fingerprint of the primary key or the subkey that signs; of both while two do."""

    @property
    def note(self) -> str:
        """One line about the key, for reports."""

    @property
    def throwaway(self) -> bool:
        """Whether the key ends with this run, so that nobody can have trusted it before."""

    def clearsign(self, data: bytes) -> bytes: ...
    def detach(self, data: bytes) -> bytes:
        """An armoured detached signature."""

    def public_key(self) -> bytes:
        """In binary."""

    def public_key_armored(self) -> bytes: ...
