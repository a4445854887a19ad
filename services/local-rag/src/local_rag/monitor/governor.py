"""What the machine can bear just now: fewer threads when warm, a pause when hot or full."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local_rag.config.settings import LimitSettings
from local_rag.core.process import usable_cpus
from local_rag.monitor.sensors import Disk, DiskGate, MeanTemperature, read_disk, read_temperature

_log = logging.getLogger(__name__)
POLL_SECONDS = 30.0
DISK_SECONDS = 2.0

Heat = Literal["unknown", "ok", "throttled", "stopped"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GovernorState:
    """What the governor knows; temperature in degrees Celsius, mean of up to three readings."""

    heat: Heat
    temperature: float | None
    disk: Disk | None
    disk_open: bool
    threads: int


class Governor:
    """Watches temperature and disk; answers at once from what it saw last.

    `start` begins reading the temperature every 30 seconds in the background; without it, `poll`
    does one reading. The disk is looked at when imports ask, at most every two seconds.
    """

    def __init__(
        self,
        limits: LimitSettings,
        data_dir: Path,
        *,
        threads: int | None = None,
        temperature: Callable[[], float | None] = read_temperature,
        disk: Callable[[Path], Disk | None] = read_disk,
        clock: Callable[[], float] = time.monotonic,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._limits, self._data_dir = limits, data_dir
        self._full_threads = threads or usable_cpus()
        self._read_temperature, self._read_disk, self._clock = temperature, disk, clock
        self._poll_seconds = poll_seconds
        self._lock = threading.Lock()
        self._mean = MeanTemperature()
        self._celsius: float | None = None
        self._heat: Heat = "unknown"
        self._gate = DiskGate(limits.disk_stop_percent, limits.disk_resume_percent)
        self._disk: Disk | None = None
        self._disk_at: float | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch in the background."""
        if self._thread is None:
            self._ended.clear()
            self._thread = threading.Thread(target=self._watch, name="governor", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End watching."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def _watch(self) -> None:
        while True:
            try:
                self.poll()
            except Exception:  # noqa: BLE001 - the watch must not end
                _log.exception("reading the machine's state failed; trying again")
            if self._ended.wait(self._poll_seconds):
                return

    def poll(self) -> None:
        """Read the temperature and the disk once."""
        celsius = self._read_temperature()
        with self._lock:
            self._celsius = self._mean.add(celsius)
            before, self._heat = self._heat, self._next_heat(self._celsius)
            now = self._heat
        if now != before and "unknown" not in (now, before):
            _log.warning("temperature %.1f C: %s", self._celsius or 0.0, now)
        self._look_at_disk(at_once=True)

    def _next_heat(self, celsius: float | None) -> Heat:
        limits = self._limits
        if celsius is None:
            return "unknown"
        if celsius > limits.temperature_stop_c:
            return "stopped"
        if celsius < limits.temperature_resume_c:
            return "ok"
        if self._heat == "stopped":
            return "stopped"
        if celsius > limits.temperature_throttle_c:
            return "throttled"
        return "throttled" if self._heat == "throttled" else "ok"

    def _look_at_disk(self, *, at_once: bool = False) -> bool:
        with self._lock:
            now = self._clock()
            if at_once or self._disk_at is None or now - self._disk_at >= DISK_SECONDS:
                self._disk, self._disk_at = self._read_disk(self._data_dir), now
                was_open = self._gate.open
                if (
                    self._disk is not None
                    and self._gate.update(self._disk.percent_free) != was_open
                ):
                    _log.warning(
                        "disk %.1f %% free: imports %s",
                        self._disk.percent_free,
                        "go on" if self._gate.open else "halt",
                    )
            return self._gate.open

    def threads(self) -> int:
        """Return how many threads models may use: half of them when it is warm."""
        if self._heat in ("throttled", "stopped"):
            return max(1, self._full_threads // 2)
        return self._full_threads

    def may_generate(self) -> tuple[bool, str | None]:
        """Return whether a language model may run, and why not."""
        if self._heat == "stopped":
            return False, self._too_hot("answers are not written")
        return True, None

    def may_import(self) -> tuple[bool, str | None]:
        """Return whether documents may be imported, and why not."""
        if not self._look_at_disk():
            free = self._disk.percent_free if self._disk else 0.0
            return False, (
                f"the disk of {self._data_dir} has {free:.1f} % free; imports go on above "
                f"{self._limits.disk_resume_percent:g} %"
            )
        if self._heat == "stopped":
            return False, self._too_hot("imports wait")
        return True, None

    def _too_hot(self, effect: str) -> str:
        celsius = f"{self._celsius:.0f} C" if self._celsius is not None else "too hot"
        limit = f"{self._limits.temperature_resume_c:g} C"
        return f"the processor is at {celsius}; {effect} until it is below {limit}"

    def state(self) -> GovernorState:
        """Return what is known now."""
        disk_open = self._look_at_disk()
        with self._lock:
            return GovernorState(
                heat=self._heat,
                temperature=self._celsius,
                disk=self._disk,
                disk_open=disk_open,
                threads=self.threads(),
            )
