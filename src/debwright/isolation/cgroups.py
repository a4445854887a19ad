"""A control group of its own for each booted container.

systemd-nspawn with --keep-unit makes its `payload` and `supervisor` groups below the caller's:
two containers started from the same group would share them. Under a running systemd a transient
scope with Delegate=yes is the sanctioned place (systemd.resource-control(5), "Delegate="); without
one (containers, minimal machines) directories are made by hand and removed again.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debwright.model.errors import Evidence, MissingError

PREFIX = "debwright-"


@dataclass(frozen=True)
class Placement:
    """`prefix` goes before the command; with `directories`, `joined` wraps it as well."""

    prefix: tuple[str, ...]
    directories: tuple[Path, ...]

    scope: str | None = None
    """The transient scope's name, where systemd made the group."""

    def usage(self) -> tuple[float, int]:
        """Processor seconds so far, and bytes of memory at most; 0 where the kernel tells neither.

        cpu.stat and memory.peak of control groups v2 (Documentation/admin-guide/cgroup-v2.rst).
        """
        groups = list(self.directories)
        if self.scope is not None:
            groups.append(Path("/sys/fs/cgroup/system.slice") / f"{self.scope}.scope")
        seconds, peak = 0.0, 0
        for group in groups:
            try:
                rows = dict(r.split() for r in (group / "cpu.stat").read_text().splitlines())
                seconds = max(seconds, int(rows["usage_usec"]) / 1e6)
                peak = max(peak, int((group / "memory.peak").read_text()))
            except (OSError, ValueError, KeyError):
                continue
        return seconds, peak

    def joined(self, argv: list[str]) -> list[str]:
        """The command as run inside the namespaces: joins the groups, then becomes `argv`."""
        if not self.directories:
            return argv
        # 0 stands for the writing process itself: its number differs inside a pid namespace.
        joins = (
            'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 > "$1/cgroup.procs"; '
            'shift; n=$((n-1)); done; exec "$@"'
        )
        groups = [str(d) for d in self.directories]
        return ["sh", "-ec", joins, "sh", str(len(groups)), *groups, *argv]


def systemd_runs() -> bool:
    """sd_booted(3)."""
    return Path("/run/systemd/system").is_dir()


@contextmanager
def own_group() -> Iterator[Placement]:
    """A fresh group for one container, gone when the block ends."""
    name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    if systemd_runs():
        scope = ("systemd-run", "--quiet", "--scope", "--collect", "-p", "Delegate=yes",
                 f"--unit={name}")  # fmt: skip
        yield Placement(scope, (), name)
        return
    made: list[Path] = []
    try:
        for parent in _parents():
            _make(parent / name)
            made.append(parent / name)
        yield Placement((), tuple(made))
    finally:
        for directory in made:
            remove(directory)


def _make(directory: Path) -> None:
    try:
        directory.mkdir()
    except OSError as error:
        raise MissingError(
            "a control group for a booted system cannot be made",
            evidence=[Evidence(text=f"{directory}: {error.strerror}")],
            cause="debwright runs in a container whose control groups are read-only",
            fix="run it in a privileged container, or on the machine itself",
        ) from error


def _parents() -> list[Path]:
    """This process's groups in the hierarchies nspawn uses: name=systemd and the unified one."""
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if controllers == "name=systemd":
            mounts = [Path("/sys/fs/cgroup/systemd")]
        elif number == "0" and not controllers:
            mounts = [Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]
        else:
            continue
        for mount in mounts:
            directory = mount / path.lstrip("/")
            if (directory / "cgroup.procs").exists():
                found.append(directory)
                break
    return found


def remove(directory: Path) -> None:
    """Remove a group and those below it; one with a living process stays."""
    try:
        for folder, _, _ in os.walk(directory, topdown=False):
            Path(folder).rmdir()
    except OSError:
        pass


def heal() -> None:
    """Remove groups whose debwright is gone."""
    if systemd_runs():
        return
    for parent in _parents():
        for directory in parent.glob(f"{PREFIX}*"):
            owner = directory.name.removeprefix(PREFIX).split("-")[0]
            if owner.isdigit() and not Path("/proc", owner).exists():
                remove(directory)
