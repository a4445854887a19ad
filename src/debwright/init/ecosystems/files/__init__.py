"""Projects that nothing builds: scripts, and programs that are built already."""

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.files import nfpm, prebuilt
from debwright.init.ecosystems.files.guess import Entry, Guessed, depends, guess
from debwright.init.ecosystems.files.nfpm import Nfpm
from debwright.init.ecosystems.files.prebuilt import Program
from debwright.init.facts import DEFAULT_VERSION, person, readme_sentence, tagged_version
from debwright.init.licences import find_licence
from debwright.init.model import (
    TARGETS,
    Answers,
    Override,
    Project,
    Rules,
    Unit,
    one_line,
    package_name,
    project_name,
)
from debwright.init.naming import directory_name
from debwright.init.record import read_record
from debwright.init.units import AuthorUnits, Places, author_units
from debwright.model.arch import ARCHITECTURES
from debwright.model.errors import UsageError
from debwright.source.contents import INCLUDED
from debwright.source.make import project_files

CONFIG = "debwright.toml"
MAX_FILES = 5000
ENDINGS = (".sh", ".bash", ".pl", ".service")
PLAIN = {"libc", "libm", "libpthread", "libdl", "librt", "ld-linux-x86-64", "ld-linux-aarch64"}
LIBC = {"libgcc_s": "libgcc-s1", "libstdc++": "libstdc++6"}
PREBUILT = (
    "# The programs come as their author built them.",
    *(f"{tag} *" for tag in (
        "unstripped-binary-or-object", "statically-linked-binary", "embedded-library",
        "hardening-no-pie", "hardening-no-relro", "hardening-no-fortify-functions",
        "hardening-no-bindnow",
    )),
)  # fmt: skip


class Files(Ecosystem):
    """Scripts, or programs that are built already, with or without a unit that starts them."""

    name = "files"
    title = "scripts and built programs"
    recognised_by = "[package] files, nfpm.yaml, or NAME.service and scripts"

    def confidence(self, directory: Path) -> Confidence:
        if _listed(directory):
            return Confidence.CERTAIN
        if nfpm.find(directory):
            # A project that is built first may have one, too.
            return Confidence.LIKELY
        names = [p.name for p in directory.iterdir() if p.is_file()]
        there = (directory / "bin").is_dir() or any(n.endswith(ENDINGS) for n in names)
        return Confidence.POSSIBLE if there else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:  # noqa: ARG002
        return _project(directory)


ECOSYSTEM = Files()


@dataclass(frozen=True, kw_only=True)
class _Found:
    name: str
    entries: Sequence[Entry]
    units: AuthorUnits
    commands: Mapping[str, str]
    programs: Sequence[Program]
    notes: Sequence[str]


def _project(directory: Path) -> Project:
    hints = _hints(directory)
    found = _find(directory, hints)
    package = package_name(found.name)
    arches = _architectures(found)
    version = hints.version.removeprefix("v").split("-")[0]
    known = version if version[:1].isdigit() else tagged_version(directory)
    known = known or _version_file(directory)
    notes = [*hints.notes, *found.notes, *found.units.notes]
    if not known:
        notes.append(f"no version was found: debian/changelog begins with {DEFAULT_VERSION}")
    libraries = sorted({p for program in found.programs for p in _libraries(program)})
    return Project(
        name=found.name,
        package=package,
        version=known or DEFAULT_VERSION,
        description=hints.description or readme_sentence(directory),
        homepage=hints.homepage or None,
        author=person(hints.maintainer),
        licence=find_licence(directory, hints.licence),
        section="" if found.units.units else "utils",
        architecture=" ".join(arches) or "all",
        targets=tuple(t for t in TARGETS if not arches or t.rpartition("-")[2] in arches),
        build_depends=tuple(libraries),
        depends=(
            *(["${shlibs:Depends}"] if arches else []), *depends(directory, found.entries),
            *hints.depends,
        ),
        rules=Rules(
            buildsystem="none",
            before=("# [package] files of debwright.toml: debwright writes this file.",
                    f"include {INCLUDED}"),
            overrides=_overrides(arches),
        ),
        units=found.units.units,
        accounts=found.units.accounts,
        package_files=tuple(found.entries),
        own_config=_is_own(directory),
        programs=tuple(n for n, p in found.commands.items() if _needs_manual(n, p, found.entries)),
        lintian_overrides=PREBUILT if arches else (),
        smoke=() if found.units.units else _smoke(found),
        notes=tuple(notes),
    )  # fmt: skip


def _hints(directory: Path) -> Nfpm:
    file = nfpm.find(directory)
    return nfpm.read(directory, file) if file else Nfpm(file="")


def _find(directory: Path, hints: Nfpm) -> _Found:
    files = [f for f in project_files(directory) if not f.startswith(("debian/", ".git"))]
    if len(files) > MAX_FILES:
        raise UsageError(f"{directory} has more than {MAX_FILES} files, and nothing says which")
    programs = prebuilt.programs(
        directory, [f for f in files if not (directory / f).is_symlink()]
    )  # fmt: skip
    first = author_units(directory, Places())
    name = _name(directory, hints, first.units)
    texts = {u.name: u.text or (directory / u.source).read_text("utf-8", "replace")
             for u in first.units}  # fmt: skip
    listed: Sequence[Entry] = _listed(directory) or hints.entries
    if listed:
        units = author_units(directory, Places())
        shipped = {str(e["dst"]).rpartition("/")[2] for e in listed}
        units = AuthorUnits(
            units=tuple(u for u in units.units if u.name not in shipped or u.source),
            accounts=units.accounts, notes=units.notes,
        )  # fmt: skip
        entries = [e for e in listed if not _is_unit(e)]
        _refuse_missing(entries, files)
        commands = {
            str(e["dst"]).rpartition("/")[2]: str(e["dst"]) for e in entries
            if str(e["dst"]).startswith(("/usr/bin/", "/usr/sbin/"))
        }  # fmt: skip
        used = [p for p in programs if any(_uses(e, p) for e in entries)]
        return _Found(name=name, entries=entries, units=units, commands=commands, programs=used,
                      notes=())  # fmt: skip
    made = guess(files, first.units, texts, programs, package_name(name))
    return _guessed(directory, name, made, programs)


