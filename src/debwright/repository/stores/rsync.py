"""Any host that ssh reaches, by rsync."""

import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from debwright.config import LoadedConfig
from debwright.config import values as v
from debwright.host.process import CommandError, Completed, run
from debwright.model.errors import DebwrightError, MissingError
from debwright.model.fix import Install
from debwright.repository.store import TOP_FILES
from debwright.repository.stores.base import FOREIGN, Store, StoreTable, is_foreign
from debwright.repository.stores.tree import PLACES, RECORD, Step, Tree, linked

_NO_SUCH_FILE = 23
"""rsync's exit code for files that could not be transferred, as when there are none."""
_FLAGS = ("--recursive", "--times", "--chmod=D755,F644", "--links", "--delay-updates")


# What may be deleted; everything else in the directory is somebody else's.
_OURS = (
    *(f"--filter=R /{name}" for name in (*PLACES, "*.sources")),
    "--filter=P /*",
    "--exclude=/.*",
)


def _refuse_odd(value: str) -> str:
    host, colon, path = value.partition(":")
    if not colon or not path.startswith("/") or host.startswith("-") or not host or "/" in host:
        raise v.refused(
            f"{v.quoted(value)} is not a place for rsync",
            expected="HOST:/PATH or USER@HOST:/PATH, as web@packages.example.org:/srv/apt",
        )
    return value


class Rsync(StoreTable, table="repository.rsync", optional=True):
    """A directory on a host that ssh reaches."""

    pulled = 5

    to: Annotated[v.Line, AfterValidator(_refuse_odd)] = Field(description="USER@HOST:/PATH.")
    port: int | None = Field(None, ge=1, le=65535, description="The ssh port.")
    identity: v.Line | None = Field(
        None, description="File with the ssh key, relative to this file; default: ssh's own."
    )
    known_hosts: v.Line | None = Field(
        None, description="File with the host's key, relative to this file; default: ssh's own."
    )

    def open(self, loaded: LoadedConfig) -> Store:
        identity, known = self.identity, self.known_hosts
        return RsyncStore(
            self.to,
            port=self.port,
            identity=loaded.resolve(identity) if identity else None,
            known_hosts=loaded.resolve(known) if known else None,
        )


class RsyncStore:
    """A directory on a host. Four transfers, in the order in which readers need the files."""

    def __init__(
        self, to: str, *, port: int | None = None, identity: Path | None = None,
        known_hosts: Path | None = None,
    ) -> None:  # fmt: skip
        self._to = to.rstrip("/") + "/"
        ssh = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=20"]
        if port is not None:
            ssh += ["-p", str(port)]
        if identity is not None:
            ssh += ["-i", str(identity), "-oIdentitiesOnly=yes"]
        if known_hosts is not None:
            ssh.append(f"-oUserKnownHostsFile={known_hosts}")
        self._ssh = shlex.join(ssh)

    @property
    def name(self) -> str:
        return self._to

    def record(self) -> bytes | None:
        with tempfile.TemporaryDirectory(prefix="debwright-rsync-") as work:
            done = self._rsync(["--times", self._to + RECORD, work + "/"], check=False)
            if done.returncode == 0:
                return (Path(work) / RECORD).read_bytes()
            if done.returncode == _NO_SUCH_FILE and "No such file" in done.error:
                return FOREIGN if is_foreign(self._names()) else None
            raise self._refused(CommandError(done))

    def push(self, tree: Tree) -> int:
        with linked(tree) as site:
            for step in Step:
                if step in (Step.STATE, Step.INDEX):
                    tree.go_ahead()
                names = "".join(f"{i.path}\n" for i in tree.items if i.step is step)
                argv = [*_FLAGS, "--files-from=-", "--mkpath", f"{site}/", self._to]
                self._rsync(argv, stdin=names)
            # Last, what nothing names any more.
            self._rsync([*_FLAGS, "--delete-after", *_OURS, f"{site}/", self._to])
        return len(tree.items)

    def fetch(self, target: Path) -> None:
        ours = [f"--filter=+ /{name}" for name in (*PLACES, *TOP_FILES, "*.sources")]
        options = ["--recursive", "--times", *ours, "--filter=- /*"]
        self._rsync([*options, self._to, str(target) + "/"])

    def _names(self) -> set[str]:
        """What is in the directory."""
        done = self._rsync(["--list-only", self._to], check=False)
        return {line.rsplit(maxsplit=1)[-1] for line in done.output.splitlines() if line.strip()}

    def _rsync(
        self, arguments: list[str], *, stdin: str | None = None, check: bool = True
    ) -> Completed:
        if shutil.which("rsync") is None:
            raise MissingError("rsync is not installed", fix=Install("rsync"))
        argv = ["rsync", "--rsh", self._ssh, *arguments]
        try:
            return run(argv, stdin=stdin, env={"LC_ALL": "C"}, check=check)
        except CommandError as error:
            raise self._refused(error) from error

    def _refused(self, error: CommandError) -> DebwrightError:
        host = self._to.partition(":")[0]
        return DebwrightError(
            f"rsync could not work on {self._to}",
            evidence=error.evidence,
            cause="the host does not answer, does not know this user's key, is not in known_hosts, "
            "has no rsync, or its directory is not writable",
            fix=f"{self._ssh} {shlex.quote(host)} true",
        )
