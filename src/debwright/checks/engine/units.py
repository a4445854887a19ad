"""What systemd says of a unit, and what a unit of each kind is like when all is well.

The values are those of `systemctl show` (org.freedesktop.systemd1(5)). A property that a kind of
unit does not have is missing.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath

Unit = Mapping[str, str]

SHOWN = (
    "Id", "ActiveState", "SubState", "Result", "NRestarts", "MainPID", "ExecMainStatus",
    "ExecMainCode", "UnitFileState", "LoadState", "User", "ControlGroup", "Type", "Restart",
    "RestartUSec", "CanReload", "ReadWritePaths", "ConditionResult",
    "ConditionTimestampMonotonic", "ExecMainStartTimestampMonotonic",
    "ActiveEnterTimestampMonotonic", "InvocationID", "Triggers", "TriggeredBy", "FragmentPath",
    "SourcePath", "StatusText", "Wants", "BusName", "Listen", "StateDirectory",
    "CacheDirectory", "LogsDirectory", "RuntimeDirectory", "ConfigurationDirectory", "BindPaths",
    "BindReadOnlyPaths",
)  # fmt: skip
"""The properties that are asked for."""

_STATES = ("ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts")
_TRIGGERS = frozenset({"socket", "timer", "path"})


def kind(name: str) -> str:
    """`service`, `socket`, `timer`, ...: what a unit's name ends in."""
    return PurePosixPath(name).suffix.lstrip(".")


def is_trigger(name: str) -> bool:
    """Whether the unit is one that starts another (systemd.socket(5), .timer(5), .path(5))."""
    return kind(name) in _TRIGGERS


def is_oneshot(unit: Unit) -> bool:
    """Whether its start is its work, and has an end (systemd.service(5), Type=oneshot)."""
    return unit.get("Type") == "oneshot"


def is_started_by_others(unit: Unit) -> bool:
    """Whether it may be down until a socket, a timer, a path or a call on D-Bus wants it."""
    return bool(unit.get("TriggeredBy", "").split()) or unit.get("Type") == "dbus"


def has_run(unit: Unit) -> bool:
    """Whether a process of the service has been started since boot."""
    return unit.get("ExecMainStartTimestampMonotonic", "0") not in {"", "0"}


def restarts(unit: Unit) -> int:
    """How often systemd has started the unit again by itself."""
    number = unit.get("NRestarts", "")
    return int(number) if number.isdigit() else 0


def is_well(unit: Unit) -> bool:
    """Whether the unit is as its kind is once its start has succeeded.

    A oneshot service has ended, with success; a service that others start may be down; all else
    is active, which a notifying service is only once it has said READY=1 (sd_notify(3)).
    """
    state, result = unit.get("ActiveState"), unit.get("Result", "success")
    if state in {"active", "reloading", "refreshing"}:
        return True
    if state != "inactive" or result != "success":
        return False
    return is_started_by_others(unit) or (is_oneshot(unit) and has_run(unit))


def is_lasting(unit: Unit) -> bool:
    """Whether it is up, and meant to stay so: what is not has nothing to be watched."""
    return unit.get("ActiveState") == "active" and unit.get("MainPID", "0") != "0"


def is_at_work(unit: Unit) -> bool:
    """Whether it has a process, or waits to start one."""
    return is_lasting(unit) or (
        unit.get("ActiveState") == "active" and is_trigger(unit.get("Id", ""))
    )


def triggered(unit: Unit) -> str | None:
    """The service that a socket, a timer or a path starts, where it is always the same one."""
    names = [name for name in unit.get("Triggers", "").split() if kind(name) == "service"]
    return names[0] if names else None


def triggered_by_socket(unit: Unit) -> str | None:
    """The service of a socket unit; None for other units."""
    return triggered(unit) if kind(unit.get("Id", "")) == "socket" else None


def state_of(unit: Unit) -> str:
    """The state in systemd's words, as evidence."""
    return " ".join(f"{n}={unit[n]}" for n in _STATES if unit.get(n))