def _refuse_missing(entries: Iterable[Entry], files: Sequence[str]) -> None:
    """Raise UsageError for a source that is none of the project's files."""
    for entry in entries:
        source = entry.get("src")
        if entry.get("type") == "symlink" or source is None:
            continue
        for path in source.values() if isinstance(source, Mapping) else [source]:
            name = os.path.normpath(str(path))
            if not any(fnmatch(f, name) or f.startswith(f"{name}/") for f in files):
                raise UsageError(
                    f"{name} is none of the project's files",
                    cause="dist/ is where debwright writes, and is left out of the source package "
                    "unless git tracks it" if name.startswith("dist/") else None,
                    fix="correct [package] files, or put the file there",
                )  # fmt: skip


def _guessed(directory: Path, name: str, made: Guessed, programs: Iterable[Program]) -> _Found:
    if not made.commands:
        raise UsageError(
            f"{directory} has scripts or units, and nothing says what goes where",
            cause="no unit starts a file of the project"
            + (f" ({', '.join(made.unknown)})" if made.unknown else "")
            + ", and there is none in bin/",
            fix='debwright.toml: [package] files = [{ src = "FILE", dst = "/usr/bin/NAME" }]',
        )
    notes = [
        f"{path}, which a unit starts, is none of the project's files" for path in made.unknown
    ]
    used = [p for p in programs if any(_uses(e, p) for e in made.entries)]
    units = author_units(directory, Places(programs=made.commands))
    return _Found(name=name, entries=made.entries, units=units, commands=made.commands,
                  programs=used, notes=notes)  # fmt: skip


def _listed(directory: Path) -> list[dict[str, Any]]:
    """[package] files of a debwright.toml that is there."""
    try:
        text = (directory / CONFIG).read_text(encoding="utf-8")
        said = tomllib.loads(text).get("package", {}).get("files", [])
    except (OSError, ValueError, AttributeError):
        return []  # not there, or `run` will say what is wrong with it
    return [dict(e) for e in said if isinstance(e, dict) and "dst" in e]


def _is_own(directory: Path) -> bool:
    """Whether the author wrote debwright.toml, with such a list, and not `init`."""
    before = read_record(directory)
    wrote = before is not None and CONFIG in before.files
    return not wrote and bool(_listed(directory))


def _is_unit(entry: Entry) -> bool:
    return "/systemd/system/" in str(entry["dst"])


def _uses(entry: Entry, program: Program) -> bool:
    source = entry.get("src")
    sources = source.values() if isinstance(source, Mapping) else [source]
    return bool(set(sources) & set(program.files.values()))


def _name(directory: Path, hints: Nfpm, units: Sequence[Unit]) -> str:
    if hints.name:
        return project_name(hints.name, hints.file)
    if units:
        return project_name(units[0].name.rpartition(".")[0].rstrip("@"), units[0].name)
    return project_name(directory_name(directory), "the directory")


def _architectures(found: _Found) -> list[str]:
    """Debian's names of the architectures that there are programs for; empty for all."""
    sets = [set(program.files) for program in found.programs]
    if not sets:
        return []
    common = set.intersection(*sets)
    if not common:
        said = "; ".join(f"{p.name}: {', '.join(sorted(p.files))}" for p in found.programs)
        raise UsageError("no architecture has all of the programs", cause=said)
    return [arch for arch in ARCHITECTURES if arch in common]


def _libraries(program: Program) -> list[str]:
    """The packages of the libraries it is linked with, which dpkg-shlibdeps(1) has to see."""
    names = {soname.partition(".so.")[0]: soname for soname in program.libraries}
    return [
        LIBC.get(name) or prebuilt.debian_package(soname)
        for name, soname in names.items() if name not in PLAIN
    ]  # fmt: skip


def _overrides(arches: Sequence[str]) -> tuple[Override, ...]:
    if not arches:
        return ()
    why = "What was built elsewhere stays as it is."
    return (
        Override(target="override_dh_strip", why=why),
        Override(target="override_dh_dwz", why=why),
    )


def _needs_manual(name: str, path: str, entries: Iterable[Entry]) -> bool:
    """Whether a command of users has no manual page of the author's."""
    has = any(str(e.get("src", "")).rpartition("/")[2].startswith(f"{name}.") and "/man/" in
              str(e["dst"]) for e in entries)  # fmt: skip
    return path.startswith(("/usr/bin/", "/bin/")) and not has


def _smoke(found: _Found) -> tuple[str, ...]:
    """Without a service, that the commands are there and can be run."""
    return tuple(f"test -x {path}" for path in found.commands.values())[:5]


def _version_file(directory: Path) -> str | None:
    path = directory / "VERSION"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 1000:
        return None
    said = one_line(path.read_text("utf-8", "replace")).removeprefix("v")
    return said if said[:1].isdigit() and " " not in said else None
