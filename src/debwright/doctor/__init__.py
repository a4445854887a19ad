"""What `debwright doctor` finds: what this machine and this project have, and what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debwright.config.load import LoadedConfig


@dataclass(frozen=True, kw_only=True)
class Health:
    """One thing looked at. `needed` says whether debwright can do its main job without it."""

    name: str
    ok: bool
    found: str
    needed: bool = True
    fix: str | None = None
    """A Command of debwright.model.fix, or a text."""


def examine_project(loaded: "LoadedConfig", dist: Path) -> Iterator[Health]:
    """Look at everything; nothing is changed, and what cannot be looked at is said to be so."""
    from debwright.doctor import hosted, project

    yield from project.mirrors(loaded)
    yield from project.cache()
    yield from project.dist_size(dist)
    yield from project.keys(loaded)
    yield from project.repository(loaded, dist)
    yield from hosted.workflows(loaded)
    yield from hosted.github(loaded)
