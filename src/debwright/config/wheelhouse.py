"""Tables of the wheelhouse: the Python distributions a source package carries."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Section

_RESERVED = {
    "HOME": "leave it out: it is a directory of the compilation's own",
    "PATH": "leave it out: build tools are found through build_lock and Build-Depends",
    "PYTHONPATH": "leave it out: build tools are found through build_lock and Build-Depends",
    "SOURCE_DATE_EPOCH": "leave it out: it is the date of the sdist's newest file",
}


def canonical(name: str) -> str:
    """A distribution's name as indices compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", value, re.ASCII) is None:
        raise v.refused(
            f"{v.quoted(value)} is not a distribution's name",
            expected="a name as in the lock, as llama-cpp-python",
        )
    return canonical(value)


def _index(value: str) -> str:
    parts = urlsplit(value)
    usable = parts.scheme in ("http", "https") and parts.hostname
    if not (usable or (parts.scheme == "file" and parts.path.startswith("/"))):
        raise v.refused(
            f"{v.quoted(value)} is not a package index",
            expected="the URL of a simple index (PEP 503): http://, https:// or file:///",
        )
    if parts.username or parts.password:
        raise v.refused(
            "a package index's URL must not hold a password here",
            expected="the URL without user and password",
            fix="put them into ~/.netrc",
        )
    return value


Distribution = Annotated[str, AfterValidator(_distribution)]
IndexUrl = Annotated[str, AfterValidator(_index)]
Variables = Annotated[dict[str, v.EnvironmentValue], AfterValidator(v.environment_names(_RESERVED))]


class CompileFor(Section):
    """What is different on one architecture."""

    environment: Variables = Field(
        {}, description="Variables set for the build backend, over those of all architectures."
    )
    keep: list[v.Line] | None = Field(
        None, description="Patterns of kept paths in place of those of all architectures."
    )
    drop: list[v.Line] | None = Field(
        None, description="Patterns of dropped paths in place of those of all architectures."
    )


class Compile(Section):
    """How one distribution is compiled; naming it here says that its wheels are not used."""

    environment: Variables = Field({}, description="Variables set for the build backend.")
    config_settings: dict[v.Line, v.EnvironmentValue] = Field(
        {}, description="Settings the build backend is given (PEP 517, config_settings)."
    )
    keep: list[v.Line] = Field(
        [],
        description="fnmatch patterns of the paths in the wheel that are kept; all when empty. "
        "Its .dist-info is always kept.",
    )
    drop: list[v.Line] = Field(
        [], description="fnmatch patterns of paths in the wheel that are left out, of those kept."
    )
    strip: bool = Field(True, description="Whether debugging symbols are removed.")
    arch: dict[str, CompileFor] = Field(
        {}, description="Debian architecture to what is different on it."
    )


class Wheelhouse(Section):
    """Python distributions that the source package carries, so that its build needs no network."""

    lock: v.Line = Field(
        description="Lock file in pip's format with hashes; relative to package.source."
    )
    build_lock: v.Line | None = Field(
        None,
        description="Lock file with hashes of what sdists, and the application itself, are built "
        "with (build-system.requires); without it that comes from debian/control's Build-Depends.",
    )
    index: IndexUrl | None = Field(
        None, description="The package index; default: what uv is configured to use."
    )
    exclude: Annotated[list[Distribution], AfterValidator(v.no_repeats)] = Field(
        [], description="Distributions of the lock that are left out, as Debian has them."
    )
    strategy: Literal["auto", "cross", "emulated"] = Field(
        "auto",
        description="How sdists are compiled for an architecture this machine does not run: auto "
        "tries cross, then (targets.fallback) emulated.",
    )
    compile: dict[Distribution, Compile] = Field(
        {}, description="How a distribution is compiled from its sdist."
    )


def problems(raw: Mapping[str, Any], architectures: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Paths of [wheelhouse.compile.NAME.arch] tables that name no architecture."""
    wheelhouse = raw.get("wheelhouse")
    tables = wheelhouse.get("compile") if isinstance(wheelhouse, dict) else None
    for name, table in tables.items() if isinstance(tables, dict) else ():
        arches = table.get("arch") if isinstance(table, dict) else None
        for arch in arches if isinstance(arches, dict) else ():
            if arch not in architectures:
                yield "wheelhouse", "compile", name, "arch", arch
