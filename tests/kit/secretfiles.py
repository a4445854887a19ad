"""Things that look exactly like secrets, made here: none of them opens anything."""

import base64
import random
import string

BASE62 = string.ascii_letters + string.digits


def _lines(seed: int, count: int = 12) -> str:
    raw = base64.b64encode(random.Random(seed).randbytes(48 * count)).decode()
    return "\n".join(raw[i : i + 64] for i in range(0, len(raw), 64))


def pem(kind: str = "RSA PRIVATE KEY", seed: int = 1) -> str:
    return f"-----BEGIN {kind}-----\n{_lines(seed)}\n-----END {kind}-----"


def github(seed: int = 1) -> str:
    return "gh" + "p_" + "".join(random.Random(seed).choices(BASE62, k=36))


def aws(seed: int = 1) -> str:
    return (
        "AK" + "IA" + "".join(random.Random(seed).choices(string.ascii_uppercase + "234567", k=16))
    )


KEY = pem()
PGP = (
    f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nComment: x\n\n{_lines(2)}\n=abcd\n"
    "-----END PGP PRIVATE KEY BLOCK-----\n"
)
GITHUB = github()
