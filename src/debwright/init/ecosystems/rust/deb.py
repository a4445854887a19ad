"""[package.metadata.deb], what an author has configured for cargo-deb (its README).

It holds for the Debian package as well: files, settings, units, dependencies.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from debwright.init.ecosystems.rust.manifest import Crate
from debwright.init.facts import person
from debwright.init.model import Person, one_line

_DEPENDENCY = re.compile(
    r"[a-z0-9][a-z0-9+.-]+(?: ?\([<>=]+ [\w.+~:-]+\))?(?: \| [a-z0-9][a-z0-9+.-]+)*"
)
_PLACE = re.compile(r"[A-Za-z0-9._/@+-]+")
_UNITS = (".service", ".timer", ".socket", ".path", ".target")


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What the table says; empty where it does not."""

    description: str = ""
    section: str = ""
    maintainer: Person | None = None
    depends: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    default_features: bool = True
    config_files: tuple[str, ...] = ()
    install: tuple[tuple[str, str], ...] = ()
    system_programs: frozenset[str] = frozenset()
    """Programs that belong into /usr/sbin."""
    notes: tuple[str, ...] = ()


def read_hints(directory: Path, crate: Crate, package: str) -> Hints:
    """The hints of one crate of the project in `directory`."""
    deb = crate.deb
    if not deb:
        return Hints()
    conf = {str(c) for c in deb.get("conf-files", []) if isinstance(c, str)}
    config, install, system = [], [], set[str]()
    for source, target in _assets(directory, crate, deb):
        name = PurePosixPath(source).name
        place = PurePosixPath("/", f"{target}{name}" if target.endswith("/") else target)
        if source.startswith("target/"):
            if place.parent.name == "sbin":
                system.add(name)
        elif str(place) in conf and str(place) == f"/etc/{package}/{name}":
            config.append(source)
        else:
            install.append((source, str(place.parent).lstrip("/")))
    notes = []
    if isinstance(scripts := deb.get("maintainer-scripts"), str):
        notes.append(f"the maintainer scripts in {scripts} are for cargo-deb: look at what they do")
    return Hints(
        description=one_line(str(deb.get("extended-description") or "").split("\n\n")[0]),
        section=section
        if re.fullmatch(r"[a-z-]+", section := str(deb.get("section") or ""))
        else "",
        maintainer=person(deb.get("maintainer")),
        depends=tuple(_depends(deb.get("depends"))),
        features=tuple(f for f in deb.get("features", []) if isinstance(f, str)),
        default_features=bool(deb.get("default-features", True)),
        config_files=tuple(dict.fromkeys(config)),
        install=tuple(dict.fromkeys(install)),
        system_programs=frozenset(system),
        notes=tuple(notes),
    )


def _depends(said: object) -> Iterator[str]:
    """Further packages; `$auto` is what ${shlibs:Depends} is here."""
    texts = said if isinstance(said, list) else str(said or "").split(",")
    for text in texts:
        clean = one_line(text)
        if _DEPENDENCY.fullmatch(clean):
            yield re.sub(r"(?<=\S)\(", " (", clean)


def _assets(directory: Path, crate: Crate, deb: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """File and target of each asset that is there; units are found in the tree in any case."""
    top = directory.resolve()
    for asset in deb.get("assets", []):
        match asset:
            case [str(source), str(target), *_] | {"source": str(source), "dest": str(target)}:
                pass
            case _:
                continue
        if not _PLACE.fullmatch(target) or ".." in PurePosixPath(target).parts:
            continue
        if source.startswith("target/"):
            yield source, target
            continue
        base = PurePosixPath(crate.directory, source)
        for path in sorted(top.glob(str(base)))[:200] if not base.is_absolute() else []:
            relative = str(path.relative_to(top))
            fine = (
                path.is_file() and path.resolve().is_relative_to(top) and _PLACE.fullmatch(relative)
            )
            if fine and not relative.endswith(_UNITS):
                yield relative, target
