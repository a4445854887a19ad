"""What a source package carries: the manifest within its component tarball."""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.source.package import SourcePackage
from debwright.source.wheelhouse.carried.helper.manifest import (
    NAME,
    Settings,
    canonical,
    settings_for,
)
from debwright.source.wheelhouse.component import COMPONENT

_LIMIT = 64 * 1024 * 1024
_SEARCHED = 100
"""Members of the tarball that are looked at: debwright puts the manifest before the files."""


@dataclass(frozen=True, kw_only=True)
class Sdist:
    """A distribution that has to be compiled."""

    name: str
    version: str
    sha256: str
    interpreters: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Carried:
    """The wheelhouse of a source package."""

    tarball: Path
    sdists: tuple[Sdist, ...]
    tools: tuple[str, ...]
    """SHA-256 of everything sdists are compiled with, sorted."""
    compile: dict[str, Any]

    def settings(self, name: str, arch: str) -> Settings:
        return settings_for(self.compile, name, arch)

    def to_compile(self, interpreter: str) -> list[Sdist]:
        """The sdists that `ARCH/PYTHON` needs."""
        return [s for s in self.sdists if interpreter in s.interpreters]


def carried(source: SourcePackage) -> Carried | None:
    """The wheelhouse of `source`; None when it has none that debwright made."""
    suffix = f".orig-{COMPONENT}.tar.gz"
    tarball = next((f for f in source.files if f.name.endswith(suffix)), None)
    if tarball is None:
        return None
    try:
        data = json.loads(_manifest(tarball))
        return Carried(
            tarball=tarball,
            sdists=tuple(
                Sdist(
                    name=canonical(item["name"]), version=str(item["version"]),
                    sha256=str(item["sha256"]), interpreters=frozenset(item["interpreters"]),
                )
                for item in data["files"] if item["kind"] == "sdist" and item["use"] == "run"
            ),
            tools=tuple(sorted(str(i["sha256"]) for i in data["files"] if i["use"] == "build")),
            compile=dict(data["compile"]),
        )  # fmt: skip
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, EOFError):
        return None  # somebody else's component of that name


def _manifest(tarball: Path) -> bytes:
    with tarfile.open(tarball, "r|gz") as tar:
        for number, member in enumerate(tar):
            if member.name == f"{COMPONENT}/{NAME}" and member.isreg():
                content = tar.extractfile(member)
                return content.read(_LIMIT) if content else b""
            if number > _SEARCHED:
                break
    raise ValueError(f"{tarball.name} has no {NAME}")
