"""Rust: programs built offline with Debian's cargo, from carried crates or Debian's own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from debwright.host.http import answers
from debwright.init.dockerfile import Dockerfile, read_dockerfile
from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.rust import rules as building
from debwright.init.ecosystems.rust.crates import Packaged, packaged
from debwright.init.ecosystems.rust.deb import Hints, read_hints
from debwright.init.ecosystems.rust.libraries import packages_for
from debwright.init.ecosystems.rust.listening import LANGUAGE, ROCKET_PORT
from debwright.init.ecosystems.rust.lock import Lock, read_lock
from debwright.init.ecosystems.rust.manifest import FILE, Crate, Workspace, read_workspace
from debwright.init.ecosystems.rust.rules import ARCHIVE, BUILD, CARRIED, IN_TREE, NONE, Build
from debwright.init.ecosystems.rust.toolchain import CARGO, Toolchain, choose, need
from debwright.init.facts import DEFAULT_VERSION, person, readme_sentence, tagged_version
from debwright.init.hints import Source, read_sources
from debwright.init.licences import find_licence
from debwright.init.model import Answers, Guess, Project, package_name, project_name
from debwright.init.natively import (
    STATIC,
    Native,
    NativeUnits,
    has_vendor,
    native_units,
)
from debwright.model.errors import Evidence, UsageError
from debwright.model.fix import Command
from debwright.source.carriers.cargo import REGISTRY, own_sources

_TEST = re.compile(r"#\[(?:\w+::)*test\]")

# `build` and `docs` may be modules of the crate.
_SKIPPED = frozenset({"target", "vendor", "node_modules", "debian"})


class Rust(Ecosystem):
    """A crate or a workspace with at least one program."""

    name = "rust"
    title = "Rust"
    recognised_by = FILE

    def confidence(self, directory: Path) -> Confidence:
        return Confidence.CERTAIN if (directory / FILE).is_file() else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:  # noqa: ARG002
        return _project(directory)


ECOSYSTEM = Rust()


@dataclass(frozen=True, kw_only=True)
class _Crates:
    """Where the crates that the project needs come from."""

    kind: str
    toolchain: Toolchain
    build_depends: tuple[str, ...]
    notes: tuple[str, ...] = ()


def _project(directory: Path) -> Project:
    workspace = read_workspace(directory)
    crate = _main(workspace)
    name = project_name(crate.name, FILE)
    package = package_name(name)
    hints = read_hints(directory, crate, package)
    lock = read_lock(directory)
    crates = _crates(directory, workspace, lock)
    every = read_sources(directory, {".rs"}, _SKIPPED)
    native = Native(
        directory=directory, package=package, language=LANGUAGE, docker=_docker(directory, every),
        programs={p: s for c in workspace.crates for p, s in _sources(c, workspace, every)},
    )  # fmt: skip
    units = native_units(native)
    programs = tuple(native.programs)
    tested = crates.kind != ARCHIVE and any(_TEST.search(s.text) for s in every)
    return Project(
        name=name,
        package=package,
        version=_version(directory, crate),
        description=crate.description or hints.description or readme_sentence(directory),
        homepage=crate.homepage,
        section=hints.section,
        author=hints.maintainer or next((p for a in crate.authors if (p := person(a))), None),
        licence=find_licence(directory, crate.licence, crate.licence_file),
        architecture="any",
        targets=crates.toolchain.targets,
        fields=STATIC,
        build_depends=crates.build_depends,
        depends=("${shlibs:Depends}", *hints.depends),
        rules=building.rules(
            Build(
                package=package, programs=programs, crates=crates.kind, locked=lock is not None,
                configured=_configured(directory), features=hints.features,
                default_features=hints.default_features, tested=tested,
            )
        ),
        clean=(f"{BUILD}/", *(() if lock is not None else ("Cargo.lock",))),
        units=units.units,
        accounts=units.accounts,
        programs=programs,
        config_files=tuple(dict.fromkeys((*hints.config_files, *units.config_files))),
        install=tuple(_install(programs, hints, units)),
        smoke=units.smoke,
        settings=_settings(crates),
        notes=(*crates.notes, *hints.notes, *units.notes),
    )  # fmt: skip


def _main(workspace: Workspace) -> Crate:
    """The crate that the package is called after: the top one, else the first with a program."""
    crate = next((c for c in workspace.crates if c.programs), None)
    if crate is None:
        raise UsageError(
            f"{workspace.crates[0].name} is a library: it has no program",
            cause="a Rust library is used as source, by the programs that depend on it",
            evidence=[Evidence(text="there is neither src/main.rs nor a [[bin]]", file=FILE)],
            fix="package the program that depends on it",
        )
    top = workspace.crates[0]
    return top if top.directory == "." and top.programs else crate


def _crates(directory: Path, workspace: Workspace, lock: Lock | None) -> _Crates:
    """Carried along as they are locked, else Debian's own where a suite has them all."""
    needed = need(workspace, lock)
    outside = workspace.dependencies
    names = (lock.crates if lock else frozenset()) | {d.name for d in outside}
    if not names:
        toolchain = choose(needed)
        return _Crates(
            kind=NONE, toolchain=toolchain, build_depends=toolchain.packages,
            notes=tuple(n for n in [toolchain.note] if n),
        )  # fmt: skip
    in_tree = has_vendor(directory, "/Cargo.toml")
    found = packaged(outside)
    fitting = bool(outside) and not found.missing
    if lock is not None and (in_tree or not fitting or _reachable()):
        kind = IN_TREE if in_tree else CARRIED
        toolchain = choose(needed)
        return _Crates(
            kind=kind, toolchain=toolchain,
            build_depends=(*toolchain.packages, *packages_for(names)),
            notes=tuple(_locked_notes(lock, toolchain, kind)),
        )  # fmt: skip
    if not fitting:
        raise _no_lock(found)
    toolchain = choose(need(workspace, None), suite=found.suite)
    return _Crates(
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


def _configured(directory: Path) -> bool:
    """Whether the tree itself says that crates come from its vendor/."""
    paths = (directory / ".cargo" / name for name in ("config.toml", "config"))
    return any("replace-with" in p.read_text(errors="replace") for p in paths if p.is_file())


def _sources(
    crate: Crate, workspace: Workspace, every: list[Source]
) -> Iterator[tuple[str, tuple[Source, ...]]]:
    """Each program with its own file, the rest of its crate, and the project's libraries."""
    mains = set(crate.programs.values())
    libraries = [c for c in workspace.crates if c is not crate and not c.programs]
    for program, main in crate.programs.items():
        own = [s for s in every if s.name == main]
        rest = [
            s for s in every
            if s.name not in mains and any(_below(s.name, c) for c in (crate, *libraries))
            and not s.name.endswith("build.rs")
        ]  # fmt: skip
        yield program, (*own, *rest)


def _below(name: str, crate: Crate) -> bool:
    base = "src/" if crate.directory == "." else f"{crate.directory}/src/"
    return name.startswith(base)


def _docker(directory: Path, every: list[Source]) -> Dockerfile:
    found = read_dockerfile(directory)
    if found.port is None and any("rocket::" in s.text or "launch]" in s.text for s in every):
        return replace(found, port=Guess(value=ROCKET_PORT, seen="Rocket's default"))
    return found


def _version(directory: Path, crate: Crate) -> str:
    said = crate.version.replace("-", "~")
    written = said if said[:1].isdigit() and said != "0.0.0" else ""
    return written or tagged_version(directory) or DEFAULT_VERSION


def _install(
    programs: tuple[str, ...], hints: Hints, units: NativeUnits
) -> Iterator[tuple[str, str]]:
    for program in programs:
        place = "usr/sbin" if program in hints.system_programs else "usr/bin"
        yield f"{BUILD}/target/*/release/{program}", place
    yield from (*units.install, *hints.install)


def _settings(crates: _Crates) -> dict[str, dict[str, list[str] | str]]:
    if crates.kind != CARRIED:
        return {}
    return {"cargo": {"toolchain": CARGO}}
