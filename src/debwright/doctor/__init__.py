"""What `debwright doctor` looks at beyond this machine's tools: archive, keys, repository, CI."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.doctor.model import Health

if TYPE_CHECKING:
    from debwright.config.load import LoadedConfig

__all__ = ["Health", "examine_pipeline"]


def examine_pipeline(loaded: "LoadedConfig", dist: Path) -> Iterator[Health]:
    """Look at everything; nothing is changed, and what cannot be looked at is said to be so."""
    from debwright.doctor import hosted, project

    yield from project.mirrors(loaded)
    yield from project.cache()
    yield from project.dist_size(dist)
    yield from project.keys(loaded)
    yield from project.repository(loaded, dist)
    yield from hosted.workflows(loaded)
    yield from hosted.hosted(loaded)
