"""debian/rules for Rust: the cargo command itself, offline, with the cross linker of the target."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from debwright.init.model import Override, Rules
from debwright.init.natively import linked, mark_crossed

BUILD = "debian/cargo"
"""What the build makes: CARGO_HOME, which configures it, and the target directory."""
CROSSED = f"{BUILD}/crossed"
REGISTRY = "/usr/share/cargo/registry"
"""Where Debian's packages of crates are (librust-*-dev, Debian's Rust team)."""

CARRIED, IN_TREE, ARCHIVE, NONE = "carried", "in-tree", "archive", "none"
"""Where the crates come from: a component, the author's vendor/, Debian's packages, nowhere."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """How a project is built."""

    package: str
    programs: Sequence[str]
    crates: str
    configured: bool = False
    """Whether the tree has a .cargo/config.toml that names its vendor/."""
    locked: bool
    """Whether the tree has a Cargo.lock."""
    features: Sequence[str] = ()
    default_features: bool = True
    tested: bool = False


def rules(build: Build) -> Rules:
    """What debian/rules says."""
    return Rules(
        before=(
            "include /usr/share/dpkg/buildtools.mk",
            "include /usr/share/rustc/architecture.mk",
        ),
        exports={
            # Settings for the build alone: the project's own .cargo/config.toml stays as it is.
            "CARGO_HOME": f"$(CURDIR)/{BUILD}/home",
            "CARGO_TARGET_DIR": f"$(CURDIR)/{BUILD}/target",
            "CARGO_BUILD_TARGET": "$(DEB_HOST_RUST_TYPE)",
            "CARGO_NET_OFFLINE": "true",
            "CARGO_INCREMENTAL": "0",
            # Line numbers for debuggers: dh_strip puts them into a package of their own.
            "CARGO_PROFILE_RELEASE_DEBUG": "1",
            "CARGO_PROFILE_RELEASE_STRIP": "none",
            "RUSTFLAGS": "-C linker=$(DEB_HOST_GNU_TYPE)-gcc "
            f"--remap-path-prefix=$(CURDIR)=/usr/src/{build.package}",
            # For what crates compile in C (the crates cc and pkg-config).
            "TARGET_CC": "$(CC)",
            "TARGET_CXX": "$(CXX)",
            "HOST_CC": "$(CC_FOR_BUILD)",
            "HOST_CXX": "$(CXX_FOR_BUILD)",
            "PKG_CONFIG": "$(DEB_HOST_GNU_TYPE)-pkg-config",
            "PKG_CONFIG_ALLOW_CROSS": "1",
        },
        overrides=tuple(_overrides(build)),
    )


def _overrides(build: Build) -> Iterator[Override]:
    if build.crates == ARCHIVE and build.locked:
        yield Override(
            target="override_dh_auto_clean",
            why="The lock is of crates.io; Debian's crates are other versions.",
            commands=(f"[ ! -e {BUILD}/Cargo.lock ] || mv {BUILD}/Cargo.lock .",),
        )
    else:
        nothing = "The project may have a makefile of its own; cargo does what is needed."
        yield Override(target="override_dh_auto_clean", why=nothing)
    yield Override(
        target="override_dh_auto_configure",
        why="Where the crates are: no registry is asked.",
        commands=tuple(_configure(build)),
    )
    options = ["--release", *_options(build)]
    programs = [f"--bin {shlex.quote(p)}" for p in build.programs]
    yield Override(
        target="override_dh_auto_build",
        commands=(" ".join(["cargo build", *options, *programs]),),
    )
    if build.tested:
        tests = " ".join(["cargo test", *options])
        yield Override(
            target="override_dh_auto_test",
            why="Compiling the tests under an emulator takes longer than all of the rest.",
            commands=(tests,),
            unless=CROSSED,
        )
    else:
        yield Override(
            target="override_dh_auto_test", why="The project has no tests that can run here."
        )
    if build.crates in (CARRIED, IN_TREE):
        yield Override(
            target="override_dh_clean",
            why="Crates have files as Cargo.toml.orig, which cargo wants to be there.",
            commands=("dh_clean -Xvendor/",),
        )
    yield Override(target="override_dh_auto_install", why="debian/*.install names the programs.")
    # Of the packages of crates that are installed, those that the lock of this build names.
    both = r"librust-\1-dev librust-\1-[0-9]*-dev"
    names = rf"""$$(sed -n 's/^name = "\(.*\)"/{both}/p' Cargo.lock | tr _ -)"""
    crates = f" {names}" if build.crates == ARCHIVE else ""
    yield linked(build.package, f"'libstd-rust*-dev'{crates}")


def _configure(build: Build) -> Iterator[str]:
    yield f"mkdir -p {BUILD}/home"
    if build.tested:
        yield mark_crossed(CROSSED)
    home = f"{BUILD}/home/config.toml"
    if build.crates == CARRIED:
        moved = 's,^directory = "vendor"$$,directory = "$(CURDIR)/vendor",'
        yield f"sed '{moved}' vendor/.debwright.toml > {home}"
    elif build.crates == IN_TREE and not build.configured:
        yield _replacement("$(CURDIR)/vendor", home)
    elif build.crates == ARCHIVE:
        yield _replacement(REGISTRY, home)
        if build.locked:
            yield f"mv Cargo.lock {BUILD}/"


def _replacement(directory: str, file: str) -> str:
    lines = (
        "[source.crates-io]", 'replace-with = "carried"',
        "[source.carried]", f'directory = "{directory}"',
    )  # fmt: skip
    return "printf '%s\\n' " + " ".join(f"'{line}'" for line in lines) + f" > {file}"


def _options(build: Build) -> Iterator[str]:
    yield "--workspace"
    if build.crates in (CARRIED, IN_TREE):
        yield "--locked"
    if not build.default_features:
        yield "--no-default-features"
    if build.features:
        yield f"--features {shlex.quote(','.join(build.features))}"
