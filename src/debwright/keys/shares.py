"""A secret split among people, some of whom must come together to have it back.

Shamir's scheme as SLIP-0039 writes it down: words that can be read out, with a checksum that
finds a slip of the pen. The package `shamir-mnemonic` is its authors' own implementation.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from debwright.host.files import atomic_write
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.fix import Command

MOST_SHARES = 16
SECRET_BYTES = 32
SIZE_LIMIT = 64 * 1024
_WORDS = re.compile(r"[a-z]{4,8}(?:\s+[a-z]{4,8})*")


def split(secret: bytes, *, needed: int, shares: int) -> list[str]:
    """`shares` lines of words, of which any `needed` give back `secret` (16 or 32 bytes).

    Raises UsageError for numbers the scheme does not have.
    """
    if not 2 <= needed <= shares <= MOST_SHARES:
        raise UsageError(
            f"{needed} of {shares} shares cannot be made",
            cause=f"at least 2 must be needed, of at most {MOST_SHARES}",
            fix=Command("debwright", "keys", "backup", "--shares", "3", "--needed", "2"),
        )
    from shamir_mnemonic import generate_mnemonics

    (group,) = generate_mnemonics(1, [(needed, shares)], secret)
    return list(group)


def combine(lines: Sequence[str]) -> bytes:
    """The secret. Raises DebwrightError: too few shares, of two backups, or mistyped."""
    from shamir_mnemonic import MnemonicError, combine_mnemonics

    try:
        return bytes(combine_mnemonics(list(dict.fromkeys(lines))))
    except MnemonicError as error:
        # Its messages say how many are wanted; none of them repeats a share.
        raise DebwrightError(
            "the shares do not give the backup's password",
            cause=str(error).rstrip("."),
            fix="debwright keys restore BACKUP --share FILE --share FILE ...",
        ) from error


def write_share(
    path: Path, words: str, *, number: int, shares: int, needed: int, fingerprint: str, backup: str
) -> None:
    """One share as a file for its keeper to print or to put away; nobody else may read it."""
    text = (
        f"Share {number} of {shares} of the backup of a signing key\n\n"
        f"Key:     {fingerprint}\n"
        f"Backup:  {backup}\n"
        f"Needed:  any {needed} of the {shares} shares, and the backup file\n\n"
        "Keep this away from the backup file and from the other shares. To restore:\n"
        f"  debwright keys restore {backup} --share FILE --share FILE\n\n"
        f"Words:\n{words}\n"
    )
    atomic_write(path, text, mode=0o600)


def read_share(path: Path) -> str:
    """The words of a share's file, or of one that somebody typed from paper.

    Raises UsageError when there are none.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(SIZE_LIMIT)
    except OSError as error:
        raise UsageError(f"the share {path} cannot be read: {error.strerror}") from error
    _, mark, after = text.partition("Words:")
    words = " ".join((after if mark else text).lower().split())
    if _WORDS.fullmatch(words) is None:
        raise UsageError(
            f"{path} holds no share",
            cause="after `Words:` there must be words of the letters a to z, and nothing else",
        )
    return words
