"""Which of a project's dependencies Debian has, and how new they are there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from packaging.requirements import InvalidRequirement, Requirement

from debwright.model.errors import UsageError

SUITES = ("bookworm", "trixie")


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
        found = {s: v for s, v in zip(SUITES, versions, strict=True) if v != "-"}
        table[name] = Known(package=package, versions=found)
    return table


def lookup(name: str) -> Known | None:
    return _table().get(normalise(name))


def parse(texts: Iterable[str]) -> list[Requirement]:
    """The requirements that apply on Linux. Raises UsageError for one that is malformed."""
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
    requirements = []
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise UsageError(
                f"pyproject.toml: {text!r} is not a dependency", cause=str(error).splitlines()[0]
            ) from error
        if requirement.marker is None or requirement.marker.evaluate(linux):
            requirements.append(requirement)
    return requirements


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
        for suite in SUITES:
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
