"""From the name of a system, as a user writes it, to the system it stands for."""

from collections.abc import Sequence

from debwright.config import LoadedConfig
from debwright.model.errors import UsageError
from debwright.model.fix import Correction
from debwright.model.targets import nearest
from debwright.systems.base import System
from debwright.systems.environments import Environments
from debwright.systems.kinds import Asked, kind_of, kinds


def system_for(loaded: LoadedConfig, text: str | None = None, *, replace: bool = False) -> System:
    """`text`, or without it what the configuration names. Raises UsageError."""
    name = text or loaded.config.section(Environments).sandbox
    kind = kind_of(name)
    if kind is None:
        forms = [k.form for k in kinds()]
        raise UsageError(
            f"`{name}` is not a kind of sandbox",
            cause=f"there are {', '.join(forms)}",
            fix=Correction(
                nearest(name, forms, cutoff=0.4) or "nspawn", wrong=name, option="--sandbox"
            ),
        )
    if replace and not kind.somebodys:
        raise UsageError(
            "--replace-installed is for a machine of somebody's: nothing else has anything to lose",
            fix=Correction(
                next(k.form for k in kinds() if k.somebodys), wrong=name, option="--sandbox"
            ),
        )
    return kind.make(Asked(text=name, loaded=loaded, replace=replace))


def patterns_for(loaded: LoadedConfig, system: System, patterns: Sequence[str]) -> Sequence[str]:
    """Which targets to check there: for a real machine, without patterns, those of its kind."""
    return patterns or system.targets_there(loaded.config.targets.build)
