"""Memory and cores that targets checked at the same time share.

A booted system, emulated ones above all, takes memory of its own: four at once on a small machine
would end in the kernel's out-of-memory killer, which looks like a fault of the package.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from debwright.config import Config
from debwright.host import process

MEMINFO = Path("/proc/meminfo")
CGROUPS = Path("/sys/fs/cgroup")
SYSTEM_MB = 400.0
"""A booted minimal system with apt at work, measured: 250 MB; and some to spare."""
EMULATOR_MB = 400.0
"""What qemu-user adds: its translation of every process."""
SHARE = 0.8
"""Of the free memory: the build machine's own programs want some, too."""
_PAUSE = 0.2


@dataclass
class Budget:
    """Gives out shares in the order they were asked for. Safe to use from several threads."""

    memory_mb: float | None = None
    """Megabytes (10^6 bytes) in all; None: not counted."""
    cores: int | None = None
    """Shares at the same time; None: any number."""
    _coming: set[str] = field(default_factory=set)
    _used: list[float] = field(default_factory=list)
    _queue: deque[object] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def expect(self, names: Iterable[str]) -> None:
        """Who may still ask for a share: what they need is not spare."""
        with self._changed:
            self._coming.update(names)

    def arrived(self, name: str) -> None:
        """Who was expected has a share, or will ask for none."""
        with self._changed:
            self._coming.discard(name)

    @contextmanager
    def spare(self, memory_mb: float) -> Iterator[bool]:
        """Hold one more share, if there is one that nobody needs now or later; yields whether."""
        with self._changed:
            free = self.cores is None or len(self._used) + len(self._coming) < self.cores
            held = free and not self._queue and self._fits(memory_mb)
            if held:
                self._used.append(memory_mb)
        try:
            yield held
        finally:
            if held:
                self._give_back(memory_mb)

    @contextmanager
    def share(
        self, memory_mb: float, *, waiting: Callable[[str], None] = lambda _: None
    ) -> Iterator[float]:
        """Hold a share; yields the seconds it was waited for. `waiting` hears why, once.

        Who wants more than there is in all gets it alone: it may well fit. Raises Interrupted when
        debwright is asked to stop meanwhile.
        """
        started = time.monotonic()
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                said = False
                while self._queue[0] is not ticket or not self._fits(memory_mb):
                    if not said:
                        waiting(self._why(memory_mb))
                        said = True
                    self._changed.wait(_PAUSE)
                    process.go_on()
                self._used.append(memory_mb)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield time.monotonic() - started
        finally:
            self._give_back(memory_mb)

    def _give_back(self, memory_mb: float) -> None:
        with self._changed:
            self._used.remove(memory_mb)
            self._changed.notify_all()

    def _fits(self, memory_mb: float) -> bool:
        if not self._used:
            return True
        if self.cores is not None and len(self._used) >= self.cores:
            return False
        return self.memory_mb is None or sum(self._used) + memory_mb <= self.memory_mb

    def _why(self, memory_mb: float) -> str:
        if self.cores is not None and len(self._used) >= self.cores:
            return f"waiting: {len(self._used)} other targets are checked"
        return f"waiting for {memory_mb:.0f} MB of memory"


def budget_for(config: Config) -> Budget:
    """What the configuration says, or what this machine has free just now."""
    resources = config.resources
    memory = resources.memory_mb
    if memory is None and (free := available_mb()) is not None:
        memory = SHARE * free
    return Budget(memory_mb=memory, cores=resources.cores or os.cpu_count() or 1)


def need_mb(config: Config, *, emulated: bool) -> float:
    """What one target's checks are counted with."""
    if config.resources.check_memory_mb is not None:
        return config.resources.check_memory_mb
    services = sum(service.memory_mb or 0 for service in config.service)
    return SYSTEM_MB + (EMULATOR_MB if emulated else 0) + services


def available_mb(meminfo: Path = MEMINFO, cgroups: Path = CGROUPS) -> float | None:
    """Memory that can be had without swapping (proc(5), MemAvailable), within a container's limit.

    None when the kernel does not say.
    """
    found: list[float] = []
    try:
        lines = meminfo.read_text().splitlines()
        found += [int(x.split()[1]) * 1.024e-3 for x in lines if x.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pass
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            most, now = int((cgroups / limit).read_text()), int((cgroups / used).read_text())
        except (OSError, ValueError):
            continue  # `max`: there is no limit
        found.append(max(0, most - now) / 1e6)
    return min(found, default=None)
