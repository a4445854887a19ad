"""Targets (`SUITE-ARCH`), and how a machine can build for each.

Everything here is plain data and pure functions; what this machine can do is gathered elsewhere
and handed in as `HostFacts`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from debwright.model.arch import ARCHITECTURES, Architecture
from debwright.model.errors import DebwrightError, MissingError, UsageError
from debwright.model.fix import Command, Correction, Install
from debwright.model.suites import (
    SUITES,
    SuiteInfo,
    is_suite_name,
    nearest,
    suite_info,
)

__all__ = [
    "ARCHITECTURES",
    "SUITES",
    "Choice",
    "HostFacts",
    "Obstacle",
    "Strategy",
    "SuiteInfo",
    "Target",
    "can_cross",
    "choose_strategy",
    "is_suite_name",
    "known_targets",
    "nearest",
    "select",
    "suite_info",
]

INSTALL_QEMU = Install("qemu-user-static", "binfmt-support")


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
    def architecture(self) -> Architecture:
        return ARCHITECTURES[self.arch]


def known_targets() -> list[Target]:
    """Every target of the catalogue, in its order."""
    return [Target(s.name, arch) for s in SUITES.values() for arch in sorted(s.architectures)]


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
                fix=Correction(close, wrong=pattern, option="-t")
                if close
                else Command("debwright", "plan"),
            )
    return tuple(dict.fromkeys(t for t in targets if any(fnmatchcase(str(t), p) for p in patterns)))


class Strategy(StrEnum):
    """How a target is built on this machine; `AUTO` is only ever wanted, never chosen."""

    AUTO = "auto"
    NATIVE = "native"
    CROSS = "cross"
    EMULATED = "emulated"


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """What stands in the way of a strategy, and what to do about it."""

    why: str
    fix: str = INSTALL_QEMU
    missing: bool = True
    """True when installing something helps; False when the wish itself cannot be met."""

    def __str__(self) -> str:
        return f"{self.why} (next: {self.fix})"


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """What this machine can run."""

    arch: str
    runnable: frozenset[str] = frozenset()
    """Foreign architectures its processor and kernel execute themselves, as i386 on amd64."""
    emulated: Mapping[str, Obstacle | None] = field(default_factory=dict)
    """Architecture to None where qemu-user works, else to why it does not and what helps."""

    def obstacle(self, arch: str) -> Obstacle | None:
        """What keeps foreign programs of `arch` from running under emulation here."""
        unknown = Obstacle(why=f"no emulator for {arch} was found on this machine")
        return self.emulated.get(arch, unknown)


@dataclass(frozen=True, kw_only=True)
class Choice:
    strategy: Strategy
    reason: str
    asked: bool = False
    """A person named the strategy: no other one takes its place."""
    rejected: tuple[tuple[Strategy, str], ...] = ()
    """What was considered before, and why it was passed over."""


def can_cross(host: str, arch: str) -> bool:
    """Whether Debian has a cross compiler that runs on `host` and builds for `arch`.

    It builds them on a few architectures only (source package cross-toolchain-base);
    crossbuild-essential-X exists on each of those for all the others.
    """
    row = ARCHITECTURES.get(host)
    return row is not None and row.hosts_cross and arch in ARCHITECTURES and arch != host


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
            fix=Correction(
                nearest(str(wanted), names) or Strategy.AUTO, wrong=wanted, option="--strategy"
            ),
        ) from error
    if strategy is not Strategy.AUTO:
        if obstacle := _obstacle(target, strategy, host):
            raise _refusal(f"{target} cannot be built {_adverb(strategy)} here", obstacle)
        reason = f"asked for; {_reason(target, strategy, host)}"
        return Choice(strategy=strategy, reason=reason, asked=True)
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


def _obstacle(target: Target, strategy: Strategy, host: HostFacts) -> Obstacle | None:
    match strategy:
        case Strategy.NATIVE:
            return _native_obstacle(target, host)
        case Strategy.CROSS:
            return _cross_obstacle(target, host)
        case _:
            return _emulated_obstacle(target, host)


def _native_obstacle(target: Target, host: HostFacts) -> Obstacle | None:
    if target.arch == host.arch or target.arch in host.runnable:
        return None
    return _instead(target, f"this {host.arch} machine cannot run {target.arch} programs")


def _cross_obstacle(target: Target, host: HostFacts) -> Obstacle | None:
    if target.arch == host.arch:
        return _instead(target, f"{target.arch} is this machine's own architecture")
    if not can_cross(host.arch, target.arch):
        return _instead(target, f"Debian has no cross compiler from {host.arch} to {target.arch}")
    suite = SUITES.get(target.suite)
    if suite is not None and host.arch not in suite.architectures:
        # The compiler runs in a root of the host's architecture, and this suite has none.
        return _instead(
            target,
            f"{target.suite} does not exist for {host.arch}, where the compiler would run",
        )
    return None


def _emulated_obstacle(target: Target, host: HostFacts) -> Obstacle | None:
    if target.arch == host.arch:
        return _instead(
            target, f"{target.arch} is this machine's own architecture, it needs no emulator"
        )
    return host.obstacle(target.arch)


def _instead(target: Target, why: str) -> Obstacle:
    """What nothing that can be installed changes: another strategy is to be taken."""
    fix = Command("debwright", "build", "-t", target, "--strategy", "auto")
    return Obstacle(why=why, fix=fix, missing=False)


def also_on(build: Sequence[str], install_on: Sequence[str], target: Target) -> list[Target]:
    """The further targets that the packages of `target` are installed on.

    Of several targets of one architecture it is the first's packages that go elsewhere.
    """
    built = [Target.parse(t) for t in build]
    first = next((t for t in built if t.arch == target.arch), None)
    if target != first and target in built:
        return []
    wanted = [Target.parse(t) for t in install_on]
    return [t for t in wanted if t.arch == target.arch and t != target]


def _refusal(what: str, obstacle: Obstacle) -> DebwrightError:
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


def _target_hint(text: str) -> str:
    close = nearest(text.lower(), (str(t) for t in known_targets()))
    return Correction(close, wrong=text) if close else "write SUITE-ARCH, as `bookworm-arm64`"
