"""From the name of a system, as a user writes it, to the system it stands for."""

import importlib
from collections.abc import Sequence

from debwright.config import LoadedConfig
from debwright.model import registry
from debwright.model.errors import UsageError
from debwright.model.targets import nearest
from debwright.systems.base import Asked, Kind, System

HERE = "debwright.systems"


def kinds() -> tuple[Kind, ...]:
    """What the modules of this package declare, by name."""
    return tuple(sorted(registry.instances(HERE, Kind), key=lambda kind: kind.name))


def kind_of(text: str) -> Kind | None:
    """The kind that `text` names, or None. A module of that name is looked at before all others."""
    name = text.partition("://")[0]
    if name in registry.names(HERE):
        for value in vars(importlib.import_module(f"{HERE}.{name}")).values():
            if isinstance(value, Kind) and value.takes(text):
                return value
    return next((kind for kind in kinds() if kind.takes(text)), None)


def system_for(loaded: LoadedConfig, text: str | None = None, *, replace: bool = False) -> System:
    """`text`, or without it what the configuration names. Raises UsageError."""
    name = text or loaded.config.environments.sandbox
    kind = kind_of(name)
    if kind is None:
        forms = [k.form for k in kinds()]
        raise UsageError(
            f"`{name}` is not a kind of sandbox",
            cause=f"there are {', '.join(forms)}",
            fix=f"--sandbox {nearest(name, forms, cutoff=0.4) or 'nspawn'}",
        )
    if replace and not kind.somebodys:
        raise UsageError(
            "--replace-installed is for a machine of somebody's: nothing else has anything to lose",
            fix=f"--sandbox {next(k.form for k in kinds() if k.somebodys)}",
        )
    return kind.make(Asked(text=name, loaded=loaded, replace=replace))


def patterns_for(loaded: LoadedConfig, system: System, patterns: Sequence[str]) -> Sequence[str]:
    """Which targets to check there: for a real machine, without patterns, those of its kind."""
    return patterns or system.targets_there(loaded.config.targets.build)
