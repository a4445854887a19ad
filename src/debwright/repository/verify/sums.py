"""Files that name others with their hashes: SHA256SUMS, .dsc and .changes."""

import re
from collections.abc import Iterator
from pathlib import Path

from debwright.host.files import sha256_file
from debwright.repository.verify.model import Verification

SIZE_LIMIT = 4 * 1024 * 1024
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def read_sums(path: Path) -> dict[str, str]:
    """Name to SHA-256 of a SHA256SUMS (sha256sum(1)); lines of another form are left out.

    A name with a directory in it is taken as it stands; the caller decides where it may lead.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        text = file.read(SIZE_LIMIT)
    found = (_LINE.fullmatch(line.rstrip("\r")) for line in text.split("\n"))
    return {match[2]: match[1].lower() for match in found if match}


def control_sums(text: str) -> dict[str, str]:
    """Name to SHA-256 of the files that the text of a .dsc, .changes or .buildinfo names."""
    from debian.deb822 import Deb822

    rows = (line.split() for line in Deb822(text).get("Checksums-Sha256", "").splitlines())
    return {row[2]: row[0].lower() for row in rows if len(row) == 3}


def compare(
    into: Verification, base: Path, sums: dict[str, str], source: str, *, optional: bool = False
) -> int:
    """Compare the files below `base` with `sums`; how many are as they should be.

    `optional` passes over files that are not there, as after a download of some of them.
    """
    matched = 0
    for name, wanted in sorted(sums.items()):
        path = base / name
        if not is_inside(path, base):
            into.add("verify/escape", f"{source} names {name!r}, which leads elsewhere")
        elif not path.is_file():
            if not optional:
                into.add(
                    "verify/missing", f"{name} is missing",
                    f"{source} names it with sha256 {wanted}", fix="download it, too",
                )  # fmt: skip
        elif (found := sha256_file(path)) != wanted:
            into.add(
                "verify/altered", f"{name} is not the file that {source} names",
                f"expected sha256 {wanted}", f"found    sha256 {found}",
                fix="download it again; if it stays so, do not use it",
            )  # fmt: skip
        else:
            matched += 1
    return matched


def is_inside(path: Path, base: Path) -> bool:
    return path.resolve().is_relative_to(base.resolve())


def unnamed(base: Path, sums: dict[str, str]) -> Iterator[str]:
    """Files in `base` that nothing vouches for."""
    for path in sorted(base.iterdir()):
        if path.is_file() and path.name not in sums and path.suffix not in (".asc", ".sig"):
            yield path.name
