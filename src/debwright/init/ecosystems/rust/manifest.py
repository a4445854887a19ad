"""Cargo.toml of a crate or a workspace (the Cargo book, "The Manifest Format")."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from debwright.init.model import PROGRAM, one_line
from debwright.model.errors import Evidence, UsageError

FILE = "Cargo.toml"
MAX_BYTES = 1 << 20
MAX_MEMBERS = 100


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """A crate that another one needs."""

    name: str
    """As the registry has it, whatever it is called in the source."""
    requirement: str
    features: tuple[str, ...] = ()
    default_features: bool = True
    optional: bool = False
    development: bool = False
    elsewhere: str = ""
    """A repository or a directory that it comes from; the registry without one."""
    inside: bool = False
    """Whether it is a member of the same project."""


@dataclass(frozen=True, kw_only=True)
class Crate:
    """A package of Cargo."""

    directory: str
    """Relative to the project, `.` for its top."""
    name: str
    version: str
    description: str
    homepage: str | None
    licence: str
    licence_file: str
    authors: tuple[str, ...]
    edition: str
    rust_version: str
    programs: Mapping[str, str]
    """Names of the programs, and the file that each begins in."""
    dependencies: tuple[Dependency, ...]
    deb: Mapping[str, Any] = field(default_factory=dict)
    """[package.metadata.deb], as cargo-deb reads it."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The crates of a project, the one at its top first."""

    crates: tuple[Crate, ...]
    resolver: str

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """Of all crates, less those that are members themselves."""
        return tuple(d for crate in self.crates for d in crate.dependencies if not d.inside)


def read_workspace(directory: Path) -> Workspace:
    """Read Cargo.toml of `directory` and of its members. Raises UsageError."""
    top = _read(directory / FILE, FILE)
    shared = _table(top, "workspace")
    found = [_crate(directory, ".", top, shared)] if "package" in top else []
    for member in _members(directory, shared):
        data = _read(directory / member / FILE, f"{member}/{FILE}")
        found.append(_crate(directory, member, data, shared))
    if not found:
        raise UsageError(
            f"{FILE} has neither a package nor members with one",
            evidence=[Evidence(text=", ".join(top) or "it is empty", file=FILE)],
        )
    resolver = shared.get("resolver", _table(top, "package").get("resolver"))
    return Workspace(crates=tuple(found), resolver=str(resolver or ""))


def _members(directory: Path, shared: Mapping[str, Any]) -> Iterator[str]:
    excluded = {str(PurePosixPath(e)) for e in _texts(shared.get("exclude"))}
    top, seen = directory.resolve(), set[str]()
    for pattern in _texts(shared.get("members")):
        if pattern.startswith("/") or ".." in PurePosixPath(pattern).parts:
            continue
        for path in sorted(directory.glob(pattern))[:MAX_MEMBERS]:
            relative = str(PurePosixPath(path.relative_to(directory)))
            inside = path.resolve().is_relative_to(top) and (path / FILE).is_file()
            if inside and relative not in seen | excluded and relative != ".":
                seen.add(relative)
                yield relative


def _crate(
    directory: Path, place: str, data: Mapping[str, Any], shared: Mapping[str, Any]
) -> Crate:
    package, inherited = _table(data, "package"), _table(shared, "package")

    def said(key: str) -> Any:
        value = package.get(key)
        return inherited.get(key) if isinstance(value, dict) and value.get("workspace") else value

    name = said("name")
    return Crate(
        directory=place,
        name=name if isinstance(name, str) else "",
        version=str(said("version") or ""),
        description=one_line(said("description")),
        homepage=next(
            (u for u in (said("homepage"), said("repository")) if isinstance(u, str)), None
        ),
        licence=str(said("license") or ""),
        licence_file=str(said("license-file") or ""),
        authors=tuple(_texts(said("authors"))),
        edition=str(said("edition") or "2015"),
        rust_version=str(said("rust-version") or ""),
        programs=_programs(directory / place, place, data, str(name or "")),
        dependencies=tuple(_dependencies(data, shared)),
        deb=_table(_table(package, "metadata"), "deb"),
    )


def _programs(directory: Path, place: str, data: Mapping[str, Any], name: str) -> dict[str, str]:
    """Declared programs, and those that Cargo finds by their place ("Target auto-discovery")."""
    found: dict[str, str] = {}
    for item in data.get("bin") or []:
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            found[item["name"]] = str(item.get("path") or f"src/bin/{item['name']}.rs")
    if _table(data, "package").get("autobins", True):
        known = set(found.values())
        if (directory / "src/main.rs").is_file() and "src/main.rs" not in known:
            found.setdefault(name, "src/main.rs")
        for path in sorted((directory / "src/bin").glob("*")):
            program = path / "main.rs" if path.is_dir() else path
            relative = str(program.relative_to(directory))
            if program.suffix == ".rs" and program.is_file() and relative not in known:
                found.setdefault(path.stem, relative)
    return {
        program: str(PurePosixPath(place) / file)
        for program, file in found.items()
        if PROGRAM.fullmatch(program)
    }


def _dependencies(data: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[Dependency]:
    tables = [data, *(t for t in _table(data, "target").values() if isinstance(t, dict))]
    for table in tables:
        for kind in ("dependencies", "build-dependencies", "dev-dependencies"):
            for key, value in _table(table, kind).items():
                yield _dependency(key, value, shared, development=kind == "dev-dependencies")


def _dependency(
    key: str, value: object, shared: Mapping[str, Any], *, development: bool
) -> Dependency:
    said = value if isinstance(value, dict) else {"version": value}
    features = _texts(said.get("features"))
    if said.get("workspace"):
        common = _table(shared, "dependencies").get(key)
        base = common if isinstance(common, dict) else {"version": common}
        features += _texts(base.get("features"))
        said = {**base, **{k: v for k, v in said.items() if k != "features"}}
    path, git = said.get("path"), said.get("git")
    return Dependency(
        name=str(said.get("package") or key),
        requirement=str(said.get("version") or "*"),
        features=tuple(dict.fromkeys(features)),
        default_features=bool(said.get("default-features", True)),
        optional=bool(said.get("optional")),
        development=development,
        elsewhere=str(git or path or ""),
        inside=isinstance(path, str) and git is None,
    )


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.loads(stream.read(MAX_BYTES).decode("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"{name} cannot be read", evidence=[Evidence(text=str(error), file=name)]
        ) from error


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _texts(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
