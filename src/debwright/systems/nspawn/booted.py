"""A booted system: systemd-nspawn on a throw-away overlay, with a network of its own.

The container has only a loopback interface: what a package does there cannot be seen by, or see,
anything else. Requests to its services are made from outside through its network namespace.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from debwright.host import process, usage
from debwright.host.machine import emulator_environment
from debwright.host.process import Completed
from debwright.isolation import cgroups
from debwright.isolation.emulation import (
    PRELOAD,
    QEMU_USER_NOTE,
    for_qemu_user,
    prove,
    steady_addresses,
    without_idle_generators,
)
from debwright.isolation.namespaces import (
    CLEAN,
    PATH,
    Bind,
    Entered,
    Namespaces,
    Spec,
    enter_bounded,
    is_root,
)
from debwright.isolation.snapshot import Altered, Entry, Snapshot, entry_of
from debwright.model.errors import Evidence, MissingError, printable
from debwright.model.fix import Command, again_as_root
from debwright.roots.overlay import Throwaway
from debwright.systems.base import BootError, push_through
from debwright.systems.nspawn import outside, own_ids
from debwright.systems.remote import RELAY, SOCKET_RELAY_VARIABLE

BOOT_TIMEOUT = 120.0
"""Seconds; an emulated boot takes 2 to 10."""

SHUTDOWN_TIMEOUT = 150.0
"""Seconds; systemd kills a unit that does not stop after DefaultTimeoutStopSec=, 90."""


@dataclass
class NspawnSandbox(Entered):
    """A context manager: entering boots the system, leaving ends it without a trace."""

    overlay: Throwaway
    binds: Sequence[Bind] = ()
    emulated: bool = False
    preload: Path | None = None
    """A library for process 1 of an emulated system; see debwright.roots.preload."""
    boot_seconds: float = 0.0
    leader: int = 0
    """Process 1 of the container, as this machine numbers it."""
    first_id: int | None = None
    """The container's root, as this machine numbers it; None where it is this machine's."""
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _nspawn: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _placement: cgroups.Placement | None = field(default=None, repr=False)
    _start: Callable[[], None] = field(default=lambda: None, repr=False)

    kind = "nspawn"
    without_init = None

    @property
    def variables(self) -> Mapping[str, str]:
        return dict(emulator_environment(self.overlay.arch)) if self.emulated else {}

    @property
    def is_emulated(self) -> bool:
        return self.emulated

    def __enter__(self) -> Self:
        if not is_root():
            raise MissingError(
                "booting a system needs root",
                cause="systemd-nspawn sets up devices and control groups, which only root may",
                fix=again_as_root(),
            )
        try:
            self._boot()
            if self.emulated:
                self._prove_services()
                prove(self, self.overlay.arch)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._placement is not None:
            usage.booted(*self._placement.usage())
            self._placement = None
        self._stack.close()
        if self._nspawn is not None:
            process.kill_group(self._nspawn.pid)
            self._nspawn.wait()
            self._nspawn = None

    @property
    def console(self) -> Path:
        return self.overlay.directory / "console.log"

    def _boot(self) -> None:
        own_ids.without_priorities(self.overlay.upper)
        if self.emulated:
            for_qemu_user(self.overlay.upper, self.variables, preload=self.preload)
            without_idle_generators(self.overlay.upper)
        placement = self._stack.enter_context(cgroups.own_group())
        self._placement = placement
        outer = self._stack.enter_context(
            Namespaces(
                Spec(
                    root=self.overlay.mount_point,
                    overlay=self.overlay.overlay(),
                    pivot=False,
                    network=True,
                )
            )
        )
        notify = self.overlay.directory / "notify"
        self.first_id = outer.first_id if outer.shifted else None
        # systemd-nspawn itself runs under the filter, and with it everything that it starts.
        entered = enter_bounded(outer.pid, network=False, user=False)
        steady = steady_addresses() if self.emulated else ()
        argv = [*placement.prefix, *steady, *entered, *placement.joined(self._command(notify))]
        self._start = lambda: self._start_nspawn(argv, notify)
        self._start()

    def _prove_services(self) -> None:
        """Raise MissingError when systemd runs and can start nothing.

        Since systemd 255 it starts services by pidfd_spawn(3). qemu-user 7.2 refuses the clone(2)
        that this is with EINVAL, of which systemd thinks that there are no resources left.
        """
        done = self.run(
            ["systemctl", "show", "--property=Result", "--value", "systemd-journald.service"],
            check=False, timeout=120,
        )  # fmt: skip
        if done.output.strip() == "resources":
            raise MissingError(
                "the systemd of this system cannot start services under this machine's qemu-user",
                evidence=[Evidence(text="systemd-journald.service: Result=resources")],
                cause="systemd 255 and later start processes in a way that qemu-user 7.2 refuses",
                fix="check it on a machine of its own architecture, or with --sandbox vm",
            )

    def _start_nspawn(self, argv: list[str], notify: Path) -> None:
        started = time.monotonic()
        # Open until the system is up, and no longer: systemd-nspawn passes on what systemd says of
        # jobs that take their time, and waits for a reader. With nobody to read, both would stop.
        with _NotifySocket(notify) as ready, self.console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=process.environment(),
                start_new_session=True,
            )
            self._wait_until_ready(ready, started)
        self.leader = _init_below(self._nspawn.pid)
        self.boot_seconds = time.monotonic() - started

    def reboot(self) -> float:
        """See BootedSandbox. The network namespace is a new one, as the network of a machine is.

        With --keep-unit systemd-nspawn ends when the system asks for a reboot, and leaves the
        start to whoever has started it (systemd-nspawn(1), "Exit status": 133).
        """
        assert self._nspawn is not None
        started = time.monotonic()
        self.run(["systemctl", "--no-block", "reboot"])
        while self._nspawn.poll() is None:
            process.go_on()
            if time.monotonic() - started > SHUTDOWN_TIMEOUT:
                raise BootError(
                    f"the system did not shut down within {SHUTDOWN_TIMEOUT:.0f} s",
                    evidence=self._console_tail(),
                )
            time.sleep(0.02)
        boot = self.boot_seconds
        self._start()
        self.boot_seconds = boot
        return time.monotonic() - started

    def _command(self, notify: Path) -> list[str]:
        binds = [
            f"--bind{'-ro' if b.read_only else ''}={escaped(b.source)}:{escaped(Path(b.target))}"
            for b in self.binds
        ]
        return [
            "env", f"NOTIFY_SOCKET={notify}", f"PATH={PATH}",
            "systemd-nspawn", "--quiet", f"--directory={self.overlay.mount_point}",
            "--register=no", "--keep-unit", "--private-network", "--notify-ready=yes",
            "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
            "--hostname=debwright", *own_ids.options(self.first_id), *binds,
            *(f"--setenv={k}={v}" for k, v in self.variables.items()),
            *([f"--setenv=LD_PRELOAD=/{PRELOAD}"] if self.preload else []), "--boot",
        ]  # fmt: skip

    def _wait_until_ready(self, ready: "_NotifySocket", started: float) -> None:
        assert self._nspawn is not None
        while not ready.wait(0.25):
            process.go_on()
            if self._nspawn.poll() is not None:
                raise BootError(
                    "the system did not boot: systemd-nspawn ended",
                    evidence=self._console_tail(),
                    fix=Command("debwright", "doctor"),
                )
            if time.monotonic() - started > BOOT_TIMEOUT:
                raise BootError(
                    f"the system did not come up within {BOOT_TIMEOUT:.0f} s",
                    evidence=self._console_tail(),
                )

    def _console_tail(self) -> list[Evidence]:
        lines = self.console.read_text(errors="replace").splitlines()[-8:]
        return [Evidence(text=printable(line), file="console.log") for line in lines]

    def prefix(
        self,
        *,
        cwd: str = "/",
        uid: int | None = None,
        gid: int | None = None,
        network: bool = False,
    ) -> list[str]:
        """The argv prefix that enters the booted system, which never has this machine's network."""
        assert not network
        return enter_bounded(
            self.leader, network=True, user=self.first_id is not None, cwd=cwd, uid=uid, gid=gid
        )

    def run_outside(
        self, script: Path, arguments: Sequence[str], timeout: float, stdin: str | None = None
    ) -> Completed:
        """Run a Python script of debwright's on this machine, in the container's network.

        A Unix socket is opened inside: its path means something else on this machine.
        """
        variables = [f"{k}={v}" for k, v in self.variables.items()]
        relay = [*CLEAN, *variables, *self.prefix(), *RELAY]
        return process.run(
            ["nsenter", f"--target={self.leader}", "--net", "--",
             sys.executable, "-I", "-S", script, *arguments],
            env={SOCKET_RELAY_VARIABLE: json.dumps(relay)},
            timeout=timeout, stdin=stdin, check=False,
        )  # fmt: skip

    def notes(self) -> list[str]:
        shared = [own_ids.NOT_HERE] if self.leader and self.first_id is None else []
        return [QEMU_USER_NOTE, *shared] if self.emulated else shared

    def mark_files(self) -> "OverlayMark":
        return OverlayMark(self.overlay, Snapshot.of(self.overlay.upper))

    def listening(self) -> set[str]:
        return outside.listening(self.leader)

    def unit_memory(self, control_group: str) -> int | None:
        return outside.unit_memory(self.leader, control_group)

    def memory_enforced(self) -> bool:
        return outside.memory_enforced(self.leader)

    def push(self, source: Path, target: str) -> None:
        push_through(self, source, target)


