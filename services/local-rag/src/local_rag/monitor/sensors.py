"""What the machine says of itself: temperature of the processor, room on the disk, memory."""

import os
import re
from collections import deque
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


THERMAL = Path("/sys/class/thermal")
SAMPLES = 3
# A Pi calls it cpu-thermal, other boards soc or package; other zones are disks and batteries.
_PROCESSOR = re.compile(r"cpu|soc|pkg|package|core", re.IGNORECASE)
_PLAUSIBLE = (-40.0, 150.0)


def read_temperature(root: Path = THERMAL) -> float | None:
    """Return the hottest processor zone in degrees Celsius, or None without a sensor.

    Zones of other kinds count only where no zone says that it is the processor's.
    """
    processor: list[float] = []
    other: list[float] = []
    try:
        zones = sorted(root.glob("thermal_zone*"))
    except OSError:
        return None
    for zone in zones:
        try:
            celsius = int((zone / "temp").read_text(encoding="ascii").strip()) / 1000
            kind = (zone / "type").read_text(encoding="ascii", errors="replace")
        except (OSError, ValueError):
            continue  # some zones cannot be read while their device sleeps
        if _PLAUSIBLE[0] <= celsius <= _PLAUSIBLE[1]:
            (processor if _PROCESSOR.search(kind) else other).append(celsius)
    return max(processor or other, default=None)


class MeanTemperature:
    """The mean of the latest readings, so that one spike does not stop an answer."""

    def __init__(self, samples: int = SAMPLES) -> None:
        self._readings: deque[float] = deque(maxlen=samples)

    def add(self, celsius: float | None) -> float | None:
        """Take a reading and return the mean; no reading forgets the ones before."""
        if celsius is None:
            self._readings.clear()
            return None
        self._readings.append(celsius)
        return sum(self._readings) / len(self._readings)


_UNLIMITED = 1 << 60  # version 1 writes a huge number for "no limit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Memory in bytes; `limit` is the tightest control group's, or None."""

    total: int
    available: int
    resident: int
    limit: int | None

    @property
    def percent_available(self) -> float:
        """Share of all memory that can still be had, in percent."""
        return 100.0 * self.available / self.total if self.total else 0.0


class MemoryReader:
    """Reads /proc and the control groups below other roots in tests."""

    def __init__(
        self, proc: Path = Path("/proc"), cgroup_root: Path = Path("/sys/fs/cgroup")
    ) -> None:
        self._proc, self._cgroups = proc, cgroup_root

    def read(self) -> Memory:
        """Return the state of memory now; what cannot be read counts as nothing there."""
        fields = self._meminfo()
        total, available = fields.get("MemTotal", 0), fields.get("MemAvailable", 0)
        limit: int | None = None
        for group_limit, room in self._group_limits():
            limit = group_limit if limit is None else min(limit, group_limit)
            available = min(available, room)
        if limit is not None:
            total = min(total, limit)
        return Memory(
            total=total, available=max(available, 0), resident=self._resident(), limit=limit
        )

    def _meminfo(self) -> dict[str, int]:
        fields: dict[str, int] = {}
        for line in _text(self._proc / "meminfo").splitlines():
            name, _, value = line.partition(":")
            number = value.split()[:1]
            if number and number[0].isdigit():
                fields[name] = int(number[0]) * 1024
        return fields

    def _resident(self) -> int:
        parts = _text(self._proc / "self" / "statm").split()
        return int(parts[1]) * os.sysconf("SC_PAGE_SIZE") if len(parts) > 1 else 0

    def _group_limits(self) -> list[tuple[int, int]]:
        """Return (limit, room left) of every control group above this process that has one."""
        found = []
        for line in _text(self._proc / "self" / "cgroup").splitlines():
            _, _, rest = line.partition(":")
            controllers, _, name = rest.partition(":")
            if controllers == "":
                for base in (self._cgroups, self._cgroups / "unified"):
                    found += _walk(base, name, "memory.max", "memory.current")
            elif "memory" in controllers.split(","):
                found += _walk(
                    self._cgroups / "memory", name, "memory.limit_in_bytes", "memory.usage_in_bytes"
                )
        return found


def _walk(base: Path, name: str, limit_file: str, usage_file: str) -> list[tuple[int, int]]:
    found = []
    group = Path(name.lstrip("/"))
    for part in (group, *group.parents):
        if ".." in part.parts:  # outside of our own cgroup namespace
            continue
        directory = base / part
        limit = _number(directory / limit_file)
        if limit is None or limit >= _UNLIMITED:
            continue
        used = _number(directory / usage_file) or 0
        found.append((limit, limit - used + _reclaimable(directory / "memory.stat")))
    return found


def _reclaimable(stat: Path) -> int:
    """Cached files are charged to a group but given up when memory is needed."""
    fields = dict(line.split()[:2] for line in _text(stat).splitlines() if len(line.split()) == 2)
    names = ("total_inactive_file", "total_active_file")
    if not any(name in fields for name in names):
        names = ("inactive_file", "active_file")
    return sum(int(fields[name]) for name in names if fields.get(name, "").isdigit())


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
