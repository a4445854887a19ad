"""Small facts about the machine."""

import os


def usable_cpus() -> int:
    """Return the number of processors this process may use, at least one."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except (AttributeError, OSError):
        return max(1, os.cpu_count() or 1)