@dataclass(frozen=True)
class OverlayMark:
    """The upper directory at one moment: reading it costs the system nothing."""

    overlay: Throwaway
    before: Snapshot

    def created(self) -> dict[str, Entry]:
        """See FileMark; what the layers below have was there, too."""
        trees = [layer.tree for layer in self.overlay.layer.chain()]
        now = Snapshot.of(self.overlay.upper)
        return {
            path: entry
            for path, entry in now.created_since(self.before).items()
            if not any(os.path.lexists(f"{tree}{path}") for tree in trees)
        }

    def altered(self) -> dict[str, Altered]:
        trees = [layer.tree for layer in self.overlay.layer.chain()]
        found = {}
        for path, entry in Snapshot.of(self.overlay.upper).entries.items():
            before = self.before.entries.get(path)
            was = _below(trees, path) if before is None else before
            if was is None or was.kind == "removed":
                continue
            now = None if entry.kind == "removed" else entry
            if (altered := Altered.between(was, now)) is not None:
                found[path] = altered
        return found

    def rewritten(self) -> set[str]:
        trees = [layer.tree for layer in self.overlay.layer.chain()]
        found = set()
        for path, entry in Snapshot.of(self.overlay.upper).entries.items():
            if entry.kind != "file":
                continue
            was = self.before.entries.get(path) or _below(trees, path)
            # What is copied up for its mode alone keeps its time.
            if was is not None and was.kind == "file" and was.mtime_ns != entry.mtime_ns:
                found.add(path)
        return found


