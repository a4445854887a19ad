"""The plan: which source, which version, which targets, how each is built and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.build.depends import BuildPlan
from debwright.config import Config, LoadedConfig, load, validate_check_names
from debwright.host.machine import capable_facts, host_facts
from debwright.model.errors import UsageError
from debwright.model.manifest import digest
from debwright.model.targets import (
    Choice,
    HostFacts,
    Strategy,
    Target,
    choose_strategy,
    select,
)
from debwright.source.digest import source_digest
from debwright.source.make import SourcePackage, SourceTree, read_dsc, read_tree
from debwright.source.version import VersionInfo, determine, for_suite

if TYPE_CHECKING:
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

    def build_plan(
        self, target: TargetPlan, source: SourcePackage, strategy: Strategy
    ) -> BuildPlan:
        """How `source` is built for `target` by `strategy` (the planned one, or the fallback)."""
        cross = strategy is Strategy.CROSS
        suite = target.target.suite
        machine = Target(suite, self.host.arch) if cross else target.target
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


def require_known_checks(loaded: LoadedConfig) -> None:
    """Raise ConfigError for a name in `[checks]` that no check has: it would switch nothing."""
    if loaded.config.checks:
        # Only where there is something to look at: the checks are most of debwright.
        from debwright.checks.registry import every_check

        validate_check_names(loaded, [c.name for c in every_check()])


def make_plan(
    start: Path | None = None,
    *,
    source: Path | None = None,
    patterns: Sequence[str] = (),
    strategy: str | None = None,
    elsewhere: bool = False,
) -> Plan:
    """Read the configuration and the source, and decide.

    `source`, a directory with debian/ or a .dsc, stands in for the one the configuration names.
    `elsewhere`: other machines build; what this one lacks for it is no obstacle.
    Raises ConfigError, UsageError, SourceError or MissingError; nothing has been written by then.
    """
    from debwright.pipeline.companions import plan_companions

    path, loaded = _source_path(start, source)
    config = loaded.config
    require_known_checks(loaded)
    wanted = [Target.parse(t) for t in config.targets.build]
    chosen = select(wanted, patterns) if patterns else wanted
    if not chosen:
        raise UsageError("there is no target to build for", fix='[targets] build = ["..."]')
    arches = {t.arch for t in chosen}
    host = capable_facts(arches) if elsewhere else host_facts(arches)
    wish = Strategy.AUTO if elsewhere else strategy or config.targets.strategy
    choices = [choose_strategy(t, wish, host) for t in chosen]
    if path.suffix == ".dsc":
        package = read_dsc(path)
        version, tree, identity = None, None, package.digest()
        name = package.name
    else:
        tree = read_tree(path)
        version = _version(config, path)
        identity, package, name = source_digest(path), None, tree.name
    house = wheelhouse_of(config, path) if tree is not None else None
    return Plan(
        loaded=loaded,
        host=host,
        package=name,
        version=version,
        tree=tree,
        dsc=package,
        targets=_with_all(chosen, choices),
        wheelhouse=house,
        source_digest=whole_digest(identity, config, house),
        companions=plan_companions(loaded, name, host),
    )


def whole_digest(source: str, config: Config, house: "Wish | None") -> str:
    """Of the source, of what the configuration takes out of it, and of what is put beside it."""
    parts: dict[str, object] = {"source": source, "exclude": list(config.package.exclude)}
    if house is not None:
        parts["wheelhouse"] = house.digest
    return digest(parts)


def _source_path(start: Path | None, source: Path | None) -> tuple[Path, LoadedConfig]:
    """The source, and the configuration that goes with it."""
    if source is None:
        loaded = load(start)
        return loaded.resolve(loaded.config.package.source), loaded
    if not source.exists():
        raise UsageError(f"{source} does not exist", fix="name a directory or a .dsc file")
    if source.is_dir():
        loaded = load(source)
        configured = loaded.resolve(loaded.config.package.source)
        # A directory below a configured project is a package of its own.
        own = configured.resolve() == source.resolve() or loaded.directory.samefile(source)
        return (configured if own else source.absolute()), _for_source(loaded, own=own)
    if source.suffix != ".dsc":
        raise UsageError(
            f"{source} is neither a directory nor a .dsc file",
            fix="debwright build DIRECTORY, or debwright build PACKAGE.dsc",
        )
    loaded = load(start)
    own = loaded.resolve(loaded.config.package.source).resolve() == source.resolve()
    return source.absolute(), _for_source(loaded, own=own)


def _for_source(loaded: LoadedConfig, *, own: bool) -> LoadedConfig:
    """Another package keeps the configuration's targets and policies, not service or companions."""
    if own:
        return loaded
    package = loaded.config.package.model_copy(update={"version_from": "changelog"})
    config = loaded.config.model_copy(
        update={"service": None, "wheelhouse": None, "package": package, "companions": []}
    )
    return replace(loaded, config=config)


def _version(config: Config, directory: Path) -> VersionInfo:
    """From git where the configuration says so; unsaid, only where there is a release tag."""
    package = config.package
    if "version_from" not in package.model_fields_set:
        try:
            found = determine(directory, version_from="git", tag_prefix=package.tag_prefix)
        except UsageError:
            found = None  # not a git work tree, or one without a commit
        if found is not None and found.tag is not None:
            return found
        return determine(directory, version_from="changelog")
    return determine(directory, version_from=package.version_from, tag_prefix=package.tag_prefix)


def _with_all(targets: Sequence[Target], choices: Sequence[Choice]) -> tuple[TargetPlan, ...]:
    """Mark in each suite the target that builds `all`: the first native one, else the first."""
    builders: dict[str, Target] = {}
    for native_only in (True, False):
        for target, choice in zip(targets, choices, strict=True):
            if not native_only or choice.strategy is Strategy.NATIVE:
                builders.setdefault(target.suite, target)
    return tuple(
        TargetPlan(target=t, choice=c, build_all=builders[t.suite] == t)
        for t, c in zip(targets, choices, strict=True)
    )
