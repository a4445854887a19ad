"""Companions: data packages that a product needs, planned with it.

A companion has a directory with debian/ and, where it wants, a debwright.toml of its own. It is
built once, on the oldest suite that the product is built for, since a package of architecture
`all` is the same file in every suite; so its version has no suite's suffix.
"""

from dataclasses import replace
from pathlib import Path

from debian.deb822 import Deb822

from debwright.config import Config, LoadedConfig, load
from debwright.host.machine import host_facts
from debwright.model.errors import ConfigError, Evidence
from debwright.model.fix import Command
from debwright.model.suites import oldest_first, suite_info
from debwright.model.targets import Choice, HostFacts, Strategy, Target, choose_strategy
from debwright.pipeline.plan import (
    Companion,
    Plan,
    TargetPlan,
    carried_of,
    wheelhouse_of,
    whole_digest,
)
from debwright.source.digest import source_digest
from debwright.source.make import read_tree
from debwright.source.version import determine


def plan_companions(loaded: LoadedConfig, product: str, host: HostFacts) -> tuple[Companion, ...]:
    """The companions that `loaded` names, in its order.

    Raises ConfigError when one is not a package of architecture `all`, or its name is taken.
    """
    if not loaded.config.companions:
        return ()
    root = root_of(loaded.config, host)
    found: dict[str, Companion] = {}
    for entry in loaded.config.companions:
        companion = _plan(loaded, entry.source, root, host)
        if companion.name == product or companion.name in found:
            raise ConfigError(
                f"the companion {entry.source} is the package {companion.name}, which is there "
                "already",
                cause="a product and its companions are different source packages",
                fix=f"rename it in debian/control, or remove it: [[companions]] {entry.source}",
            )
        found[companion.name] = companion
    return tuple(found.values())


def root_of(config: Config, host: HostFacts) -> TargetPlan:
    """The target companions are built on: native on the oldest configured suite that allows it.

    Of all configured suites, not of those asked for with -t: the package must be the same.
    """
    targets = [Target.parse(text) for text in config.targets.build]
    for suite in oldest_first(t.suite for t in targets):
        own = Target(suite, host.arch)
        if own in targets or (suite_info(suite).known and host.arch in _arches(suite)):
            reason = f"all companions are built on {own}, natively on the oldest suite"
            choice = Choice(strategy=Strategy.NATIVE, reason=reason)
            return TargetPlan(target=own, choice=choice, build_all=True)
    oldest = oldest_first(t.suite for t in targets)[0]
    target = next(t for t in targets if t.suite == oldest)
    facts = host
    if target.arch not in host.emulated:
        facts = replace(host, emulated=dict(host_facts({target.arch}).emulated))
    choice = choose_strategy(target, Strategy.AUTO, facts)
    return TargetPlan(target=target, choice=choice, build_all=True)


def _arches(suite: str) -> frozenset[str]:
    return suite_info(suite).architectures


def _plan(product: LoadedConfig, source: str, root: TargetPlan, host: HostFacts) -> Companion:
    directory = product.resolve(source)
    loaded = _own_config(product, directory)
    path = loaded.resolve(loaded.config.package.source)
    tree = read_tree(path)
    _require_all(path, source)
    config = _as_companion(loaded.config, product.config, root.target)
    house, carried = wheelhouse_of(config, path), carried_of(config, path)
    plan = Plan(
        loaded=replace(loaded, config=config),
        host=host,
        package=tree.name,
        version=determine(path, version_from="changelog"),
        tree=tree,
        dsc=None,
        targets=(root,),
        source_digest=whole_digest(source_digest(path), config, house, carried),
        wheelhouse=house,
        carried=carried,
    )
    return Companion(source=source, plan=plan)


def _own_config(product: LoadedConfig, directory: Path) -> LoadedConfig:
    """The configuration in the companion's own directory; one found above it is not its own."""
    if not directory.is_dir():
        raise ConfigError(
            f"there is no directory {directory}, which [[companions]] names",
            cause="`source` is relative to debwright.toml",
            fix=Command("ls", directory.parent),
        )
    loaded = load(directory)
    if loaded.directory.resolve() == directory.resolve():
        if loaded.config.companions:
            raise ConfigError(
                f"the companion {directory.name} has companions of its own",
                evidence=[Evidence(text="[[companions]]", file=str(loaded.path))],
                cause="a product names all its companions itself",
                fix=f"move them to {product.path}",
            )
        return loaded
    return LoadedConfig(config=Config(), start=directory)


def _as_companion(own: Config, product: Config, target: Target) -> Config:
    """Its own policies, on the product's roots and for one target alone."""
    return own.model_copy(
        update={
            "package": own.package.model_copy(update={"version_from": "changelog"}),
            "targets": product.targets.model_copy(update={"build": [str(target)]}),
            "suites": product.suites,
            "roots": product.roots,
            "cache": product.cache,
        }
    )


def _require_all(path: Path, source: str) -> None:
    """Every binary package must be the same for all architectures."""
    with (path / "debian/control").open("rb") as handle:
        binaries = list(Deb822.iter_paragraphs(handle, use_apt_pkg=False))[1:]
    other = [b for b in binaries if b.get("Architecture", "").split() != ["all"]]
    if not other and binaries:
        return
    name = other[0].get("Package", "?") if other else "?"
    arch = other[0].get("Architecture", "?") if other else "?"
    raise ConfigError(
        f"the companion {source} is not of architecture all",
        evidence=[Evidence(text=f"Package: {name}, Architecture: {arch}", file="debian/control")],
        cause="companions are built once and published in every suite",
        fix="Architecture: all in its debian/control, or make it a product of its own",
    )