def _below(trees: Sequence[Path], path: str) -> Entry | None:
    """What the topmost layer that has the path has there; overlays mark removals in theirs."""
    for tree in trees:
        try:
            return entry_of(os.lstat(f"{tree}{path}"))
        except OSError:
            continue
    return None


class _NotifySocket:
    """Where nspawn says READY=1 once the container's systemd has started (sd_notify(3))."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.path.unlink(missing_ok=True)
        # The address of a Unix socket holds 108 bytes: longer paths go through a short one.
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._socket.bind(f"/proc/self/fd/{directory}/{self.path.name}")
        finally:
            os.close(directory)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def wait(self, seconds: float) -> bool:
        self._socket.settimeout(seconds)
        try:
            return b"READY=1" in self._socket.recv(4096).split(b"\n")
        except TimeoutError:
            return False


def escaped(path: Path) -> str:
    """The path as systemd-nspawn's --bind= takes it, where a colon separates."""
    return str(path).replace("\\", "\\\\").replace(":", "\\:")


def _init_below(pid: int) -> int:
    """The descendant of `pid` that is process 1 of the innermost pid namespace."""
    waiting, best, depth = [pid], 0, 0
    while waiting:
        current = waiting.pop()
        try:
            status = Path(f"/proc/{current}/status").read_text()
            children = Path(f"/proc/{current}/task/{current}/children").read_text()
        except OSError:
            continue
        waiting += [int(c) for c in children.split()]
        numbers = next(
            (row.split()[1:] for row in status.splitlines() if row.startswith("NSpid:")), []
        )
        if numbers and numbers[-1] == "1" and len(numbers) > depth:
            best, depth = current, len(numbers)
    if not best:
        raise BootError("the booted system's first process cannot be found")
    return best
