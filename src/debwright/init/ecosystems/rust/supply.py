"""Where the crates of a project come from: its own tree, Debian, or the registry."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debwright.host.http import answers
from debwright.init.ecosystems.rust.crates import Packaged, packaged
from debwright.init.ecosystems.rust.libraries import packages_for
from debwright.init.ecosystems.rust.lock import Lock
from debwright.init.ecosystems.rust.manifest import FILE, Workspace
from debwright.init.ecosystems.rust.rules import ARCHIVE, CARRIED, IN_TREE, NONE
from debwright.init.ecosystems.rust.toolchain import CARGO, Toolchain, choose, need
from debwright.init.natively import has_vendor
from debwright.model.errors import UsageError
from debwright.model.fix import Command
from debwright.source.carriers.cargo import REGISTRY, own_sources


@dataclass(frozen=True, kw_only=True)
class Crates:
    """Where the crates that the project needs come from."""

    kind: str
    toolchain: Toolchain
    build_depends: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, dict[str, list[str] | str]]:
        """Tables of debwright.toml."""
        return {"cargo": {"toolchain": CARGO}} if self.kind == CARRIED else {}


def find_crates(directory: Path, workspace: Workspace, lock: Lock | None) -> Crates:
    """Carried along as they are locked, else Debian's own where a suite has them all.

    Raises UsageError where there is neither a lock nor such a suite.
    """
    needed = need(workspace, lock)
    outside = workspace.dependencies
    names = (lock.crates if lock else frozenset()) | {d.name for d in outside}
    if not names:
        toolchain = choose(needed)
        return Crates(
            kind=NONE, toolchain=toolchain, build_depends=toolchain.packages,
            notes=tuple(n for n in [toolchain.note] if n),
        )  # fmt: skip
    in_tree = has_vendor(directory, "/Cargo.toml")
    found = packaged(outside)
    fitting = bool(outside) and not found.missing
    if lock is not None and (in_tree or not fitting or _reachable()):
        kind = IN_TREE if in_tree else CARRIED
        toolchain = choose(needed)
        return Crates(
            kind=kind, toolchain=toolchain,
            build_depends=(*toolchain.packages, *packages_for(names)),
            notes=tuple(_locked_notes(lock, toolchain, kind)),
        )  # fmt: skip
    if not fitting:
        raise _no_lock(found)
    toolchain = choose(need(workspace, None), suite=found.suite)
    return Crates(
        kind=ARCHIVE, toolchain=toolchain,
        build_depends=(*toolchain.packages, *found.packages, *packages_for(names)),
        notes=(_archive_note(found, lock), *(n for n in [toolchain.note] if n)),
    )  # fmt: skip


def _reachable() -> bool:
    """Whether the crates of a lock can be had: from crates.io, or from what replaces it."""
    place = own_sources().place
    return place != REGISTRY or answers(REGISTRY)


def _archive_note(found: Packaged, lock: Lock | None) -> str:
    has = f"{found.suite} has every crate of {FILE}: they come from Debian"
    if lock is not None:
        return (
            f"{REGISTRY} does not answer, and {has}, in its versions, not in those of Cargo.lock; "
            "`debwright init` carries those of the lock where it can be reached"
        )
    return (
        f"there is no Cargo.lock, and {has}; `cargo generate-lockfile` and `debwright init` again "
        "carry the crates of crates.io instead"
    )


def _no_lock(found: Packaged) -> UsageError:
    return UsageError(
        "there is no Cargo.lock, which says what is built",
        cause=f"{found.suite} does not have {', '.join(found.missing)}, so that the crates must "
        "come from crates.io, each with the hash that the lock has",
        fix=Command("cargo", "generate-lockfile"),
    )


def _locked_notes(lock: Lock, toolchain: Toolchain, kind: str) -> Iterator[str]:
    if kind == CARRIED:
        yield (
            f"the crates of Cargo.lock ({len(lock.crates)}) are put into the source package by "
            "`cargo vendor`, when it is made; the lock says what they must be"
        )
    if toolchain.note:
        yield toolchain.note
    for address in sorted(lock.repositories):
        yield f"Cargo.lock names the git repository {address}, of which only the commit is pinned"
