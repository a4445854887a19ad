"""The state of each component in words, and of the service as a whole."""

from collections.abc import Sequence
from typing import Any

from local_rag.config.settings import LimitSettings
from local_rag.core.types import ComponentHealth, Health
from local_rag.monitor.governor import GovernorState
from local_rag.monitor.sensors import Memory

LOW_MEMORY_BYTES = 128 << 20
# Without it nothing works at all; without a model, documents can still be listed and found.
VITAL = frozenset({"store"})


def overall(components: Sequence[ComponentHealth], *, version: str, uptime_s: float) -> Health:
    """Return the health of the service: failed when a vital part is, degraded when any is not ok.

    A component whose state is unknown (a machine without a sensor) does no harm.
    """
    troubled = [part for part in components if part.state in ("degraded", "failed")]
    failed = any(part.state == "failed" and part.name in VITAL for part in troubled)
    status: Any = "failed" if failed else "degraded" if troubled else "ok"
    return Health(
        status=status, components=tuple(components), version=version, uptime_s=round(uptime_s, 1)
    )


def temperature_health(state: GovernorState, limits: LimitSettings) -> ComponentHealth:
    """Return the state of the `temperature` component."""
    if state.temperature is None:
        return ComponentHealth("temperature", "unknown", "this machine has no temperature sensor")
    celsius = f"{state.temperature:.1f} C"
    details = {"celsius": round(state.temperature, 1), "threads": state.threads}
    if state.heat == "stopped":
        return ComponentHealth(
            name="temperature",
            state="degraded",
            message=f"{celsius}: too hot, answers are not written",
            hint=f"cool the machine; it goes on below {limits.temperature_resume_c:g} C",
            details=details,
        )
    if state.heat == "throttled":
        return ComponentHealth(
            name="temperature",
            state="degraded",
            message=f"{celsius}: warm, models use {state.threads} threads",
            hint="a fan or a case with more air lets it run at full speed",
            details=details,
        )
    return ComponentHealth("temperature", "ok", celsius, details=details)


def disk_health(state: GovernorState, limits: LimitSettings) -> ComponentHealth:
    """Return the state of the `disk` component."""
    if state.disk is None:
        return ComponentHealth("disk", "unknown", "the free space cannot be read")
    percent = state.disk.percent_free
    details = {
        "free_bytes": state.disk.free,
        "total_bytes": state.disk.total,
        "free_percent": round(percent, 1),
    }
    message = f"{percent:.1f} % free ({state.disk.free >> 20} MiB)"
    if not state.disk_open:
        return ComponentHealth(
            name="disk",
            state="degraded",
            message=f"{message}: imports halt",
            hint=f"free some space; imports go on above {limits.disk_resume_percent:g} %",
            details=details,
        )
    return ComponentHealth("disk", "ok", message, details=details)


def memory_health(memory: Memory) -> ComponentHealth:
    """Return the state of the `memory` component."""
    details = {
        "total_bytes": memory.total,
        "available_bytes": memory.available,
        "resident_bytes": memory.resident,
        "limit_bytes": memory.limit,
    }
    if memory.total == 0:
        return ComponentHealth("memory", "unknown", "/proc/meminfo cannot be read")
    message = f"{memory.available >> 20} MiB available, {memory.resident >> 20} MiB in use here"
    if memory.available < LOW_MEMORY_BYTES:
        return ComponentHealth(
            name="memory",
            state="degraded",
            message=f"{message}: too little",
            hint="end other programs, or choose a smaller language model",
            details=details,
        )
    return ComponentHealth("memory", "ok", message, details=details)
