"""Where and as whom a build works: the usual place, and others that must make no difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debwright.isolation.namespaces import Namespaces
from debwright.roots.layers import BUILDER_UID

UMASK = 0o022


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Directory, user, host name and the like of a build; the defaults are the usual ones."""

    directory: Path = Path("build")
    """Relative to the root; the source tree and the artifacts are in it."""
    user: str = "builder"
    uid: int = BUILDER_UID
    hostname: str = "debwright"
    umask: int = UMASK
    processors: Sequence[int] = ()
    """Those the build may use; none: all."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set after everything else."""

    def prepare(self, inside: Namespaces) -> None:
        """Make the user and the directory, where they are not the root's own."""
        if self.uid == BUILDER_UID:
            return
        inside.run(
            ["useradd", "--no-create-home", f"--home-dir=/{self.directory}", "--shell=/bin/sh",
             f"--uid={self.uid}", "--user-group", self.user]
        )  # fmt: skip
        inside.run(["install", "-d", "-o", self.user, "-g", self.user, f"/{self.directory}"])

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` as it is run there."""
        words = list(argv)
        if self.processors:
            words = ["taskset", "-c", ",".join(map(str, self.processors)), *words]
        if self.umask != UMASK:
            words = ["sh", "-c", 'umask "$1"; shift; exec "$@"', "sh", f"{self.umask:04o}", *words]
        return words


USUAL = Workplace()
