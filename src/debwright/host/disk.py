"""Whether there is room to begin: a build that fills a disk fails late, and others with it."""

from collections.abc import Iterable
from pathlib import Path

from debwright.host.files import human_size
from debwright.host.machine import free_bytes
from debwright.model.errors import Evidence, MissingError

LEAST_BYTES = 1024**3
"""A root with build dependencies unpacked, and its packages: what the smallest build takes."""


def require_room(places: Iterable[Path], least: int = LEAST_BYTES) -> None:
    """Raise MissingError when one of `places` has less than `least` bytes free."""
    short = [(place, free) for place in places if (free := free_bytes(place)) < least]
    if short:
        raise MissingError(
            "there is too little room to build in",
            evidence=[Evidence(text=f"{human_size(free)} free", file=str(p)) for p, free in short],
            cause=f"a build takes {human_size(least)} at the least",
            fix="debwright cache prune --all; or set XDG_CACHE_HOME, or --output, to a larger disk",
        )
