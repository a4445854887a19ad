"""What a run is to do: which source, which version, which targets, how each is built and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.build.depends import BuildPlan
from debwright.config import Config, LoadedConfig
from debwright.model import registry
from debwright.model.manifest import digest
from debwright.model.targets import Choice, HostFacts, Strategy, Target
from debwright.source.make import SourcePackage, SourceTree
from debwright.source.nocheck import beyond_tests, rules_of
from debwright.source.version import VersionInfo, for_suite

if TYPE_CHECKING:
    from debwright.source.carrier import Asked
    from debwright.source.wheelhouse.prepare import Wish


@dataclass(frozen=True, kw_only=True)
class TargetPlan:
    """One target: how, why, and which of its suite's targets builds the `all` packages."""

    target: Target
    choice: Choice
    build_all: bool
    """This target builds the architecture-independent packages for its suite."""

    @property
    def strategy(self) -> Strategy:
        return self.choice.strategy


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A package of architecture `all` that is built and published with the product."""

    source: str
    """Its directory, as debwright.toml names it."""
    plan: "Plan"
    """Of the one target it is built on."""

    @property
    def name(self) -> str:
        return self.plan.package

    @property
    def root(self) -> TargetPlan:
        return self.plan.targets[0]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is decided before anything is done."""

    loaded: LoadedConfig
    host: HostFacts
    package: str
    version: VersionInfo | None
    """None for a .dsc, which brings its own."""
    tree: SourceTree | None
    dsc: SourcePackage | None
    targets: tuple[TargetPlan, ...]
    source_digest: str
    wheelhouse: "Wish | None" = None
    """What the source package is to carry, where that is configured."""
    carried: "tuple[Asked, ...]" = ()
    """What else it is to carry."""
    companions: tuple[Companion, ...] = ()

    @property
    def config(self) -> Config:
        return self.loaded.config

    @property
    def version_text(self) -> str:
        """The version without a suite's suffix; names the directory below dist/."""
        if self.version is not None:
            return self.version.debian
        assert self.dsc is not None
        return self.dsc.version

    @property
    def suites(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(t.target.suite for t in self.targets))

    def version_for(self, suite: str) -> str:
        """The Debian version built for `suite`: with a suffix only where suites could clash."""
        if self.dsc is not None:
            return self.version_text
        # Of all that are configured, not of those asked for with -t: the same source and target
        # must not have another version when it is built alone.
        configured = {Target.parse(t).suite for t in self.config.targets.build}
        if len(configured | set(self.suites)) == 1:
            return self.version_text
        return for_suite(self.version_text, suite)

    def choice_for(self, target: TargetPlan, source: SourcePackage) -> Choice:
        """How `source` is built for a target, and why, now that its architectures are known.

        Packages that are all of architecture `all` are built as those of this machine: compilers
        for another architecture have no part in them, and Debian's Python modules cannot be
        installed as build dependencies of a cross build.
        """
        choice = target.choice
        cross = choice.strategy is Strategy.CROSS and not choice.asked
        if not cross or not source.has_all or source.has_any_for(target.target.arch):
            return choice
        return Choice(strategy=Strategy.NATIVE, reason="its packages are for all architectures")

    def build_plan(
        self, target: TargetPlan, source: SourcePackage, strategy: Strategy
    ) -> BuildPlan:
        """How `source` is built for `target` by `strategy` (the planned one, or the fallback)."""
        cross = strategy is Strategy.CROSS
        # Natively, and yet not as the target plans it: see choice_for.
        here = cross or (strategy is Strategy.NATIVE and target.strategy is Strategy.CROSS)
        suite = target.target.suite
        machine = Target(suite, self.host.arch) if here else target.target
        profiles = [*self.config.build.profiles, *(["cross", "nocheck"] if cross else [])]
        options = [*self.config.build.options, *(["nocheck"] if cross else [])]
        return BuildPlan(
            source=source.name,
            target=target.target,
            strategy=strategy,
            machine=machine,
            with_all=target.build_all and source.has_all,
            with_any=source.has_any_for(target.target.arch),
            profiles=tuple(dict.fromkeys(profiles)),
            options=tuple(dict.fromkeys(options)),
        )


def wheelhouse_of(config: Config, source: Path) -> "Wish | None":
    """What the configuration wants carried; None without [wheelhouse]. Raises ConfigError."""
    if config.wheelhouse is None:
        return None
    from debwright.source.wheelhouse.prepare import wish

    return wish(config, source)


def carried_of(config: Config, source: Path) -> "tuple[Asked, ...]":
    """What else the configuration wants carried. Raises ConfigError."""
    wanted = carriers_in(config)
    if not wanted:
        return ()
    from debwright.source.carrier import asked_of

    return asked_of(wanted, config, source)


def carriers_in(config: Config) -> list[str]:
    """The tables of `config` that ask for something to be carried; none is imported for it."""
    known = registry.names("debwright.source.carriers")
    return [n for n in known if n in config.model_fields_set and getattr(config, n) is not None]


def whole_digest(
    source: str, config: Config, house: "Wish | None", carried: "tuple[Asked, ...]" = ()
) -> str:
    """Of the source, of what the configuration takes out of it, and of what is put next to it."""
    parts: dict[str, object] = {"source": source, "exclude": list(config.package.exclude)}
    if house is not None:
        parts["wheelhouse"] = house.digest
    if config.package.files:
        parts["files"] = [one.model_dump(mode="json") for one in config.package.files]
    if carried:
        parts["carried"] = [one.digest for one in carried]
    return digest(parts)


def nocheck_notes(plan: Plan, sources: Mapping[str, SourcePackage]) -> list[str]:
    """A note where cross builds, which have `nocheck`, may give other packages than native ones."""
    crossed = [
        str(t.target)
        for t in plan.targets
        if (source := sources.get(t.target.suite)) is not None
        and plan.choice_for(t, source).strategy is Strategy.CROSS
        and source.has_any_for(t.target.arch)
    ]
    if plan.tree is None or not crossed:
        return []
    lines = beyond_tests(rules_of(plan.tree.directory))
    if not lines:
        return []
    number, text = lines[0]
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return [
        f"debian/rules decides by nocheck about more than its tests (line {number}: "
        f"{text[:80]}{more}), and {', '.join(crossed)} is cross-built, with nocheck: the packages "
        "may be others than those of a native build"
    ]
