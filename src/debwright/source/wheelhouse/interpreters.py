"""The Pythons a wheelhouse is for, and which wheels each can use."""

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags

from debwright.config import Config
from debwright.model.arch import ARCHITECTURES
from debwright.model.errors import ConfigError
from debwright.model.targets import Target, suite_info

# PEP 513, 571 and 599: names of platforms before PEP 600 numbered them after the C library.
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True, kw_only=True, order=True)
class Interpreter:
    """The Python of one or more suites on one architecture."""

    arch: str
    python: str
    """As `3.11`."""
    full: str
    """As `3.11.2`: the oldest of the suites', for markers."""
    glibc: tuple[int, int]
    """The oldest of the suites'."""

    @property
    def name(self) -> str:
        """As the manifest has it."""
        return f"{self.arch}/{self.python}"

    def __str__(self) -> str:
        return f"Python {self.python} on {self.arch}"

    def environment(self) -> dict[str, str]:
        """The values of markers (PyPA specification "Dependency specifiers")."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.full,
            "os_name": "posix",
            "platform_machine": ARCHITECTURES[self.arch].wheel,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.full,
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }

    def tags(self) -> list[Tag]:
        """The tags of wheels it can use, best first."""
        major, minor = (int(n) for n in self.python.split("."))
        platforms = list(_platforms(self.arch, self.glibc))
        tags = list(cpython_tags((major, minor), [f"cp{major}{minor}"], platforms))
        return tags + list(compatible_tags((major, minor), f"cp{major}{minor}", platforms))


def _platforms(arch: str, glibc: tuple[int, int]) -> Iterator[str]:
    """Platform tags, newest first; a wheel for a newer C library than the suite's does not load."""
    row = ARCHITECTURES[arch]
    machine = row.wheel
    for minor in range(glibc[1], row.manylinux - 1, -1):
        yield f"manylinux_{glibc[0]}_{minor}_{machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{machine}"
    yield f"linux_{machine}"


def interpreters(config: Config) -> tuple[Interpreter, ...]:
    """One for each architecture and Python of the configured targets.

    Of all that are configured, not only of those asked for: the source package of a version is the
    same whatever is built from it. Raises ConfigError for a suite nothing is known of.
    """
    found: dict[tuple[str, str], Interpreter] = {}
    for text in config.targets.build:
        target = Target.parse(text)
        full, glibc = suite_python(config, target.suite)
        python = ".".join(full.split(".")[:2])
        one = Interpreter(arch=target.arch, python=python, full=full, glibc=glibc)
        other = found.get((target.arch, python), one)
        found[target.arch, python] = Interpreter(
            arch=target.arch,
            python=python,
            full=min(one.full, other.full, key=_numbers),
            glibc=min(one.glibc, other.glibc),
        )
    return tuple(found[key] for key in sorted(found, key=lambda k: (k[0], _numbers(k[1]))))


def suite_python(config: Config, suite: str) -> tuple[str, tuple[int, int]]:
    """The suite's Python, as `3.11.2`, and its C library, as (2, 36)."""
    info, own = suite_info(suite), config.suites.get(suite)
    known = f"{info.python}.{info.python_patch}" if info.python else None
    python = (own.python if own else None) or known
    glibc = (own.glibc if own else None) or info.glibc
    if python is None or glibc is None:
        raise ConfigError(
            f"the wheelhouse cannot be made: the Python of {suite} is not known",
            cause=f"debwright knows no suite {suite}",
            fix=f'add `python = "3.12.3"` and `glibc = "2.39"` (its own) to [suites.{suite}]',
        )
    if python.count(".") == 1:
        python += ".0"
    major, minor = _numbers(glibc)
    return python, (major, minor)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in version.split("."))
