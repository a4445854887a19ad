"""Room on the disk that holds the index."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """A file system; sizes in bytes, as an ordinary user sees them."""

    total: int
    free: int

    @property
    def percent_free(self) -> float:
        """Free share in percent."""
        return 100.0 * self.free / self.total if self.total else 0.0


def read_disk(path: Path) -> Disk | None:
    """Return the file system a path is on (or will be), or None when it cannot be asked.

    Blocks kept back for root count neither as free nor as part of the total, as in df(1).
    """
    place = path
    while True:
        try:
            stat = os.statvfs(place)
        except FileNotFoundError:
            if place == place.parent:
                return None
            place = place.parent
        except OSError:
            return None
        else:
            used = stat.f_blocks - stat.f_bfree
            return Disk(
                total=(used + stat.f_bavail) * stat.f_frsize, free=stat.f_bavail * stat.f_frsize
            )


class DiskGate:
    """Open until less than `stop` percent are free; open again above `resume` percent."""

    def __init__(self, stop_percent: float, resume_percent: float) -> None:
        self._stop, self._resume = stop_percent, resume_percent
        self.open = True

    def update(self, percent_free: float) -> bool:
        """Take the free share and return whether the gate is open."""
        if self.open and percent_free < self._stop:
            self.open = False
        elif not self.open and percent_free > self._resume:
            self.open = True
        return self.open
