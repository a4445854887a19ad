"""Signing with a key that a CI system hands over in a variable: in memory, and for this run."""

import base64
import binascii
import re
from pathlib import Path

from debwright.host.variables import variable
from debwright.keys.gnupg.home import GnupgHome, private_home
from debwright.keys.signing.gpg import GpgSigner
from debwright.model.errors import Evidence, UsageError

SIZE_LIMIT = 1024 * 1024


class VariableSigner(GpgSigner):
    """Signs with the key of the environment variable `key_env`.

    The key reaches gpg through its standard input, in a home on a tmpfs that is gone when this
    object is closed or debwright ends, by SIGKILL too. It is in no argument and in no log; what gpg
    says of it is not passed on word for word.
    """

    def __init__(self, fingerprint: str, *, key_env: str, passphrase_env: str | None) -> None:
        # The directory is never used: `_open` makes another one.
        super().__init__(fingerprint, home=Path("/nonexistent"), passphrase_env=passphrase_env)
        self._key_env = key_env

    def _open(self) -> GnupgHome:
        material = key_material(self._key_env)
        home = private_home()
        try:
            import_secret(home, material, f"the environment variable {self._key_env}")
        except BaseException:
            home.close()
            raise
        return home


def fingerprint_in(name: str) -> str:
    """The fingerprint of the one secret key in the variable `name`.

    Raises MissingError when it is not set, UsageError when it does not hold one key.
    """
    with private_home() as home:
        found = import_secret(home, key_material(name), f"the environment variable {name}")
    if len(found) != 1:
        raise UsageError(
            f"the environment variable {name} holds {len(found)} secret keys",
            evidence=[Evidence(text=fingerprint) for fingerprint in found],
            cause="debwright.toml does not say which of them signs",
            fix='[signing] key = "FINGERPRINT" in debwright.toml',
        )
    return found[0]


def key_material(name: str) -> bytes:
    """The secret key in the variable `name`: armoured, or in base64 (of either form).

    Raises MissingError when it is not set, UsageError when it is neither.
    """
    value = variable(
        name, cause="it must hold the secret key that signs",
        fix=f'export {name}="$(gpg --armor --export-secret-keys FINGERPRINT)"',
    )  # fmt: skip
    raw = value.encode("utf-8", "surrogateescape")
    if b"-----BEGIN PGP PRIVATE KEY BLOCK-----" in raw:
        return raw
    try:
        decoded = base64.b64decode(b"".join(raw.split()), validate=True)
    except binascii.Error:
        decoded = b""
    if not decoded or len(decoded) > SIZE_LIMIT:
        raise UsageError(
            f"the environment variable {name} holds no secret key",
            cause="neither an armoured key block nor base64; its content is not shown",
            fix="gpg --armor --export-secret-keys FINGERPRINT | base64 -w0",
        )
    return decoded


def import_secret(home: GnupgHome, material: bytes, where: str) -> list[str]:
    """Import secret keys into `home`; their fingerprints. Raises UsageError when there is none."""
    answer = home.call(["--status-fd", "2", "--import"], stdin=material)
    found = re.findall(r"^\[GNUPG:\] IMPORT_OK (\d+) ([0-9A-F]{40,64})$", answer.error, re.M)
    keys = [fingerprint for flags, fingerprint in found if int(flags) & 16]
    if not keys:
        codes = re.findall(
            r"^\[GNUPG:\] (?:NODATA|IMPORT_PROBLEM|FAILURE)[ \w.-]*$", answer.error, re.M
        )
        raise UsageError(
            f"gpg finds no secret key in {where}",
            evidence=[Evidence(text=code) for code in codes[:3]],
            cause="it holds something else, or it was cut short",
            fix="gpg --show-keys FILE, where the key comes from",
        )
    return list(dict.fromkeys(keys))
