"""Checking signatures with the tools that users' machines use: gpgv, and sqv where there is one.

What counts is apt's own rule (apt-secure(8), its gpgv and sqv methods): one good signature of a
known key is enough, whatever further ones there are; none may be bad.
"""

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debwright.host.process import run
from debwright.keys.gnupg.armor import dearmor, is_armored
from debwright.model.errors import DebwrightError, MissingError
from debwright.model.fix import Command, Install

TOOLS = ("gpgv", "sqv")
KEYRING_LIMIT = 4 * 1024 * 1024
WEAK = {"1": "MD5", "2": "SHA-1", "3": "RIPEMD-160"}
"""Hash algorithms of RFC 9580, 9.5, that Debian 13 does not take."""
_WEAK_OPTIONS = ("--weak-digest", "SHA1", "--weak-digest", "RIPEMD160")
_STATUS = re.compile(r"^\[GNUPG:\] ([A-Z_]+)(?: (.*))?$", re.M)

UNKNOWN = "it was signed with a key that is not in the keyring"
EXPIRED = "the key has expired"
ALTERED = "the file was altered after it was signed"
NO_SIGNATURE = "there is no signature in it"
_GPGV_CAUSES = (
    ("BADSIG", ALTERED),
    ("EXPKEYSIG", EXPIRED),
    ("EXPSIG", "the signature has expired"),
    ("REVKEYSIG", "the key was revoked"),
    ("NO_PUBKEY", UNKNOWN),
    ("NODATA", NO_SIGNATURE),
)
# What is worst comes first: a file may have several signatures.
_SQV_CAUSES = (
    ("manipulated", ALTERED),
    ("bad signature", ALTERED),
    ("message has been", ALTERED),
    ("revoked", "the key was revoked"),
    ("expired", EXPIRED),
    ("not alive", EXPIRED),
    ("is not considered secure", "the signature or the key uses a digest that is not accepted"),
    ("missing key", UNKNOWN),
    ("no key to check", UNKNOWN),
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one tool says of one file's signatures."""

    tool: str
    good: bool
    why: str = ""
    """Why it is not good, in words."""
    said: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    """Fingerprints of the primary keys whose signatures are good (gpgv says which)."""


def binary_keyring(key: Path, target: Path) -> Path:
    """The keys of `key`, binary or armoured, as the binary file `target` that gpgv reads.

    Raises DebwrightError when it cannot be read or is no key.
    """
    try:
        with key.open("rb") as file:
            data = file.read(KEYRING_LIMIT)
    except OSError as error:
        raise DebwrightError(f"the keyring {key} cannot be read: {error.strerror}") from error
    target.write_bytes(binary_keys(data, str(key)))
    return target


def binary_keys(data: bytes, where: str) -> bytes:
    """Public keys without armour. Raises DebwrightError when there are none."""
    try:
        plain = dearmor(data, "PUBLIC KEY BLOCK") if is_armored(data) else data
    except ValueError as error:
        raise DebwrightError(f"{where} holds no public key: {error}") from error
    # The first octet of a packet has its highest bit set (RFC 9580, 4.2).
    if not plain or not plain[0] & 0x80:
        raise DebwrightError(
            f"{where} holds no public key", fix=Command("debwright", "keys", "export")
        )
    return plain


def check(
    keyring: Path, file: Path, signature: Path | None = None, *, first: bool = False
) -> list[Verdict]:
    """What each tool here says: of the detached `signature` of `file`, or of a cleartext `file`.

    With `first` one tool is enough: gpgv where there is one. `keyring` is binary. A sqv that
    cannot read cleartext signatures (before 1.2) is left out for these. Raises MissingError when
    there is neither gpgv nor sqv.
    """
    present = [t for t in TOOLS if shutil.which(t)]
    if not present:
        raise MissingError("neither gpgv nor sqv is installed", fix=Install("gpgv"))
    verdicts = []
    if "gpgv" in present:
        verdicts.append(_gpgv(keyring, file, signature))
    if first and verdicts:
        return verdicts
    if "sqv" in present and (signature is not None or _sqv_reads_cleartext()):
        verdicts.append(_sqv(keyring, file, signature))
    return verdicts


def is_whole_message(data: bytes) -> bool:
    """Whether a cleartext signature covers all there is: nothing before, after, or beside it.

    gpgv passes over the rest; apt and dpkg take no such file, and who reads it by eye is misled.
    """
    lines = data.strip().splitlines()
    return (
        bool(lines)
        and lines[0].rstrip() == b"-----BEGIN PGP SIGNED MESSAGE-----"
        and lines[-1].rstrip() == b"-----END PGP SIGNATURE-----"
        # Within the text such a line would begin with "- " (RFC 9580, 7.1).
        and sum(line.startswith(b"-----BEGIN PGP ") for line in lines) == 2
    )


def signed_text(keyring: Path, file: Path) -> str:
    """The text that the cleartext signature of `file` covers; empty when gpgv finds none."""
    options = ["--keyring", str(keyring.resolve()), "--output", "-"]
    return run(["gpgv", *options, str(file.resolve())], check=False).output


def _gpgv(keyring: Path, file: Path, signature: Path | None) -> Verdict:
    names = [str(p.resolve()) for p in (signature, file) if p is not None]
    options = ["--status-fd", "1", "--keyring", str(keyring.resolve()), *_WEAK_OPTIONS]
    # With a cleartext signature the text would be among the status lines.
    output = [] if signature is not None else ["--output", "/dev/null"]
    done = run(["gpgv", *options, *output, *names], check=False, env={"LC_ALL": "C.UTF-8"})
    status = _STATUS.findall(done.output)
    words = [word for word, _ in status]
    signers = tuple(rest.split()[-1] for word, rest in status if word == "VALIDSIG")
    good = "GOODSIG" in words and bool(signers) and "BADSIG" not in words
    return Verdict(
        tool="gpgv",
        good=good,
        why="" if good else _gpgv_cause(status),
        said=tuple(line for line in done.error.splitlines() if line.strip())[-6:],
        signers=signers if good else (),
    )


def _gpgv_cause(status: Iterable[tuple[str, str]]) -> str:
    found = dict(status)
    fields = found.get("ERRSIG", "").split()
    if len(fields) > 2 and "BADSIG" not in found and (name := WEAK.get(fields[2])):
        return f"the signature uses {name}, a digest that is not accepted any more"
    why = next((why for word, why in _GPGV_CAUSES if word in found), "")
    if why == EXPIRED:
        return _ended(found)
    return why or ("gpgv does not accept it" if found else NO_SIGNATURE)


def _ended(found: Mapping[str, str]) -> str:
    """Which part of the key has ended, and when (GnuPG's doc/DETAILS: KEYEXPIRED, VALIDSIG)."""
    fields = found.get("VALIDSIG", "").split()
    when = found.get("KEYEXPIRED", "").split()
    subkey = f" (its subkey {fields[0]} signed)" if fields and fields[0] != fields[-1] else ""
    day = f": on {datetime.fromtimestamp(int(when[0]), UTC):%Y-%m-%d}" if when else ""
    return f"{EXPIRED}{day}{subkey}"


def _sqv(keyring: Path, file: Path, signature: Path | None) -> Verdict:
    options = ["--keyring", str(keyring.resolve())]
    if signature is not None:
        argv = ["sqv", *options, str(signature.resolve()), str(file.resolve())]
    else:
        argv = ["sqv", *options, "--cleartext", "--output", "/dev/null", str(file.resolve())]
    done = run(argv, check=False)
    text = " ".join(done.error.split()).lower()
    why = next((cause for word, cause in _SQV_CAUSES if word in text), "sqv does not accept it")
    return Verdict(
        tool="sqv",
        good=done.returncode == 0,
        why="" if done.returncode == 0 else why,
        said=tuple(line for line in done.error.splitlines() if line.strip())[-6:],
    )


def _sqv_reads_cleartext() -> bool:
    return "--cleartext" in run(["sqv", "--help"], check=False, merge=True).output
