"""Targets (`SUITE-ARCH`), the suites debwright knows, and how a machine can build for each.

Everything here is plain data and pure functions; what this machine can do is gathered elsewhere
and handed in as `HostFacts`.
"""

import difflib
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType

from debwright import process
from debwright.errors import DebwrightError, MissingError, UsageError

TRIPLETS: Mapping[str, str] = MappingProxyType(
    {
        "amd64": "x86_64-linux-gnu",
        "arm64": "aarch64-linux-gnu",
        "armhf": "arm-linux-gnueabihf",
        "i386": "i686-linux-gnu",
        "ppc64el": "powerpc64le-linux-gnu",
        "riscv64": "riscv64-linux-gnu",
        "s390x": "s390x-linux-gnu",
    }
)
"""Debian architecture to the GNU triplet its tools are named after (`DEB_HOST_GNU_TYPE`)."""

ARCHITECTURES = frozenset(TRIPLETS)

_MACHINES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "armhf",
    "armv8l": "armhf",
    "i386": "i386",
    "i686": "i386",
    "ppc64le": "ppc64el",
    "riscv64": "riscv64",
    "s390x": "s390x",
}

# Debian builds the cross compilers on these four architectures only (source package
# cross-toolchain-base); crossbuild-essential-X exists on each of them for all the others.
_CROSS_HOSTS = frozenset({"amd64", "arm64", "i386", "ppc64el"})

_SUITE_NAME = re.compile(r"[a-z0-9][a-z0-9.+]*(?:-[a-z0-9.+]+)*", re.ASCII)


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
    mirror: str | None = None
    """None: mmdebstrap's own default."""
    extra_sources: tuple[str, ...] = ()
    """One-line apt sources the suite has on top of the mirror's."""
    known: bool = True


_DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_UBUNTU_KEYRING = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
_RASPIOS_KEYRING = "/usr/share/keyrings/raspberrypi-archive-keyring.gpg"
_BEFORE_RISCV = ARCHITECTURES - {"riscv64"}


def _debian(name: str, release: str | None, python: str, arches: frozenset[str]) -> SuiteInfo:
    return SuiteInfo(
        name=name,
        distribution="debian",
        codename=name,
        release=release,
        architectures=arches,
        keyring=_DEBIAN_KEYRING,
        python=python,
    )


def _ubuntu(name: str, release: str, python: str) -> SuiteInfo:
    return SuiteInfo(
        name=name,
        distribution="ubuntu",
        codename=name,
        release=release,
        # i386 is a partial architecture in Ubuntu: libraries only, it cannot be booted.
        architectures=ARCHITECTURES - {"i386"},
        keyring=_UBUNTU_KEYRING,
        python=python,
    )


