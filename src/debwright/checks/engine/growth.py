"""Memory that grows while nobody asks the service for anything: a leak, whatever the limit.

A service that loads something after its start grows as well, and then stops. So growth is only
called a leak when it goes on at the same pace: through the time that the checks watch anyhow, and
through some more, which only a service that grows is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from debwright.checks.engine import memory
from debwright.checks.engine.session import Session
from debwright.config import Service
from debwright.host.process import pause
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding

EVERY = 1.0
"""Seconds between two looks."""
_SUSPICIOUS = 1.15
"""Times the first look from which on it is watched for longer."""
_LEAK = 1.5
_LEAST = 4_000_000
"""Bytes below which growth is noise."""
_LOOKS = 9
"""From so many on, the pace can be seen."""
_FEW = 4
"""From so many on, it can be seen that growth has ended."""
_LONGER = 24
"""Further looks at what grows."""
_PACE = 0.6
"""What the last third of the time must have grown by, as a part of what the average third has."""

CODES = Codes(
    {
        "steady/memory-grows": Code(
            ERROR,
            "The memory of the service grows by half in seconds, and goes on, though nobody asks "
            "it for anything.",
            emulated=WARNING,
        )
    }
)


@dataclass(frozen=True)
class Look:
    """Bytes in use, so many seconds after installation."""

    at: float
    used: int


class Watch:
    """The memory of services, looked at again and again."""

    def __init__(self, session: Session, services: Sequence[Service]) -> None:
        self._session = session
        self._looks: dict[str, list[Look]] = {
            service.unit: [Look(*seen)] if (seen := session.memory_seen.get(service.unit)) else []
            for service in services
        }

    def look(self) -> None:
        """Look at each service once more."""
        for unit in self._looks:
            self._look(unit)

    def _look(self, unit: str) -> None:
        used = memory.in_use(self._session, unit)
        if used is not None:
            self._looks[unit].append(Look(self._session.since_install(), used))

    def findings(self, services: Sequence[Service]) -> list[Finding]:
        """A finding for each of these services that leaks."""
        found = []
        for service in services:
            looks = self._looks[service.unit]
            self._look(service.unit)
            if not grows(looks, _SUSPICIOUS):
                continue
            for _ in range(_LONGER):
                if len(looks) >= _FEW and (not goes_on(looks) or leaks(looks)):
                    break
                pause(EVERY)
                self._look(service.unit)
            if leaks(looks):
                found.append(_finding(self._session, service, looks))
        return found


def leaks(looks: Sequence[Look]) -> bool:
    """Whether it has grown by half, and as fast at the end as before."""
    return len(looks) >= _LOOKS and grows(looks, _LEAK) and goes_on(looks)


def grows(looks: Sequence[Look], times: float) -> bool:
    """Whether the last look has so many times what the first had, beyond noise."""
    if len(looks) < 2:
        return False
    first, last = looks[0].used, looks[-1].used
    return last >= first * times and last - first >= _LEAST * (times - 1)


def goes_on(looks: Sequence[Look]) -> bool:
    """Whether it grows in the last third of the time as it has on average, within reason."""
    first, last = looks[0], looks[-1]
    third = next(look for look in looks if look.at >= first.at + (last.at - first.at) * 2 / 3)
    pace = (last.used - first.used) / max(last.at - first.at, 0.1)
    return last.used - third.used > pace * (last.at - third.at) * _PACE


def _finding(session: Session, service: Service, looks: Sequence[Look]) -> Finding:
    first, last = looks[0], looks[-1]
    seconds = last.at - first.at
    shown = (first, looks[len(looks) // 3], looks[2 * len(looks) // 3], last)
    return CODES.found(
        "steady/memory-grows",
        f"{service.unit} takes {last.used / first.used - 1:.0%} more memory after {seconds:.0f} s "
        "in which nobody has asked it for anything, and goes on growing",
        evidence=(
            *(
                Evidence(text=f"{s.at:.0f} s after installation: {s.used / 1e6:.1f} MB")
                for s in shown
            ),
            Evidence(text=f"{(last.used - first.used) / seconds / 1e6:.2f} MB a second"),
        ),
        fix="look for what is kept in each turn of a loop: a list, a cache without a limit, a log "
        "in memory (tracemalloc, heaptrack); a service that loads for long says READY=1 afterwards",
        emulated=session.system.emulated,
    )
