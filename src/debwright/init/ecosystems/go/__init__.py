"""Go: a module whose programs are built offline with Debian's Go, its libraries carried along."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debwright.init.dockerfile import Dockerfile, read_dockerfile
from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.go.gomod import FILE, GoMod, read_gomod
from debwright.init.ecosystems.go.listening import LANGUAGE
from debwright.init.ecosystems.go.modules import CARRIED, Modules, find_modules
from debwright.init.ecosystems.go.programs import (
    Program,
    compiled,
    find_programs,
    imports,
    uses_cgo,
)
from debwright.init.ecosystems.go.releaser import Releaser, read_releaser
from debwright.init.ecosystems.go.rules import BUILD, PIE_OVERRIDES, Build, rules
from debwright.init.ecosystems.go.stamps import stamps, written_version
from debwright.init.ecosystems.go.toolchain import BACKPORTS
from debwright.init.facts import DEFAULT_VERSION, readme_sentence, tagged_version
from debwright.init.hints import read_sources
from debwright.init.licences import find_licence
from debwright.init.model import Answers, Project, package_name, project_name
from debwright.init.naming import directory_name
from debwright.init.natively import STATIC, Native, native_units
from debwright.model.errors import UsageError

# Modules and packages that are C in part, and the -dev packages that they are linked with.
_CGO = {
    "github.com/mattn/go-sqlite3": (),
    "github.com/confluentinc/confluent-kafka-go": ("librdkafka-dev",),
    "github.com/confluentinc/confluent-kafka-go/v2": ("librdkafka-dev",),
    "github.com/libgit2/git2go": ("libgit2-dev",),
    "github.com/google/gopacket": ("libpcap-dev",),
    "github.com/coreos/go-systemd/v22/sdjournal": ("libsystemd-dev",),
    "github.com/miekg/pkcs11": (),
    "github.com/pebbe/zmq4": ("libzmq3-dev",),
    "github.com/gen2brain/malgo": (),
    "github.com/veandco/go-sdl2": ("libsdl2-dev",),
    "github.com/DataDog/zstd": (),
}

# `build` and `docs` may be packages of the module: these are what go(1) passes over itself.
_SKIPPED = frozenset({"testdata", "vendor", "node_modules", "debian"})


class Go(Ecosystem):
    """A Go module with at least one program."""

    name = "go"
    title = "Go"
    recognised_by = FILE

    def confidence(self, directory: Path) -> Confidence:
        return Confidence.CERTAIN if (directory / FILE).is_file() else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:  # noqa: ARG002
        return _project(directory)


ECOSYSTEM = Go()


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What was read of the directory."""

    mod: GoMod
    name: str
    package: str
    releaser: Releaser
    docker: Dockerfile
    programs: tuple[Program, ...]
    tested: bool
    """Whether there are tests."""


def _project(directory: Path) -> Project:
    found = _read(directory)
    mod, releaser = found.mod, found.releaser
    modules = find_modules(directory, mod)
    choice = modules.choice
    cgo, libraries = _cgo(found)
    units = native_units(
        Native(
            directory=directory, package=found.package, language=LANGUAGE, docker=found.docker,
            programs={p.name: p.sources for p in found.programs},
        )
    )  # fmt: skip
    names = tuple(p.name for p in found.programs)
    binaries = ((f"{BUILD}/bin/{name}", "usr/bin") for name in names)
    return Project(
        name=found.name,
        package=found.package,
        version=_version(directory, found),
        description=releaser.description or readme_sentence(directory),
        homepage=releaser.homepage or mod.homepage,
        author=releaser.author,
        licence=find_licence(directory, releaser.licence),
        architecture="any",
        targets=choice.targets,
        fields=STATIC,
        lintian_overrides=() if cgo else PIE_OVERRIDES,
        build_depends=(choice.toolchain.package, *modules.build_depends, *libraries),
        depends=("${shlibs:Depends}", *releaser.depends),
        rules=rules(
            Build(
                package=found.package, module=mod.module, programs=found.programs,
                toolchain=choice.toolchain, modules=modules.kind, cgo=cgo,
                stamps=_stamps(found), tags=releaser.tags, tested=found.tested,
            )
        ),
        clean=(f"{BUILD}/",),
        units=units.units,
        accounts=units.accounts,
        programs=names,
        config_files=tuple(dict.fromkeys((*releaser.config_files, *units.config_files))),
        install=(*binaries, *units.install, *releaser.install),
        smoke=units.smoke,
        settings=_settings(modules),
        notes=(*modules.notes, *_notes(found), *units.notes),
    )  # fmt: skip


def _read(directory: Path) -> _Found:
    mod = read_gomod(directory)
    base = mod.base if len(mod.base) > 1 else directory_name(directory)
    name = project_name(base, FILE)
    package = package_name(name)
    releaser = read_releaser(directory, package)
    every = read_sources(directory, {".go"}, _SKIPPED)
    programs = find_programs(mod, compiled(every), releaser.names)
    if not programs:
        raise UsageError(
            f"{mod.module} has no program: there is no `package main` with a func main",
            cause="a Go library is used as source, by the programs that import it",
            fix="package the program that imports it",
        )
    return _Found(
        mod=mod, name=name, package=package, releaser=releaser, docker=read_dockerfile(directory),
        programs=programs, tested=any(s.name.endswith("_test.go") for s in every),
    )  # fmt: skip


def _version(directory: Path, found: _Found) -> str:
    written = (written_version(program) for program in found.programs)
    return tagged_version(directory) or next((v for v in written if v), DEFAULT_VERSION)


def _cgo(found: _Found) -> tuple[bool, tuple[str, ...]]:
    """Whether a C compiler is needed, and the libraries that are linked."""
    imported = {i for p in found.programs for s in p.sources for i in imports(s.text)}
    known = [name for name in {*found.mod.requires, *imported} if name in _CGO]
    own = any(uses_cgo(program.sources) for program in found.programs)
    libraries = tuple(sorted({p for m in known for p in _CGO[m]}))
    needed = own or bool(known) or bool(found.releaser.cgo)
    return needed, (*libraries, *(("pkgconf",) if needed else ()))


def _stamps(found: _Found) -> tuple[str, ...]:
    """What is set to the version: as goreleaser is told, else what the sources have for it."""
    seen = (stamp for program in found.programs for stamp in stamps(found.mod, program))
    return tuple(dict.fromkeys(found.releaser.stamps or seen))


def _settings(modules: Modules) -> dict[str, dict[str, list[str] | str]]:
    toolchain, tables = modules.choice.toolchain, dict[str, dict[str, list[str] | str]]()
    if toolchain.backports:
        tables[f"suites.{toolchain.suite}"] = {"extra_sources": [BACKPORTS]}
    if modules.kind == CARRIED:
        tables["go"] = {"toolchain": toolchain.package.partition(":")[0]}
    return tables


def _notes(found: _Found) -> Iterator[str]:
    for target in found.mod.replaced:
        if target.startswith(("../", "/")):
            yield f"{FILE} replaces a module by {target}, which is outside of the project"
    yield from found.releaser.notes
