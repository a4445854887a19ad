"""What a system is: to commands that run in it, to the checks, and to who opens it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from debwright.config import Config
from debwright.host.process import Completed, LineSink
from debwright.isolation.snapshot import Altered, Entry
from debwright.model.errors import CheckError, MissingError
from debwright.model.targets import Target
from debwright.packages.debs import Deb
from debwright.roots.layers import Roots
from debwright.roots.store import Layer
from debwright.systems.runtime import LOCAL_ONLY, runtime_layer


class BootError(CheckError):
    """The system did not come up, or did not come back."""


class CleaningError(CheckError):
    """Something of the check is still on a machine that is not debwright's own."""


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


def push_through(sandbox: Sandbox, source: Path, target: str) -> None:
    """Copy by a pipe: no path of this machine is ever resolved below the sandbox's root."""
    sandbox.run(
        ["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod 644 "$1"', "sh", target],
        stdin=source.read_bytes(),
    )


class FileMark(Protocol):
    """What files a system had at one moment."""

    def created(self) -> dict[str, Entry]:
        """Absolute path to what is there now and was not then."""

    def altered(self) -> dict[str, Altered]:
        """Absolute path to what was there then, and is gone or of another kind, owner or mode."""

    def rewritten(self) -> set[str]:
        """Absolute paths of regular files that were there then, and have been written to since."""


class BootedSandbox(Sandbox, Protocol):
    """A running system with systemd as its init: what the live checks need of it, and no more.

    A container of this machine answers from outside, at no cost to the system; one that answers
    by commands only is a RemoteSandbox (remote.py).
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

    def run_outside(
        self, script: Path, arguments: Sequence[str], timeout: float, stdin: str | None = None
    ) -> Completed:
        """Run a Python script of debwright's on this machine; its connections reach the system.

        Seconds for `timeout`. What is secret belongs to `stdin`. No error for a status that is
        not 0.
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


class Subject(Protocol):
    """What is brought to a system, and what a system needs to know for that."""

    @property
    def target(self) -> Target: ...
    @property
    def host_arch(self) -> str:
        """This machine's architecture."""

    @property
    def emulated(self) -> bool: ...
    @property
    def config(self) -> Config: ...
    @property
    def roots(self) -> Roots: ...
    @property
    def installable(self) -> Sequence[Deb]:
        """Packages a user would install."""

    @property
    def companions(self) -> Sequence[Deb]:
        """Packages that are at hand when these are installed."""

    @property
    def relations(self) -> str | None:
        """A dependency field to satisfy, instead of all that a user would install."""

    @property
    def log(self) -> LineSink: ...
    @property
    def activity(self) -> Callable[[str], None]:
        """Takes what is being done now, in a few words."""


@dataclass(frozen=True, kw_only=True)
class AptSources:
    """Options that say which package lists apt-get reads, for `update` and for all else."""

    update: tuple[str, ...] = LOCAL_ONLY
    other: tuple[str, ...] = LOCAL_ONLY


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A system that runs, to which the packages can be brought by apt from `sources`."""

    system: BootedSandbox
    layer: Layer | None = None
    """The root with the packages' dependencies; None on a machine that has its own."""
    sources: AptSources = AptSources()


Open = Callable[[ExitStack], Opened]
"""Starts a system; whatever must be ended or removed afterwards goes onto the stack."""


class System(ABC):
    """A kind of place for live checks: a clean root that is booted here, or something else.

    It proves first that the packages' dependencies can be had there, and then starts a system to
    which the packages can be brought.
    """

    any_target: ClassVar[bool] = True
    """Whether it can be a system of any target."""
    two_at_once: ClassVar[bool] = False
    """Whether two systems of a target can be open at once."""
    own_kernel: ClassVar[bool] = False
    """Whether the system has a kernel of its own, which its root may do anything to."""
    own_root: ClassVar[bool] = True
    """Whether it is made of a root of debwright's, in which programs of the target run here."""

    def __str__(self) -> str:
        return self.kind

    @property
    @abstractmethod
    def kind(self) -> str:
        """`nspawn`, `docker`, `ssh`, `vm`: as in reports."""

    def unavailable(self) -> MissingError | None:
        """Why nothing can be booted here by this user, though dependencies can be resolved."""
        return None

    def begins_with(self, _: Config, roots: Roots, target: Target, /) -> str | None:
        """The id of the layer that a system of `target` begins with; None while there is none."""
        base = roots.store.find(roots.base_request(target))[0]
        return base.id if base else None

    def targets_there(self, _: Sequence[str], /) -> Sequence[str]:
        """Of the configured targets those to check where none is named; empty: all of them."""
        return ()

    def boot_layer(self, _: Subject, /) -> Layer | None:
        """The bootable root to begin with, where it is another than the usual one."""
        return None

    def layer(self, subject: Subject, /) -> Layer | None:
        """The root with the packages' dependencies; None on a machine that has its own.

        Raises what `prepare` does.
        """
        return runtime_layer(
            subject.roots, subject.target, subject.installable, subject.log,
            companions=subject.companions, boot=self.boot_layer(subject),
            relations=subject.relations,
        )  # fmt: skip

    @abstractmethod
    def prepare(self, subject: Subject, stack: ExitStack, /) -> Open:
        """Resolve the dependencies. What must last until the checks are done goes onto `stack`.

        Raises UnsatisfiableDependencies, MaintainerScriptError (of a dependency), and MissingError
        when the system itself cannot be had.
        """
