"""Which of a project's dependencies Debian has, and how new they are there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from packaging.requirements import InvalidRequirement, Requirement

from debwright.model.errors import UsageError
from debwright.model.suites import SUITES, suite_info
from debwright.source.wheelhouse.interpreters import Interpreter

TABLE = ("bookworm", "trixie")
"""The suites whose versions debian-python.txt has, in its order."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A Python distribution as Debian has it; `versions` maps a suite to the version there."""

    package: str
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Dependencies sorted by what Debian can do for them."""

    packages: tuple[str, ...] = ()
    """Debian packages; dh-python makes Depends of them."""
    missing: tuple[str, ...] = ()
    """Distributions that no suite has."""
    too_old: tuple[str, ...] = ()
    """Sentences about a suite that lacks the version asked for."""


def normalise(name: str) -> str:
    """The name of a distribution as it is compared (the packaging specifications, PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _table() -> dict[str, Known]:
    table = {}
    text = files(__package__).joinpath("debian-python.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, package, *versions = line.split()
        found = {s: v for s, v in zip(TABLE, versions, strict=True) if v != "-"}
        table[name] = Known(package=package, versions=found)
    return table


def lookup(name: str) -> Known | None:
    return _table().get(normalise(name))


@cache
def _by_package() -> dict[str, str]:
    return {known.package: name for name, known in _table().items()}


def imported(module: str) -> str:
    """The distribution that Debian has with the module `module`; empty where it has none.

    Packages are called after the module that is imported (Debian's Python policy, "Package names").
    """
    return _by_package().get(f"python3-{module.lower().replace('_', '-')}", "")


def parse(texts: Iterable[str]) -> list[Requirement]:
    """The requirements that apply on Linux, with some Python; those of optional features do not.

    Raises UsageError for a malformed one.
    """
    requirements = []
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise UsageError(
                f"pyproject.toml: {text!r} is not a dependency", cause=str(error).splitlines()[0]
            ) from error
        if any(applies(requirement, suite) for suite in SUITES):
            requirements.append(requirement)
    return requirements


def applies(requirement: Requirement, suite: str) -> bool:
    """Whether the requirement's marker holds with the Python of `suite`.

    A marker that asks for the machine holds when it does on one of the suite's machines.
    """
    if requirement.marker is None:
        return True
    info = suite_info(suite)
    python = info.python or "3.13"
    return any(
        requirement.marker.evaluate(
            Interpreter(
                arch=arch, python=python, full=f"{python}.{info.python_patch}", glibc=(0, 0)
            ).environment()
        )
        for arch in sorted(info.architectures)
    )


def resolve(requirements: Iterable[Requirement]) -> Resolved:
    """Sort `requirements` into what Debian has, lacks, and has too old."""
    packages: list[str] = []
    missing: list[str] = []
    too_old: list[str] = []
    for requirement in requirements:
        known = lookup(requirement.name)
        if known is None:
            missing.append(str(requirement))
            continue
        packages.append(known.package)
        for suite in TABLE:
            version = known.versions.get(suite)
            if version is None:
                too_old.append(f"{suite} does not have {known.package} ({requirement})")
            elif not requirement.specifier.contains(version, prereleases=True):
                too_old.append(f"{suite} has {known.package} {version}, not {requirement}")
    return Resolved(
        packages=tuple(dict.fromkeys(packages)),
        missing=tuple(dict.fromkeys(missing)),
        too_old=tuple(dict.fromkeys(too_old)),
    )
