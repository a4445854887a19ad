"""Planning: configuration and source are read, and everything is decided before it is done."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from debwright.config import Config, LoadedConfig, load, validate_check_names
from debwright.host.machine import capable_facts, host_facts
from debwright.model import registry
from debwright.model.errors import UsageError
from debwright.model.targets import Choice, Strategy, Target, choose_strategy, select
from debwright.pipeline.companions import plan_companions
from debwright.pipeline.plan import (
    Plan,
    TargetPlan,
    carried_of,
    carriers_in,
    wheelhouse_of,
    whole_digest,
)
from debwright.source.digest import source_digest
from debwright.source.listing import require_debian_in_git
from debwright.source.make import read_dsc, read_tree
from debwright.source.version import VersionInfo, determine


def require_known_checks(loaded: LoadedConfig) -> None:
    """Raise ConfigError for a name in `[checks]` that no check has: it would switch nothing."""
    modules = {n for room in ("files", "live") for n in registry.names(f"debwright.checks.{room}")}
    if not loaded.config.checks.keys() <= modules:
        # Only for a name that no check's module has: the checks are most of debwright.
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
    `elsewhere`: other machines build; what is missing on this one is no obstacle.
    Raises ConfigError, UsageError, SourceError or MissingError; nothing has been written by then.
    """
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
        require_debian_in_git(path)
        version = _version(config, path)
        identity, package, name = source_digest(path), None, tree.name
    house = wheelhouse_of(config, path) if tree is not None else None
    carried = carried_of(config, path) if tree is not None else ()
    return Plan(
        loaded=loaded,
        host=host,
        package=name,
        version=version,
        tree=tree,
        dsc=package,
        targets=with_all(chosen, choices),
        wheelhouse=house,
        carried=carried,
        source_digest=whole_digest(identity, config, house, carried),
        companions=plan_companions(loaded, name, host),
    )


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
    carried = dict.fromkeys(carriers_in(loaded.config))
    config = loaded.config.model_copy(
        update={
            "service": [], "wheelhouse": None, "package": package, "companions": [], **carried
        }
    )  # fmt: skip
    return replace(loaded, config=config)


def _version(config: Config, directory: Path) -> VersionInfo:
    """From git where the configuration says so; unsaid, only where there is a release tag.

    Somebody who tags releases expects the tags to count: those that do not are named in a note.
    """
    package = config.package
    said = package.version_from if "version_from" in package.model_fields_set else None
    if said == "git":
        return determine(directory, version_from="git", tag_prefix=package.tag_prefix)
    try:
        found = determine(directory, version_from="git", tag_prefix=package.tag_prefix)
    except UsageError:
        found = None  # not a git work tree, or one without a commit
    if said is None and found is not None and found.tag is not None:
        return found
    written = determine(directory, version_from="changelog")
    if found is None:
        return written
    notes = list(found.ignored) if said is None else []
    if found.tag and not found.distance and found.upstream.partition("+")[0] != written.upstream:
        notes.append(
            f"the tag {found.tag} on this commit does not count: package.version_from is "
            '"changelog"; debwright changelog --write makes its entry'
        )
    return replace(written, notes=(*written.notes, *notes))


def with_all(targets: Sequence[Target], choices: Sequence[Choice]) -> tuple[TargetPlan, ...]:
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
