"""Which of a project's crates Debian has as packages, and in which suite all of them are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from debwright.init.ecosystems.rust.manifest import Dependency
from debwright.init.ecosystems.rust.requirements import compatible, meets

SUITES = ("bookworm", "trixie")


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """What a suite has of the crates that are asked for."""

    suite: str
    packages: tuple[str, ...]
    """As Build-Depends names them."""
    missing: tuple[str, ...]
    """Requirements that the suite does not meet."""


def packaged(dependencies: Iterable[Dependency]) -> Packaged:
    """The first suite that has every crate, else the one in which the fewest are missing."""
    wanted = list(dependencies)
    return min((_in(suite, wanted) for suite in SUITES), key=lambda found: len(found.missing))


def _in(suite: str, wanted: list[Dependency]) -> Packaged:
    packages: dict[str, None] = {}
    missing: dict[str, None] = {}
    for dependency in wanted:
        found = _newest(dependency, suite)
        if found is None:
            missing[f"{dependency.name} {dependency.requirement}"] = None
        else:
            packages |= dict.fromkeys(_names(dependency, found))
    return Packaged(suite=suite, packages=tuple(sorted(packages)), missing=tuple(missing))


def _newest(dependency: Dependency, suite: str) -> str | None:
    if dependency.elsewhere:
        return None
    versions = _table().get(_name(dependency.name), {}).get(suite, ())
    return next((v for v in reversed(versions) if meets(v, dependency.requirement)), None)


def _names(dependency: Dependency, found: str) -> Iterator[str]:
    """The packages of a crate's features, which every package of a crate provides.

    They hold source, the same for every architecture, and are wanted of the one that builds: their
    own dependencies are tools, as bindgen's clang, which cannot be had for another one next to it.
    """
    base = f"librust-{_name(dependency.name)}-{compatible(found)}"
    features = [f.partition("/")[0] for f in dependency.features]
    for feature in [*(["default"] if dependency.default_features else []), *features]:
        yield f"{base}+{_name(feature)}-dev:native"
    if not dependency.default_features and not features:
        yield f"{base}-dev:native"


def _name(crate: str) -> str:
    return crate.lower().replace("_", "-")


@cache
def _table() -> dict[str, dict[str, tuple[str, ...]]]:
    text = files(__package__).joinpath("debian-crates.txt").read_text(encoding="utf-8")
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {
        name: {s: tuple(v.split(",")) for s, v in zip(SUITES, found, strict=True) if v != "-"}
        for name, *found in rows
    }