SUITES: Mapping[str, SuiteInfo] = MappingProxyType(
    {
        suite.name: suite
        for suite in (
            _debian("bullseye", "11", "3.9", _BEFORE_RISCV),
            _debian("bookworm", "12", "3.11", _BEFORE_RISCV),
            _debian("trixie", "13", "3.13", ARCHITECTURES),
            _debian("sid", None, "3.14", ARCHITECTURES),
            _ubuntu("jammy", "22.04", "3.10"),
            _ubuntu("noble", "24.04", "3.12"),
            # The 64-bit Raspberry Pi OS is Debian's own arm64 archive plus one more.
            SuiteInfo(
                name="raspios-bookworm",
                distribution="raspios",
                codename="bookworm",
                release="12",
                architectures=frozenset({"arm64"}),
                keyring=_DEBIAN_KEYRING,
                python="3.11",
                extra_sources=(
                    f"deb [signed-by={_RASPIOS_KEYRING}] "
                    "http://archive.raspberrypi.com/debian bookworm main",
                ),
            ),
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
            fix=_suite_hint(name),
        )
    return SuiteInfo(
        name=name,
        distribution=distribution or "debian",
        codename=name,
        release=None,
        architectures=ARCHITECTURES,
        keyring=None,
        python=None,
        known=False,
    )


def is_suite_name(name: str) -> bool:
    return len(name) <= 64 and _SUITE_NAME.fullmatch(name) is not None


@dataclass(frozen=True, order=True)
class Target:
    """What is built for: one suite on one architecture."""

    suite: str
    arch: str

    @classmethod
    def parse(cls, text: str) -> "Target":
        """`bookworm-arm64` and the like; the architecture is what follows the last dash.

        Raises UsageError naming the nearest target there is. A suite need not be one of
        `SUITES`, since the configuration may define it.
        """
        suite, dash, arch = text.rpartition("-")
        if not dash or not is_suite_name(suite):
            raise UsageError(
                f"`{text}` is not a target",
                cause="a target is SUITE-ARCH, as bookworm-arm64",
                fix=_target_hint(text),
            )
        if arch not in ARCHITECTURES:
            raise UsageError(
                f"`{text}` ends in `{arch}`, which is not an architecture debwright builds for",
                cause=f"architectures: {', '.join(sorted(ARCHITECTURES))}",
                fix=_target_hint(text),
            )
        return cls(suite, arch)

    def __str__(self) -> str:
        return f"{self.suite}-{self.arch}"

    @property
    def triplet(self) -> str:
        return TRIPLETS[self.arch]


def known_targets() -> list[Target]:
    """Every target of the catalogue, in its order."""
    return [Target(s.name, arch) for s in SUITES.values() for arch in sorted(s.architectures)]


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of `words` that `word` was most likely meant to be."""
    found = difflib.get_close_matches(word[:200], list(words), n=1, cutoff=cutoff)
    return found[0] if found else None


def select(targets: Sequence[Target], patterns: Sequence[str]) -> tuple[Target, ...]:
    """The targets that match any of `patterns` (fnmatch), in the order of `targets`.

    No pattern selects all. Raises UsageError for a pattern that matches nothing, since a typing
    error must not quietly build less than was asked for.
    """
    if not patterns:
        return tuple(dict.fromkeys(targets))
    names = [str(target) for target in targets]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            close = nearest(pattern, names, cutoff=0.4)
            raise UsageError(
                f"no target matches `{pattern}`",
                cause=f"targets: {', '.join(names) or 'none'}",
                fix=f"-t {close}" if close else "debwright plan",
            )
    return tuple(dict.fromkeys(t for t in targets if any(fnmatchcase(str(t), p) for p in patterns)))


def host_arch() -> str:
    """Debian's name of this machine's architecture.

    dpkg knows best (a 32-bit userland on a 64-bit kernel); without it the kernel's name is
    translated. Raises MissingError on a machine debwright has no name for.
    """
    try:
        done = process.run(["dpkg", "--print-architecture"], timeout=10)
        if done.output.strip() in ARCHITECTURES:
            return done.output.strip()
    except DebwrightError:
        pass  # not a Debian machine; the kernel's name does as well
    machine = platform.machine()
    arch = _MACHINES.get(machine.lower())
    if arch is None:
        raise MissingError(
            f"debwright does not know this machine's architecture ({machine or 'unnamed'})",
            cause=f"it runs on {', '.join(sorted(ARCHITECTURES))}",
        )
    return arch


class Strategy(StrEnum):
    """How a target is built on this machine; `AUTO` is only ever wanted, never chosen."""

    AUTO = "auto"
    NATIVE = "native"
    CROSS = "cross"
    EMULATED = "emulated"


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """What this machine can run."""

    arch: str
    runnable: frozenset[str] = frozenset()
    """Foreign architectures its processor and kernel execute themselves, as i386 on amd64."""
    emulated: Mapping[str, str | None] = field(default_factory=dict)
    """Architecture to None where qemu-user works, else to why it does not and what helps."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    strategy: Strategy
    reason: str
    rejected: tuple[tuple[Strategy, str], ...] = ()
    """What was considered before, and why it was passed over."""


@dataclass(frozen=True, kw_only=True)
class _Obstacle:
    why: str
    fix: str
    missing: bool = False
    """True when installing something helps; False when the wish itself cannot be met."""


def can_cross(host: str, arch: str) -> bool:
    """Whether Debian has a cross compiler that runs on `host` and builds for `arch`."""
    return host in _CROSS_HOSTS and arch in ARCHITECTURES and arch != host


def choose_strategy(target: Target, wanted: Strategy | str, host: HostFacts) -> Choice:
    """How to build `target` on `host`.

    `auto` takes the first that works of native, cross and emulated. Raises UsageError when the
    wanted strategy cannot be had for this pair of architectures, MissingError when something
    that can be installed stands in the way.
    """
    try:
        strategy = Strategy(wanted)
    except ValueError as error:
        names = [str(s) for s in Strategy]
        raise UsageError(
            f"`{wanted}` is not a strategy",
            cause=f"strategies: {', '.join(names)}",
            fix=f"--strategy {nearest(str(wanted), names) or Strategy.AUTO}",
        ) from error
    if strategy is not Strategy.AUTO:
        if obstacle := _obstacle(target, strategy, host):
            raise _refusal(f"{target} cannot be built {_adverb(strategy)} here", obstacle)
        return Choice(strategy=strategy, reason=f"asked for; {_reason(target, strategy, host)}")
    rejected: list[tuple[Strategy, str]] = []
    obstacle = None
    for candidate in (Strategy.NATIVE, Strategy.CROSS, Strategy.EMULATED):
        obstacle = _obstacle(target, candidate, host)
        if obstacle is None:
            return Choice(
                strategy=candidate,
                reason=_reason(target, candidate, host),
                rejected=tuple(rejected),
            )
        rejected.append((candidate, obstacle.why))
    assert obstacle is not None
    reasons = "; ".join(f"{strategy}: {why}" for strategy, why in rejected)
    raise MissingError(
        f"{target} cannot be built on this {host.arch} machine", cause=reasons, fix=obstacle.fix
    )


def _obstacle(target: Target, strategy: Strategy, host: HostFacts) -> _Obstacle | None:
    match strategy:
        case Strategy.NATIVE:
            return _native_obstacle(target, host)
        case Strategy.CROSS:
            return _cross_obstacle(target, host)
        case _:
            return _emulated_obstacle(target, host)


def _native_obstacle(target: Target, host: HostFacts) -> _Obstacle | None:
    if target.arch == host.arch or target.arch in host.runnable:
        return None
    return _Obstacle(
        why=f"this {host.arch} machine cannot run {target.arch} programs",
        fix=f"debwright build -t {target} --strategy auto",
    )


def _cross_obstacle(target: Target, host: HostFacts) -> _Obstacle | None:
    auto = f"debwright build -t {target} --strategy auto"
    if target.arch == host.arch:
        return _Obstacle(why=f"{target.arch} is this machine's own architecture", fix=auto)
    if not can_cross(host.arch, target.arch):
        return _Obstacle(
            why=f"Debian has no cross compiler from {host.arch} to {target.arch}", fix=auto
        )
    suite = SUITES.get(target.suite)
    if suite is not None and host.arch not in suite.architectures:
        # The compiler runs in a root of the host's architecture, and this suite has none.
        return _Obstacle(
            why=f"{target.suite} does not exist for {host.arch}, where the compiler would run",
            fix=auto,
        )
    return None


def _emulated_obstacle(target: Target, host: HostFacts) -> _Obstacle | None:
    if target.arch == host.arch:
        return _Obstacle(
            why=f"{target.arch} is this machine's own architecture, it needs no emulator",
            fix=f"debwright build -t {target} --strategy auto",
        )
    install = "apt install qemu-user-static binfmt-support"
    if target.arch not in host.emulated:
        why = f"no emulator for {target.arch} was found on this machine"
        return _Obstacle(why=why, fix=install, missing=True)
    reason = host.emulated[target.arch]
    return None if reason is None else _Obstacle(why=reason, fix=install, missing=True)


def _refusal(what: str, obstacle: _Obstacle) -> DebwrightError:
    kind = MissingError if obstacle.missing else UsageError
    return kind(what, cause=obstacle.why, fix=obstacle.fix)


def _adverb(strategy: Strategy) -> str:
    return {
        Strategy.NATIVE: "natively",
        Strategy.CROSS: "by cross-compilation",
        Strategy.EMULATED: "under emulation",
    }[strategy]


def _reason(target: Target, strategy: Strategy, host: HostFacts) -> str:
    match strategy:
        case Strategy.NATIVE if target.arch == host.arch:
            return f"{target.arch} is this machine's architecture"
        case Strategy.NATIVE:
            return f"this {host.arch} machine runs {target.arch} programs itself"
        case Strategy.CROSS:
            return f"crossbuild-essential-{target.arch} builds for it on {host.arch}"
        case _:
            return f"qemu-user runs {target.arch} programs on {host.arch}"


def _suite_hint(name: str) -> str:
    close = nearest(name.lower(), SUITES)
    return f"write `{close}`" if close else f"choose one of {', '.join(SUITES)}"


def _target_hint(text: str) -> str:
    close = nearest(text.lower(), (str(t) for t in known_targets()))
    return f"write `{close}`" if close else "write SUITE-ARCH, as `bookworm-arm64`"
