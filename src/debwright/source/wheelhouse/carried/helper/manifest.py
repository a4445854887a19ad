"""manifest.json: which files the wheelhouse holds, and for which machine and Python each is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .problem import Problem

FORMAT = 1
NAME = "manifest.json"
FILES = "files"


def canonical(name: str) -> str:
    """A distribution's name as indices compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True)
class Settings:
    """How one distribution is compiled on one architecture."""

    environment: dict[str, str] = field(default_factory=dict)
    config_settings: dict[str, str] = field(default_factory=dict)
    """What its build backend is given (PEP 517)."""
    keep: tuple[str, ...] = ()
    """fnmatch patterns of the paths kept of the wheel; none: all."""
    drop: tuple[str, ...] = ()
    strip: bool = True

    def digest(self) -> str:
        """Names the settings: wheels compiled with others are not taken."""
        text = json.dumps(vars(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One file of the wheelhouse."""

    name: str
    version: str
    file: str
    sha256: str
    kind: str
    """`wheel` or `sdist`."""
    use: str
    """`run`: it is installed; `build`: sdists are compiled with it."""
    interpreters: frozenset[str]
    """ARCH/PYTHON of each it serves, as `arm64/3.11`."""
    path: Path


@dataclass(frozen=True)
class Wheelhouse:
    """The manifest read, and the directory its files are in."""

    directory: Path
    entries: tuple[Entry, ...]
    compile: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, directory: Path) -> Wheelhouse:
        try:
            data = json.loads((directory / NAME).read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise Problem(f"{NAME} has format {data['format']}, this helper reads {FORMAT}")
            entries = tuple(_entry(directory, item) for item in data["files"])
            return cls(directory, entries, dict(data["compile"]))
        except OSError as error:
            raise Problem(f"{error.filename} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Problem(f"{NAME} is damaged: {error!r}") from error

    def select(self, arch: str, python: str, use: str = "run") -> list[Entry]:
        """The files for one interpreter; Problem when all there are is for others."""
        wanted = f"{arch}/{python}"
        if self.entries and not any(wanted in e.interpreters for e in self.entries):
            known = sorted({i for e in self.entries for i in e.interpreters})
            raise Problem(
                f"the wheelhouse has nothing for Python {python} on {arch}; "
                f"it was made for {', '.join(known) or 'nothing'}"
            )
        return [e for e in self.entries if e.use == use and wanted in e.interpreters]

    def named(self, entries: Iterable[Entry], names: Iterable[str]) -> list[Entry]:
        """Those of `entries` with one of `names`; a name that is not there is a Problem."""
        kept = list(entries)
        wanted = {canonical(name) for name in names}
        if missing := wanted - {e.name for e in kept}:
            have = ", ".join(sorted({e.name for e in kept}))
            raise Problem(f"the wheelhouse has no {', '.join(sorted(missing))}; it has {have}")
        return [e for e in kept if e.name in wanted]

    def settings(self, name: str, arch: str) -> Settings:
        return settings_for(self.compile, name, arch)


def settings_for(tables: dict[str, dict[str, Any]], name: str, arch: str) -> Settings:
    """The settings of [wheelhouse.compile.NAME], with those of `arch` over them."""
    found = dict(tables.get(name, {}))
    own = dict(found.pop("arch", {}).get(arch, {}))
    environment = {**found.pop("environment", {}), **own.pop("environment", {})}
    merged = {**found, **own}
    return Settings(
        environment=environment,
        config_settings=dict(merged.get("config_settings", {})),
        keep=tuple(merged.get("keep", ())),
        drop=tuple(merged.get("drop", ())),
        strip=bool(merged.get("strip", True)),
    )


def check(entry: Entry) -> None:
    """Raise Problem unless the file is the one the manifest names."""
    try:
        found = sha256(entry.path)
    except OSError as error:
        raise Problem(f"{entry.file} cannot be read: {error.strerror}") from error
    if found != entry.sha256:
        raise Problem(
            f"{entry.file} is not the file that was locked",
            (f"SHA-256 should be {entry.sha256}", f"and is           {found}"),
        )


def _entry(directory: Path, item: dict[str, Any]) -> Entry:
    file = str(item["file"])
    if "/" in file or file.startswith("."):
        raise Problem(f"{NAME} names a file outside the wheelhouse: {file!r}")
    return Entry(
        name=canonical(item["name"]),
        version=str(item["version"]),
        file=file,
        sha256=str(item["sha256"]),
        kind=str(item["kind"]),
        use=str(item["use"]),
        interpreters=frozenset(item["interpreters"]),
        path=directory / FILES / file,
    )
