"""Ids of a container's own (user_namespaces(7)): how it gets them, and what they take away."""

from pathlib import Path

from debwright.isolation import ids

NOT_HERE = (
    "the system's root was this machine's root: its kernel is older than 5.19, the cache's file "
    "system cannot map ids, or this is a container; bring only packages that you trust there, or "
    "use --sandbox vm"
)
"""What the report says of a system without them."""

_NO_PRIORITIES = """\
# A container with ids of its own may not set real-time priorities.
[Service]
CPUSchedulingPolicy=
IOSchedulingClass=
"""


def options(first_id: int | None) -> list[str]:
    """Words for systemd-nspawn(1). `first_id` is root's number on this machine; None: its root."""
    if first_id is None:
        return ["--drop-capability=CAP_MKNOD,CAP_SYS_RAWIO"]
    return [f"--private-users={first_id}:{ids.COUNT}"]


def without_priorities(tree: Path) -> None:
    """Let units start that ask for real-time priorities, which only root of a machine may give.

    Whoever is root of a user namespace may not (sched(7), ioprio_set(2)), and systemd lets the unit
    fail. systemd.unit(5): service.d holds drop-ins of every service; empty takes a setting back.
    """
    path = tree / "etc/systemd/system/service.d/debwright-priorities.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_NO_PRIORITIES)
