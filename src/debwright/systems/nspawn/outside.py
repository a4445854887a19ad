"""What a container listens on and what its units take, read from this machine (proc(5))."""

import os
from pathlib import Path

from debwright.systems.remote import SOCKETS, parse_table

_HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")


def listening(leader: int) -> set[str]:
    """`ADDRESS:PORT/tcp|udp` of every socket that waits for others in the process's network."""
    found = set()
    for table, protocol, state in SOCKETS:
        try:
            text = Path(f"/proc/{leader}/net/{table}").read_text()
        except OSError:
            continue
        found |= {f"{address}/{protocol}" for address in parse_table(text, state)}
    return found


def unit_memory(leader: int, control_group: str) -> int | None:
    """Bytes of the unit's processes (proportional set size, proc(5) smaps_rollup), or None."""
    pids = _processes(leader, control_group)
    if not pids:
        return None
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(row.split()[1]) for row in text.splitlines() if row.startswith("Pss:"))
    return total * 1024


def _container_group(leader: int) -> str | None:
    """The control group that is the container's root, as this machine sees it."""
    for line in Path(f"/proc/{leader}/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if (number == "0" and not controllers) or controllers == "name=systemd":
            return path.removesuffix("/init.scope")
    return None


def _processes(leader: int, control_group: str) -> list[int]:
    root = _container_group(leader)
    if root is None or not control_group.startswith("/"):
        return []
    inside = os.path.normpath(control_group).lstrip("/")
    for hierarchy in _HIERARCHIES:
        path = Path(hierarchy) / root.lstrip("/") / inside / "cgroup.procs"
        try:
            return [int(line) for line in path.read_text().split()]
        except OSError:
            continue
    return []


def memory_enforced(leader: int) -> bool:
    """Whether the container has a memory controller that its systemd can use (cgroups(7))."""
    root = _container_group(leader)
    if root is None:
        return False
    controllers = Path("/sys/fs/cgroup") / root.lstrip("/") / "cgroup.controllers"
    try:
        return "memory" in controllers.read_text().split()
    except OSError:
        return False
