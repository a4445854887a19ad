"""Which suites have a Rust that is new enough, and how it is called there.

Source: the archive indices of the suites. `rustc-web` and `cargo-web` are the newer ones that
Debian keeps in its stable suites for browsers; they provide the programs of `rustc` and `cargo`.
"""

from dataclasses import dataclass

from debwright.init.ecosystems.rust.lock import Lock
from debwright.init.ecosystems.rust.manifest import Workspace
from debwright.init.ecosystems.rust.requirements import version
from debwright.init.model import TARGETS

Rust = tuple[int, int]
_EDITIONS: dict[str, Rust] = {"2018": (1, 31), "2021": (1, 56), "2024": (1, 85)}
# The first Cargo that reads a format of the lock, and a resolver (the Cargo book).
_LOCKS: dict[int, Rust] = {3: (1, 53), 4: (1, 78)}
_RESOLVERS: dict[str, Rust] = {"2": (1, 51), "3": (1, 84)}

USUAL = ("cargo:native", "rustc:native", "libstd-rust-dev")
NEWER = ("cargo-web:native", "rustc-web:native", "libstd-rust-web-dev")


@dataclass(frozen=True, kw_only=True)
class Known:
    suite: str
    usual: Rust
    newer: Rust
    """Of `rustc-web`, at least."""


SUITES = (
    Known(suite="bookworm", usual=(1, 63), newer=(1, 85)),
    Known(suite="trixie", usual=(1, 85), newer=(1, 85)),
)


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """What a project is built with, and for which targets."""

    packages: tuple[str, ...]
    targets: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Need:
    """The oldest Rust that will do, and what says so."""

    rust: Rust
    because: str


def need(workspace: Workspace, lock: Lock | None) -> Need:
    """What the project's own files ask for; its libraries may ask for more."""
    needs = [Need(rust=(1, 31), because="")]
    for crate in workspace.crates:
        file = "Cargo.toml" if crate.directory == "." else f"{crate.directory}/Cargo.toml"
        if crate.rust_version:
            needs.append(
                Need(rust=version(crate.rust_version)[:2], because=f"rust-version in {file}")
            )
        if crate.edition in _EDITIONS:
            needs.append(
                Need(rust=_EDITIONS[crate.edition], because=f"edition {crate.edition} in {file}")
            )
    if workspace.resolver in _RESOLVERS:
        needs.append(
            Need(rust=_RESOLVERS[workspace.resolver], because=f"resolver {workspace.resolver}")
        )
    if lock is not None and lock.format in _LOCKS:
        needs.append(Need(rust=_LOCKS[lock.format], because=f"version {lock.format} of Cargo.lock"))
    return max(needs, key=lambda n: n.rust)


def choose(needed: Need, *, suite: str | None = None, locked: bool = False) -> Toolchain:
    """What to build with; `suite` is the one that has the libraries, where they are Debian's.

    `locked`: the libraries are those of a lock, and seldom content with an old Rust.
    """
    known = next((k for k in SUITES if suite in (None, k.suite)), SUITES[0])
    said = f"{needed.because} asks for Rust {needed.rust[0]}.{needed.rust[1]}"
    if needed.rust <= known.usual and not locked:
        return Toolchain(packages=USUAL, targets=targets_of(known.suite))
    note = ""
    if needed.rust > known.newer:
        note = (
            f"{said}, and Debian's suites have {_text(known.newer)} for certain: the build says "
            "when that is too old; `rustc-web` gets newer with the browsers"
        )
    elif needed.rust > known.usual:
        note = f"{said}; {known.suite} has {_text(known.usual)}, so that it builds with rustc-web"
    return Toolchain(packages=NEWER, targets=targets_of(known.suite), note=note)


def targets_of(suite: str) -> tuple[str, ...]:
    return tuple(f"{suite}-{target.partition('-')[2]}" for target in TARGETS)


def _text(rust: Rust) -> str:
    return f"{rust[0]}.{rust[1]}"
