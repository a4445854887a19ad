"""The seam between checks or builds and the place their commands run in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from debwright.process import Completed, LineSink


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


def push_through(sandbox: Sandbox, source: Path, target: str) -> None:
    """Copy by a pipe: no path of this machine is ever resolved below the sandbox's root."""
    sandbox.run(
        ["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod 644 "$1"', "sh", target],
        stdin=source.read_bytes(),
    )
