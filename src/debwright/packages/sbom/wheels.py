"""The manifest of a wheelhouse: which wheel or sdist a bundled distribution came from."""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import InvalidName, canonicalize_name

MANIFEST_LIMIT = 16 * 1024**2
_MEMBERS = 100_000


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """One file of a wheelhouse."""

    name: str
    """Normalised, as in PEP 503."""
    version: str
    file: str
    sha256: str
    licence: str | None
    interpreters: frozenset[str] = frozenset()
    """ARCH/PYTHON of each it serves, as `arm64/3.11`; none: every one."""


def wheels_of(files: Iterable[Path]) -> list[Wheel]:
    """The wheelhouse's files, from the first `*.orig-wheelhouse.tar.*` among `files`.

    A source without one has none; a manifest that cannot be read is passed over, since the bundled
    distributions are found in the packages themselves.
    """
    for path in files:
        if ".orig-wheelhouse.tar" in path.name:
            return _from_tar(path)
    return []


def _from_tar(path: Path) -> list[Wheel]:
    try:
        with tarfile.open(path) as archive:
            for number, entry in enumerate(archive):
                if number > _MEMBERS:
                    break
                if entry.isreg() and entry.name.rsplit("/", 1)[-1] == "manifest.json":
                    handle = archive.extractfile(entry)
                    data = handle.read(MANIFEST_LIMIT) if handle else b""
                    return read_manifest(json.load(io.BytesIO(data)))
    except (OSError, tarfile.TarError, ValueError):
        pass
    return []


def read_manifest(document: Any) -> list[Wheel]:
    """A list of files, or a table that holds one; entries that lack a field are passed over."""
    if isinstance(document, dict):
        document = next((v for v in document.values() if isinstance(v, list)), [])
    if not isinstance(document, list):
        return []
    # What sdists are compiled with is not in the package.
    entries = [e for e in document if isinstance(e, dict) and e.get("use", "run") == "run"]
    return [w for e in entries if (w := _wheel(e)) is not None]


def _wheel(entry: Mapping[str, Any]) -> Wheel | None:
    try:
        name = canonicalize_name(str(entry["name"]), validate=True)
        licence = entry.get("licence") or entry.get("license")
        interpreters = entry.get("interpreters")
        return Wheel(
            name=name, version=str(entry["version"]), file=str(entry["file"]),
            sha256=str(entry["sha256"]), licence=str(licence) if licence else None,
            interpreters=frozenset(map(str, interpreters))
            if isinstance(interpreters, list) else frozenset(),
        )  # fmt: skip
    except (KeyError, InvalidName):
        return None
