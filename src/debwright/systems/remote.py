"""A running system that can only be talked to: every question is a command inside it.

What containers of a daemon and machines by ssh have in common; how a command gets there is theirs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from debwright.host import process
from debwright.host.process import CommandError, Completed, LineSink
from debwright.isolation.namespaces import PATH
from debwright.systems import inside
from debwright.systems.base import push_through

ENVIRONMENT = (f"PATH={PATH}", "HOME=/root", "LC_ALL=C.UTF-8")
"""Of every command inside, before the variables it is given."""

GRACE = 30.0
"""Seconds that a command's time limit inside has until its client here is ended, too."""


class Talked(ABC):
    """All of BootedSandbox that can be answered by commands."""

    kind: str

    @abstractmethod
    def command(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        variables: Sequence[str],
        uid: int | None,
        gid: int | None,
        input_follows: bool,
    ) -> list[str]:
        """The argv that runs `argv` inside; `variables` are all of its environment."""

    @abstractmethod
    def relay(self) -> list[str]:
        """The argv that runs inside.RELAY; host and port follow."""

    @abstractmethod
    def ended(self, done: Completed) -> None:
        """Raise when it was not the command that failed but the way to it."""

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
        """See Sandbox. The time limit counts inside: killing a client would not end its command."""
        words = self.command(
            inside.limited(argv, timeout), cwd=cwd, uid=uid,
            gid=uid if gid is None else gid, input_follows=stdin is not None,
            variables=[*ENVIRONMENT, *(f"{k}={v}" for k, v in (env or {}).items())],
        )  # fmt: skip
        done = process.run(
            words, stdin=stdin, timeout=None if timeout is None else timeout + GRACE,
            sink=sink, merge=merge, check=False,
        )  # fmt: skip
        inside.told_time_out(done, argv, timeout)
        self.ended(done)
        if check and done.returncode != 0:
            raise CommandError(done)
        return done

    def run_outside(self, script: Path, arguments: Sequence[str], timeout: float) -> Completed:
        """See BootedSandbox."""
        return inside.run_with_relay(self.relay(), script, arguments, timeout)

    def push(self, source: Path, target: str) -> None:
        """See Sandbox."""
        push_through(self, source, target)

    def pull(self, source: str, target: Path) -> None:
        """See Sandbox."""
        target.write_text(self.run(["cat", source]).output)

    def mark_files(self) -> inside.ListedMark:
        """See BootedSandbox."""
        return inside.ListedMark.make(self)

    def listening(self) -> set[str]:
        """See BootedSandbox."""
        return inside.listening(self)

    def unit_memory(self, control_group: str) -> int | None:
        """See BootedSandbox."""
        return inside.unit_memory(self, control_group)

    def memory_enforced(self) -> bool:
        """See BootedSandbox."""
        return inside.memory_enforced(self)
