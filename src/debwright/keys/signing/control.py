"""Signing .dsc, .buildinfo and .changes files, as debsign(1) does.

Each names others with their checksums, and a signature changes a file: so they are signed from the
inside out, and whoever names a signed file gets its new size and sums.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from debwright.keys.signing import Signer
from debwright.model.errors import DebwrightError

ORDER = (".dsc", ".buildinfo", ".changes")
MARK = "-----BEGIN PGP SIGNED MESSAGE-----"
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
"""By the number of hexadecimal digits."""


def sign_control_files(files: Mapping[str, Path], signer: Signer) -> dict[str, bytes]:
    """The signed content of the control files among `files` (name to path).

    One that is signed already keeps its signature. Raises DebwrightError for one that is not text.
    """
    signed: dict[str, bytes] = {}
    for suffix in ORDER:
        for name, path in sorted(files.items()):
            if not name.endswith(suffix):
                continue
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise DebwrightError(f"{path} is not text") from error
            if not text.startswith(MARK):
                signed[name] = signer.clearsign(with_new_sums(text, signed).encode())
    return signed


def with_new_sums(text: str, changed: Mapping[str, bytes]) -> str:
    """`text` with size and checksums of the files that have `changed`.

    In every list of files (Files, Checksums-Sha1, Checksums-Sha256) a line is a blank, a hash,
    the size, further words and the name (deb-changes(5), dsc(5)).
    """
    lines = text.split("\n")
    for index, line in enumerate(lines):
        words = line.split()
        if not line.startswith(" ") or len(words) < 3 or words[-1] not in changed:
            continue
        kind = _HASHES.get(len(words[0]))
        if kind is not None and words[1].isdecimal():
            data = changed[words[-1]]
            # MD5 and SHA-1 are there because the format has them; apt looks at SHA-256.
            sum_ = hashlib.new(kind, data, usedforsecurity=False).hexdigest()
            lines[index] = " ".join(["", sum_, str(len(data)), *words[2:]])
    return "\n".join(lines)
