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

# Alternatives, for distributions without the first; never one of each, since a compiler reads the
# standard library of its own version alone. apt takes `rustc-web` for a bare `rustc:native`, too.
PACKAGES = (
    "cargo-web:native | cargo:native",
    "rustc-web:native | rustc:native",
    "libstd-rust-web-dev | libstd-rust-dev",
)
CARGO = "cargo-web"
CERTAIN: Rust = (1, 85)
"""Of `rustc-web` in bookworm and trixie, at least: 1.85 when they were last looked at without
security updates, and newer with each browser that needs it."""


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


def choose(needed: Need, *, suite: str = "bookworm") -> Toolchain:
    """What to build with; `suite` is the one that has the libraries, where they are Debian's."""
    note = ""
    if needed.rust > CERTAIN:
        note = (
            f"{needed.because} asks for Rust {_text(needed.rust)}; `rustc-web` of bookworm and "
            f"trixie has {_text(CERTAIN)} or newer, and the build says when that is too old"
        )
    return Toolchain(packages=PACKAGES, targets=targets_of(suite), note=note)


def targets_of(suite: str) -> tuple[str, ...]:
    return tuple(f"{suite}-{target.partition('-')[2]}" for target in TARGETS)


def _text(rust: Rust) -> str:
    return f"{rust[0]}.{rust[1]}"
