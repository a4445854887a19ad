"""A whole machine under qemu-system: Debian's own kernel boots a disk made of a root's layers.

An arm64 machine has a Cortex-A76, the core of a Raspberry Pi 5. It runs by KVM where this machine
has the same architecture and lets us, and under software emulation otherwise. qemu and the ssh that
reaches the machine live in namespaces of their own, so they end with debwright, however it ends.
"""

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from debwright.host import process
from debwright.isolation.namespaces import Namespaces, Spec
from debwright.model.arch import ARCHITECTURES
from debwright.model.errors import Evidence, MissingError, printable
from debwright.model.fix import Correction, Install
from debwright.systems.base import BootError

SSH_PORT = 2222
"""In the network namespace of qemu, where nothing else listens."""

BOOT_TIMEOUT = 900.0
SHUTDOWN_TIMEOUT = 180.0
MEMORY_MB = 1536

KVM_PATIENCE = 20.0
"""Seconds until the kernel's first line; with KVM that works it takes one."""


def vm_problem(arch: str) -> MissingError | None:
    """Why no machine of `arch` can be started here, with the command that helps."""
    board = ARCHITECTURES[arch].board
    if board is None:
        made = ", ".join(row.name for row in ARCHITECTURES.values() if row.board)
        return MissingError(
            f"debwright knows no virtual machine for {arch}",
            cause=f"it makes them for {made}",
            fix=Correction("nspawn", wrong="vm", option="--sandbox"),
        )
    for program, package in ((_program(arch), board.package), ("mkfs.ext4", "e2fsprogs")):
        if shutil.which(program) is None:
            return MissingError(f"{program} is not installed", fix=Install(package))
    return None


def _program(arch: str) -> str:
    return f"qemu-system-{ARCHITECTURES[arch].qemu}"


def has_kvm() -> bool:
    """Whether the kernel's virtualisation can be used by this user (kvm(4))."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


@dataclass
class VirtualMachine:
    """A context manager: entering starts qemu, leaving waits for the machine to be off."""

    arch: str
    kernel: Path
    initrd: Path
    disk: Path
    directory: Path
    """Where its console is written."""
    accelerated: bool
    prefix: tuple[str, ...] = ()
    """An argv that enters the namespaces it can be reached in."""
    off_by_itself: bool = False
    """Whether it has shut down in order."""
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _qemu: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        outer = self._stack.enter_context(Namespaces(Spec(network=False)))
        self.prefix = tuple(outer.prefix())
        try:
            self._start()
            if self.accelerated and not self._kernel_speaks():
                self._stop()
                self.accelerated = False
                self._start()
        except BaseException:
            self._stop()
            self._stack.close()
            raise
        return self

    def _start(self) -> None:
        with (self.directory / "qemu.log").open("ab") as log:
            self._qemu = subprocess.Popen(
                [*self.prefix, *self.command()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=process.environment(),
                start_new_session=True,
            )  # fmt: skip

    def _stop(self) -> None:
        if self._qemu is not None:
            process.kill_group(self._qemu.pid)
            self._qemu.wait()

    def _kernel_speaks(self) -> bool:
        """Whether the machine really runs: a /dev/kvm may be there whose guests hang at once.

        So it is with some hypervisors that pass the device on without nested virtualisation.
        """
        started = time.monotonic()
        console = self.directory / "console.log"
        while time.monotonic() - started < KVM_PATIENCE:
            process.go_on()
            if self._qemu is None or self._qemu.poll() is not None:
                return False
            if console.exists() and b"Linux version" in console.read_bytes():
                return True
            time.sleep(0.1)
        return False

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.wait_off()
        finally:
            self._stop()
            self._stack.close()

    def command(self) -> list[str]:
        """The qemu command line: a machine with a disk, a network that leads nowhere, a console."""
        board = ARCHITECTURES[self.arch].board
        assert board is not None, "vm_problem has said so"
        accelerator = "kvm" if self.accelerated else "tcg,thread=multi"
        return [
            _program(self.arch), "-nodefaults", "-no-user-config", "-display", "none",
            "-machine", board.machine, "-accel", accelerator,
            "-cpu", "host" if self.accelerated else board.cpu,
            "-smp", str(min(4, os.cpu_count() or 1)), "-m", str(MEMORY_MB),
            "-kernel", str(self.kernel), "-initrd", str(self.initrd),
            "-append", f"root=/dev/vda rw console={board.console} net.ifnames=0",
            "-drive", f"file={_escaped(self.disk)},format=raw,if=none,id=disk,cache=unsafe",
            "-device", "virtio-blk-pci,drive=disk",
            # Nothing goes out; only our ssh comes in.
            "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{SSH_PORT}-:22",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci",
            "-serial", f"file:{self.directory / 'console.log'}",
        ]  # fmt: skip

    def check(self) -> None:
        """Raise BootError when qemu has ended."""
        if self._qemu is not None and self._qemu.poll() is not None:
            raise BootError(
                f"{_program(self.arch)} ended (status {self._qemu.returncode})",
                evidence=self.tail(),
            )

    def wait_off(self) -> None:
        """Wait for the machine, which has been told to power off."""
        started = time.monotonic()
        while self._qemu is not None and time.monotonic() - started < SHUTDOWN_TIMEOUT:
            if self._qemu.poll() is not None:
                self.off_by_itself = self._qemu.returncode == 0
                return
            process.go_on()
            time.sleep(0.1)
        raise BootError(
            f"the virtual machine did not shut down within {SHUTDOWN_TIMEOUT:.0f} s",
            evidence=self.tail(),
        )

    def tail(self) -> list[Evidence]:
        """The last lines of qemu's own output and of the machine's console."""
        found = []
        for name in ("qemu.log", "console.log"):
            try:
                text = (self.directory / name).read_bytes()[-16384:].decode("utf-8", "replace")
            except OSError:
                continue
            lines = [line for line in text.splitlines() if line.strip()]
            found += [Evidence(text=printable(line)[:300], file=name) for line in lines[-8:]]
        return found


def _escaped(path: Path) -> str:
    """For qemu's -drive, whose values end at a comma that is not doubled."""
    return str(path).replace(",", ",,")
