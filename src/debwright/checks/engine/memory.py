"""What the service's processes take, next to what `[service] memory_mb` allows."""

from debwright.checks.engine.session import Session
from debwright.checks.engine.units import triggered
from debwright.config import Service
from debwright.host.process import pause
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding

MEGABYTE = 1_000_000
"""As debwright.toml counts: 10^6 bytes."""
SETTLE_LOOKS = 10
SETTLE_SECONDS = 1.0
SETTLED = 1.02
"""What it may grow by between two looks and still count as settled."""
CODES = Codes(
    {"service/memory": Code(ERROR, "The service uses more memory than allowed.", emulated=WARNING)}
)
"""An emulator's translations are no memory of the service's."""


def memory(
    session: Session,
    service: Service,
    measurements: dict[str, float],
    *,
    check: str,
    when: str = "",
) -> list[Finding]:
    """Measure the service; a finding named after `check` when it takes more than allowed."""
    used = in_use(session, service.unit)
    if used is None:
        return []
    measurements["memory_bytes"] = float(used)
    session.memory_seen.setdefault(service.unit, (session.since_install(), used))
    if (text := excess(used, service.memory_mb)) is None:
        return []
    return [
        CODES.under(check).found(
            f"{check}/memory",
            f"{service.unit} uses more memory than allowed{when}",
            evidence=(Evidence(text=text),),
            fix="find what holds the memory, or raise [service] memory_mb in debwright.toml "
            "where it is needed",
            emulated=session.system.emulated,
        )
    ]


def in_use(session: Session, unit_name: str) -> int | None:
    """Bytes of the unit's processes, or of those of the service that it starts."""
    unit = session.unit(unit_name)
    if (behind := triggered(unit)) is not None:
        unit = session.unit(behind)
    return session.system.unit_memory(unit.get("ControlGroup", ""))


def settled(session: Session, unit_name: str) -> int | None:
    """Bytes of a unit that has just started, once they no longer grow.

    Services go on loading after their first answer: two releases can be compared only when both
    are done. None where the system cannot tell.
    """
    used = None
    for _ in range(SETTLE_LOOKS):
        before = used
        used = in_use(session, unit_name)
        if used is None or (before is not None and used <= before * SETTLED):
            return used
        pause(SETTLE_SECONDS)
    return used


def excess(used: int, limit_mb: float | None) -> str | None:
    """What to say when `used` bytes are more than the megabytes allowed."""
    if limit_mb is None or used <= limit_mb * MEGABYTE:
        return None
    return f"{used / MEGABYTE:.1f} MB proportional set size, {limit_mb} MB allowed"
