"""Rust within a Python project: where its crates come from, and what they are built with."""

from dataclasses import dataclass
from pathlib import Path

from debwright.init.ecosystems.rust.lock import read_lock
from debwright.init.ecosystems.rust.manifest import FILE, read_workspace
from debwright.init.ecosystems.rust.rules import ARCHIVE, CARRIED
from debwright.init.ecosystems.rust.supply import find_crates
from debwright.model.errors import Evidence, UsageError

BACKENDS = frozenset({"maturin", "setuptools-rust"})
"""Distributions that call cargo."""


@dataclass(frozen=True, kw_only=True)
class RustParts:
    """What the crates of the project ask of its package."""

    packages: tuple[str, ...]
    """As Build-Depends names them, the toolchain among them."""
    suite: str
    """The only one that has the crates; empty where they do not come from Debian."""
    settings: dict[str, dict[str, list[str] | str]]
    notes: tuple[str, ...]


def read_rust(directory: Path, tool: str) -> RustParts:
    """The crates that `tool`, maturin or setuptools-rust, builds.

    Raises UsageError where they are neither in the project, nor in Debian, nor named by a lock at
    its top.
    """
    place = _place(directory)
    if place is None:
        raise UsageError(
            f"{tool} builds crates, and the project has no {FILE}",
            evidence=[Evidence(text=f"requires = [..., {tool!r}]", file="pyproject.toml")],
            fix=f"correct [build-system] requires in pyproject.toml, or add {FILE}",
        )
    crates = find_crates(place, read_workspace(place), read_lock(place))
    if crates.kind == CARRIED and place != directory:
        raise UsageError(
            f"{tool} builds this project with crates from the network, and a build has none",
            evidence=[Evidence(text=f"{place.relative_to(directory)}/Cargo.lock")],
            cause="init carries the crates of a lock at the top of a project, and no suite has "
            f"all that {FILE} asks for",
            fix="mkdir -p .cargo && cargo vendor > .cargo/config.toml && git add .cargo vendor",
        )
    suite = crates.toolchain.targets[0].partition("-")[0] if crates.kind == ARCHIVE else ""
    return RustParts(
        packages=crates.build_depends, suite=suite, settings=crates.settings, notes=crates.notes
    )


def _place(directory: Path) -> Path | None:
    if (directory / FILE).is_file():
        return directory
    found = sorted(
        p for p in directory.glob(f"*/{FILE}") if p.parent.name not in ("vendor", "target")
    )
    return found[0].parent if found else None
