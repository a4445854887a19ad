"""Proof that a key does what it is for: it signs, and what users have takes its signature."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from debwright.keys.gnupg.home import private_home
from debwright.keys.gnupg.signatures import binary_keys, check
from debwright.keys.ring import CODES, health, keys_of_file
from debwright.keys.signing.gpg import GpgSigner
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command
from debwright.model.results import Evidence, Finding

PROBE = b"Origin: debwright\nDescription: a signature to be checked and thrown away\n"


def prove(signer: GpgSigner, *, now: datetime | None = None) -> tuple[list[Finding], list[str]]:
    """Sign something with `signer` and check it; what is wrong, and what was seen to work.

    `signer` must be open. Raises SigningError when the key cannot sign at all.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        public, data, signature = place / "key.gpg", place / "data", place / "data.asc"
        public.write_bytes(signer.public_key())
        data.write_bytes(PROBE)
        signature.write_bytes(signer.detach(PROBE))
        verdicts = check(public, data, signature)
        findings, _ = look_at(public, now=now)
    for verdict in verdicts:
        if not verdict.good:
            findings.append(
                CODES.found(
                    "key/refused",
                    f"{verdict.tool} does not accept the key's signature: {verdict.why}",
                    evidence=tuple(Evidence(text=line) for line in verdict.said),
                    fix=Command("debwright", "keys", "rotate"),
                )
            )
    return findings, [f"{v.tool} accepts its signature" for v in verdicts if v.good]


def look_at(path: Path, *, now: datetime | None = None) -> tuple[list[Finding], list[str]]:
    """What is wrong with the public keys in a file, and one line about each key.

    Raises DebwrightError when there is none.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DebwrightError(f"the key file {path} cannot be read: {error.strerror}") from error
    binary_keys(data, str(path))
    with private_home() as home:
        keys = keys_of_file(home, path)
    moment = now or datetime.now(UTC)
    findings = [f for f in (health(key, moment) for key in keys) if f is not None]
    lines = [
        f"{k.fingerprint} {k.algorithm}, {k.user_id}, "
        + (f"valid until {k.expires:%Y-%m-%d}" if k.expires else "without an expiry date")
        for k in keys
    ]
    return findings, lines
