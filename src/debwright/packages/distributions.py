"""Python distributions bundled in packages: found by their *.dist-info or *.egg-info directories.

Source: PyPA's "Recording installed projects" and core metadata specifications.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import IO

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from debwright.packages.debs import Deb, Member
from debwright.packages.unpacked import Unpacked

METADATA_LIMIT = 1024**2
_METADATA = re.compile(r"^(?P<base>.*/)(?P<info>[^/]+\.dist-info)/METADATA$")
_EGG = re.compile(r"^(?P<base>.*/)(?P<info>[^/]+\.egg-info)(?:/PKG-INFO)?$")
_DEBIAN_OWN = re.compile(r"^/usr/lib/python3(?:\.\d+)?/dist-packages/$")
"""Where Debian's own Python packages put theirs: the .deb itself is that distribution."""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A distribution as it lies in a package."""

    name: str
    """Normalised, as in PEP 503."""
    version: str
    licence: str | None
    summary: str | None
    homepage: str | None
    package: str
    """The .deb that holds it."""
    path: str
    """Its metadata file."""
    sha256: str
    """Digest of the sorted `path NUL sha256` of its files, by its RECORD; of METADATA if none."""
    files: int = field(default=0)

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"

    @property
    def bundled(self) -> bool:
        """In a directory of the package's own, as against being what the package is made of."""
        return not _DEBIAN_OWN.match(self.path.rsplit("/", 2)[0] + "/")


def distributions(debs: Iterable[Deb], unpacked: Unpacked) -> list[Distribution]:
    """Those of all packages, sorted by name. Files that are no metadata are passed over."""
    found = [d for deb in debs for d in _of_package(deb, unpacked)]
    return sorted(found, key=lambda d: (d.name, d.version, d.package, d.path))


def _of_package(deb: Deb, unpacked: Unpacked) -> Iterator[Distribution]:
    texts: dict[str, tuple[str, str]] = {}
    digests: dict[str, str] = {}
    records: dict[str, list[str]] = {}
    for member, handle in unpacked.files(deb.path):
        if handle is None:
            continue
        content = handle.read(METADATA_LIMIT) if _interesting(member) else None
        digests[member.path] = _digest(handle, content)
        if content is None:
            continue
        text = content.decode("utf-8", "replace")
        if member.path.endswith("/RECORD"):
            records[member.path.removesuffix("RECORD")] = list(_recorded(member.path, text))
        elif match := _METADATA.match(member.path) or _EGG.match(member.path):
            texts[member.path] = (match["base"], text)
    for path, (_, text) in texts.items():
        files = [f for f in records.get(path.removesuffix("METADATA"), []) if f in digests] or [
            path
        ]
        made = read_metadata(text)
        if made is not None:
            name, version, message = made
            yield Distribution(
                name=name, version=version, licence=licence_of(message),
                summary=message.get("Summary"), homepage=_homepage(message), package=deb.package,
                path=path, sha256=_combined(files, digests), files=len(files),
            )  # fmt: skip


def _interesting(member: Member) -> bool:
    path = member.path
    return (
        path.endswith((".dist-info/METADATA", ".dist-info/RECORD", ".egg-info/PKG-INFO"))
        or path.endswith(".egg-info")
    )  # fmt: skip


def _digest(handle: IO[bytes], begun: bytes | None) -> str:
    state = hashlib.sha256(begun or b"")
    while chunk := handle.read(1024**2):
        state.update(chunk)
    return state.hexdigest()


def _combined(files: Iterable[str], digests: dict[str, str]) -> str:
    state = hashlib.sha256()
    for path in sorted(set(files)):
        state.update(f"{path}\0{digests[path]}\n".encode("utf-8", "backslashreplace"))
    return state.hexdigest()


def _recorded(record: str, text: str) -> Iterator[str]:
    """Absolute paths of the files a RECORD names, those outside its tree left out."""
    base = Path(record).parent.parent
    for line in text.splitlines()[:200_000]:
        name = line.rsplit(",", 2)[0].strip('"')
        if name and not name.startswith("/") and ".." not in name.split("/"):
            yield f"{base}/{name}"


def read_metadata(text: str) -> tuple[str, str, Message] | None:
    """Name and version by the core metadata specification; None when it has neither."""
    message = HeaderParser().parsestr(text)
    try:
        name = canonicalize_name(message.get("Name", ""), validate=True)
        version = str(Version(message.get("Version", "")))
    except (InvalidName, InvalidVersion):
        return None
    return name, version, message


def licence_of(message: Message) -> str | None:
    """An SPDX expression where the metadata has one; else its licence in a line, or classifiers."""
    for name in ("License-Expression", "License"):
        value = message.get(name)
        if value and value.strip().upper() != "UNKNOWN":
            line = value.strip().splitlines()[0].strip()
            if len(line) <= 120:
                return line
    classifiers = [
        c.split(" :: ")[-1] for c in message.get_all("Classifier", []) if c.startswith("License ::")
    ]
    return " AND ".join(classifiers) or None


def _homepage(message: Message) -> str | None:
    candidates = [message.get("Home-page") or ""]
    for entry in message.get_all("Project-URL", []):
        label, _, url = entry.partition(",")
        if label.strip().lower() in {"homepage", "home", "source", "repository", "source code"}:
            candidates.append(url.strip())
    return next((c for c in candidates if c.startswith(("https://", "http://"))), None)
