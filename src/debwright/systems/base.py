"""The seam between checks or builds and the place their commands run in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from debwright.host.process import Completed, LineSink
from debwright.isolation.snapshot import Altered, Entry
from debwright.model.errors import CheckError


class BootError(CheckError):
    """The system did not come up, or did not come back."""


class Sandbox(Protocol):
    """Somewhere commands can run: a chroot, a booted container, a machine."""

    @property
    def kind(self) -> str:
        """`chroot`, `nspawn`, ...: named in reports."""

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        uid: int | None = None,
        gid: int | None = None,
        stdin: str | bytes | None = None,
        timeout: float | None = None,
        sink: LineSink | None = None,
        merge: bool = False,
        check: bool = True,
    ) -> Completed:
        """Run a command inside; CommandError when `check` and the status is not 0."""

    def push(self, source: Path, target: str) -> None:
        """Copy a file of this machine into the sandbox, as root, mode 0644."""

    def pull(self, source: str, target: Path) -> None:
        """Copy a regular file out of the sandbox."""


class FileMark(Protocol):
    """What files a system had at one moment."""

    def created(self) -> dict[str, Entry]:
        """Absolute path to what is there now and was not then."""

    def altered(self) -> dict[str, Altered]:
        """Absolute path to what was there then, and is gone or of another kind, owner or mode."""


class BootedSandbox(Sandbox, Protocol):
    """A running system with systemd as its init: what the live checks need of it, and no more.

    A container of this machine answers from outside, at no cost to the system; one that can only
    be talked to answers by commands (`sandbox/inside.py`).
    """

    @property
    def boot_seconds(self) -> float:
        """How long the system took to come up; 0.0 when it was running before."""

    @property
    def emulated(self) -> bool:
        """Whether the processor is an emulator's: times and memory are not the target's."""

    @property
    def without_init(self) -> str | None:
        """Why systemd does not run there, so that no unit can be looked at; None: it runs."""

    def notes(self) -> list[str]:
        """What a reader must know to judge results from there, such as limits not enforced."""

    def run_outside(self, script: Path, arguments: Sequence[str], timeout: float) -> Completed:
        """Run a Python script of debwright's on this machine; its connections reach the system.

        Seconds for `timeout`. No error for a status other than 0.
        """

    def mark_files(self) -> FileMark:
        """Remember which files there are."""

    def listening(self) -> set[str]:
        """`ADDRESS:PORT/tcp|udp` of every socket of the system that waits for others."""

    def unit_memory(self, control_group: str) -> int | None:
        """Bytes (proportional set size) of a unit's processes; None when they cannot be seen."""

    def memory_enforced(self) -> bool:
        """Whether `MemoryMax=` of a unit has an effect there."""

    def reboot(self) -> float:
        """Shut the system down in order and start it again; seconds until it is up.

        Its files are kept. Raises DebwrightError when it does not come back.
        """


def push_through(sandbox: Sandbox, source: Path, target: str) -> None:
    """Copy by a pipe: no path of this machine is ever resolved below the sandbox's root."""
    sandbox.run(
        ["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod 644 "$1"', "sh", target],
        stdin=source.read_bytes(),
    )
