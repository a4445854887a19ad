"""Rust: programs built offline with Debian's cargo, from carried crates or Debian's own."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from debwright.init.dockerfile import Dockerfile, read_dockerfile
from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.rust import rules as building
from debwright.init.ecosystems.rust.deb import Hints, read_hints
from debwright.init.ecosystems.rust.listening import LANGUAGE, ROCKET_PORT
from debwright.init.ecosystems.rust.lock import read_lock
from debwright.init.ecosystems.rust.manifest import FILE, Crate, Workspace, read_workspace
from debwright.init.ecosystems.rust.rules import ARCHIVE, BUILD, Build
from debwright.init.ecosystems.rust.supply import find_crates
from debwright.init.facts import DEFAULT_VERSION, person, readme_sentence, tagged_version
from debwright.init.hints import Source, read_sources
from debwright.init.licences import find_licence
from debwright.init.model import Answers, Guess, Project, package_name, project_name
from debwright.init.natively import (
    STATIC,
    Native,
    NativeUnits,
    native_units,
)
from debwright.model.errors import Evidence, UsageError

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


def _project(directory: Path) -> Project:
    workspace = read_workspace(directory)
    crate = _main(workspace)
    name = project_name(crate.name, FILE)
    package = package_name(name)
    hints = read_hints(directory, crate, package)
    lock = read_lock(directory)
    crates = find_crates(directory, workspace, lock)
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
        settings=crates.settings,
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
