"""Which of the modules that are required Debian has as packages, and in which suite all are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from debwright.init.ecosystems.go.gomod import Required

SUITES = ("bookworm", "trixie")
SOURCES = "/usr/share/gocode"
"""Where Debian's packages have them (Debian's Go team): a GOPATH."""
_MAJOR = re.compile(r"/v(\d+)\Z")
_PSEUDO = re.compile(r"v\d+\.\d+\.\d+-(?:\w+\.)?(?:0\.)?(\d{8})\d{6}-[0-9a-f]{12}")
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
_DATE = re.compile(r"git(\d{8})")


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """What a suite has of the modules that are asked for."""

    suite: str
    packages: tuple[str, ...]
    missing: tuple[str, ...]
    """Requirements that the suite does not meet."""


def packaged(required: Iterable[Required]) -> Packaged:
    """The first suite that has every module, else the one in which the fewest are missing."""
    wanted = list(required)
    return min((_in(suite, wanted) for suite in SUITES), key=lambda found: len(found.missing))


def _in(suite: str, wanted: list[Required]) -> Packaged:
    packages, missing = [], []
    for module in wanted:
        package, version = _table().get(_base(module.path), {}).get(suite, ("", ""))
        if package and _meets(version, module):
            packages.append(package)
        else:
            missing.append(f"{module.path} {module.version}")
    return Packaged(suite=suite, packages=tuple(sorted(set(packages))), missing=tuple(missing))


def _base(path: str) -> str:
    """The path without a major version: Debian's packages are called after that."""
    return path if path in _table() else _MAJOR.sub("", path)


def _meets(found: str, module: Required) -> bool:
    """Whether `found` is of the same major version and not older (the minimum that Go selects)."""
    if pseudo := _PSEUDO.fullmatch(module.version):
        date = _DATE.search(found)
        return date is not None and date[1] >= pseudo[1]
    ours, theirs = _NUMBERS.match(found), _NUMBERS.match(module.version)
    if ours is None or theirs is None or _DATE.search(found):
        return False
    have, want = [[int(n or 0) for n in match.groups()] for match in (ours, theirs)]
    return have[0] == want[0] and have >= want


@cache
def _table() -> dict[str, dict[str, tuple[str, str]]]:
    text = files(__package__).joinpath("debian-modules.txt").read_text(encoding="utf-8")
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {
        path: {
            # Where the suites call the package differently, both names are there.
            suite: (name, version)
            for suite, name, version in zip(SUITES, _two(names), versions, strict=True)
            if version != "-"
        }
        for path, names, *versions in rows
    }


def _two(names: str) -> tuple[str, str]:
    first, _, second = names.partition("|")
    return first, second or first
