"""Processes of a system that are of no unit, and were started as the checks start their own."""

from debwright.systems.base import BootedSandbox

# Whoever is started from a shell is in the shell's control group, where systemd puts nothing:
# cgroups(7), one line for each hierarchy, the one without a number being that of version 2.
_RUNNING = """exec 2>/dev/null
g=$(grep -m1 -e ':name=systemd:' /proc/$$/cgroup || grep -m1 -e '^0::' /proc/$$/cgroup)
[ -n "$g" ] || exit 0
for d in $(grep -lxF -e "$g" /proc/[0-9]*/cgroup); do d=${d%/cgroup}
[ "$d" = "/proc/$$" ] || echo "${d#/proc/} $(tr '\\0' ' ' <"$d/cmdline" | head -c 200)"
done; true"""


def outside_units(system: BootedSandbox) -> set[str]:
    """`PID COMMAND` of the processes that were started as the checks start theirs."""
    if system.without_init:
        return set()
    done = system.run(["sh", "-c", _RUNNING], check=False, timeout=60)
    found = {line.strip() for line in done.output.splitlines()}
    # One without a command line is ending, or is a thread of the kernel.
    return {line for line in found if " " in line}
