"""The temperature of the processor.

Source: /sys/class/thermal/thermal_zone*/{type,temp}, thousandths of a degree Celsius
(Documentation/ABI/testing/sysfs-class-thermal of the Linux kernel).
"""

import re
from collections import deque
from pathlib import Path

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
