"""The suites debwright knows: distributions' releases, their archives and architectures."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from debwright.model.arch import ARCHITECTURES
from debwright.model.errors import UsageError

_SUITE_NAME = re.compile(r"[a-z0-9][a-z0-9.+]*(?:-[a-z0-9.+]+)*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Where a distribution publishes packages."""

    url: str
    security: str
    """Where the security updates are."""
    ports: str | None = None
    """Where both are for architectures other than those of PCs."""

    def urls(self, arch: str) -> tuple[str, str]:
        """The addresses of packages and of security updates for an architecture."""
        if self.ports and arch not in ("amd64", "i386"):
            return self.ports, self.ports
        return self.url, self.security


_DEBIAN = Archive(
    url="http://deb.debian.org/debian", security="http://security.debian.org/debian-security"
)
_UBUNTU = Archive(
    url="http://archive.ubuntu.com/ubuntu",
    security="http://security.ubuntu.com/ubuntu",
    ports="http://ports.ubuntu.com/ubuntu-ports",
)


@dataclass(frozen=True, kw_only=True)
class SuiteInfo:
    """A release of a distribution, as far as building for it needs to know."""

    name: str
    distribution: str
    codename: str
    """What the archive calls it, and what mmdebstrap is given."""
    release: str | None
    """Release number, as `12` or `22.04`; None where there is none (sid, a suite of one's own)."""
    architectures: frozenset[str]
    keyring: str | None
    """Path of the archive's keyring as its package installs it; None: not known."""
    python: str | None
    """Version of its python3, as `3.11`; None: not known."""
    python_patch: int = 0
    """The third number of its python3's version, as released."""
    glibc: str | None = None
    """Version of its C library, as `2.36`; None: not known."""
    node: str | None = None
    """Version of its nodejs, as `18.20.4`; None: not known."""
    published: str | None = None
    """Year and month of the release, as `2023-06`; None: not yet, or not known."""
    archive: Archive = _DEBIAN
    extra_sources: tuple[str, ...] = ()
    """One-line apt sources the suite has on top of the mirror's."""
    known: bool = True


_DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_UBUNTU_KEYRING = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
_RASPIOS_KEYRING = "/usr/share/keyrings/raspberrypi-archive-keyring.asc"
"""CF8A1AF502A2AA2D763BAE7E82B129927FA3303E, bound by SHA-512 since 2025-06: sqv refuses the key as
it was before. Only Raspberry Pi OS has a package of it, so debwright brings it (roots/keys)."""


class _Has(NamedTuple):
    """Versions that a release came with: of python3, the C library and nodejs."""

    python: str
    patch: int
    glibc: str
    node: str | None


def _debian(name: str, release: str | None, software: _Has, published: str | None) -> SuiteInfo:
    return SuiteInfo(
        name=name,
        distribution="debian",
        codename=name,
        release=release,
        architectures=frozenset(
            row.name
            for row in ARCHITECTURES.values()
            if release is None or row.debian <= int(release)
        ),
        keyring=_DEBIAN_KEYRING,
        python=software.python,
        python_patch=software.patch,
        glibc=software.glibc,
        node=software.node,
        published=published,
    )


def _ubuntu(name: str, release: str, software: _Has, published: str) -> SuiteInfo:
    return SuiteInfo(
        name=name,
        distribution="ubuntu",
        codename=name,
        release=release,
        archive=_UBUNTU,
        architectures=frozenset(row.name for row in ARCHITECTURES.values() if row.ubuntu),
        keyring=_UBUNTU_KEYRING,
        python=software.python,
        python_patch=software.patch,
        glibc=software.glibc,
        node=software.node,
        published=published,
    )


def _raspios(debian: str, release: str, software: _Has, published: str) -> SuiteInfo:
    """The 64-bit Raspberry Pi OS: Debian's own arm64 archive and its libraries, and one more."""
    return SuiteInfo(
        name=f"raspios-{debian}",
        distribution="raspios",
        codename=debian,
        release=release,
        architectures=frozenset({"arm64"}),
        keyring=_DEBIAN_KEYRING,
        python=software.python,
        python_patch=software.patch,
        glibc=software.glibc,
        node=software.node,
        published=published,
        extra_sources=(
            f"deb [signed-by={_RASPIOS_KEYRING}] "
            f"http://archive.raspberrypi.com/debian {debian} main",
        ),
    )


SUITES: Mapping[str, SuiteInfo] = MappingProxyType(
    {
        suite.name: suite
        for suite in (
            _debian("bullseye", "11", _Has("3.9", 2, "2.31", "12.22.12"), "2021-08"),
            _debian("bookworm", "12", _Has("3.11", 2, "2.36", "18.20.4"), "2023-06"),
            _debian("trixie", "13", _Has("3.13", 5, "2.41", "20.19.2"), "2025-08"),
            _debian("sid", None, _Has("3.14", 0, "2.42", "24.22.2"), None),
            _ubuntu("jammy", "22.04", _Has("3.10", 4, "2.35", "12.22.9"), "2022-04"),
            _ubuntu("noble", "24.04", _Has("3.12", 3, "2.39", "18.19.1"), "2024-04"),
            _ubuntu("resolute", "26.04", _Has("3.14", 0, "2.43", None), "2026-04"),
            _raspios("bookworm", "12", _Has("3.11", 2, "2.36", "18.20.4"), "2023-06"),
            _raspios("trixie", "13", _Has("3.13", 5, "2.41", "20.19.2"), "2025-08"),
        )
    }
)
"""The suites that need no `[suites.NAME]` entry."""


def suite_info(name: str, *, distribution: str | None = None) -> SuiteInfo:
    """The catalogue's entry, or for a suite it does not know one that assumes nothing.

    `distribution` is what the configuration says of it; an unknown suite counts as Debian's.
    Raises UsageError when `name` cannot be a suite's name.
    """
    if known := SUITES.get(name):
        return known
    if not is_suite_name(name):
        raise UsageError(
            f"`{name}` is not a suite's name",
            cause="a suite's name is made of lower-case letters, digits, '.', '+' and '-'",
            fix=suite_hint(name),
        )
    return SuiteInfo(
        name=name,
        distribution=distribution or "debian",
        codename=name,
        release=None,
        architectures=frozenset(ARCHITECTURES),
        keyring=None,
        python=None,
        known=False,
    )


def oldest_first(names: Iterable[str]) -> list[str]:
    """Suites by the age of what they are made of, each once; those without a date come last.

    What is built on the oldest runs on all of them: libraries keep their old symbols.
    """
    unique = list(dict.fromkeys(names))
    return sorted(unique, key=lambda name: (suite_info(name).published or "9999", name))


def is_suite_name(name: str) -> bool:
    return len(name) <= 64 and _SUITE_NAME.fullmatch(name) is not None


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of `words` that `word` was most likely meant to be."""
    found = difflib.get_close_matches(word[:200], list(words), n=1, cutoff=cutoff)
    return found[0] if found else None


def suite_hint(name: str) -> str:
    close = nearest(name.lower(), SUITES)
    return f"write `{close}`" if close else f"choose one of {', '.join(SUITES)}"
