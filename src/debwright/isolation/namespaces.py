"""Throw-away Linux namespaces: start them, run commands in them, end them.

Works as root, and as an ordinary user where user namespaces and subordinate ids are allowed
(user_namespaces(7), subuid(5)).
"""

import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from debwright.host import process
from debwright.host.machine import host_arch
from debwright.host.process import Completed, LineSink
from debwright.isolation import bounds
from debwright.isolation.emulation import steady_addresses
from debwright.model.arch import ARCHITECTURES
from debwright.model.errors import Evidence, MissingError
from debwright.model.fix import Install

ENTER = Path(__file__).with_name("enter.pl")
PACKAGES = Path(__file__).parents[2]
HOLDER = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from debwright.isolation import holder; holder.main()"
)
"""The program of process 1. Nothing but debwright and the standard library is on its path."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CLEAN = ("env", "-i", f"PATH={PATH}", "HOME=/root", "LC_ALL=C.UTF-8")
"""Before a command's prefix: nothing of this machine's environment goes inside."""


@dataclass(frozen=True, kw_only=True)
class Bind:
    """A path of this machine made visible in a sandbox."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class OverlayMount:
    """Layers, top first, and where changes go (overlayfs)."""

    lower: Sequence[Path]
    upper: Path
    work: Path


@dataclass(frozen=True, kw_only=True)
class Submount:
    """An overlay at a directory inside the root."""

    target: str
    overlay: OverlayMount


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What the namespaces look like. Without `root` they show this machine's own files."""

    root: Path | None = None
    overlay: OverlayMount | None = None
    pivot: bool = True
    """Whether `root` is what is entered; else the commands are this machine's, and see it."""
    bounded: bool = True
    """Whether the root is of others: see `bounds`. Else it is a machine that plays this one."""
    network: bool = False
    """Whether commands may ask for this machine's network; those in an unbounded root have it."""
    binds: Sequence[Bind] = ()
    submounts: Sequence[Submount] = ()
    tmpfs: Sequence[str] = ()
    hostname: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    """For every command, beyond the clean environment."""
    emulated: bool = False
    """Whether qemu-user runs its commands."""


def is_root() -> bool:
    return os.geteuid() == 0


def overlay_options() -> list[str]:
    """Options for a throw-away overlay.

    `volatile` makes fsync do nothing (overlayfs, "Volatile mount"): dpkg's thousands of them are
    most of an installation's time, and what they protect is thrown away anyway.
    """
    if is_root():
        return ["volatile", "index=off", "metacopy=off", "redirect_dir=off"]
    return ["volatile", "userxattr"]


class Entered(ABC):
    """Commands run behind an argv prefix that enters a sandbox: what every kind has in common."""

    @property
    @abstractmethod
    def variables(self) -> Mapping[str, str]:
        """What every command's environment has beyond the clean one; never a project's words."""

    @property
    def is_emulated(self) -> bool:
        """Whether qemu-user runs its commands."""
        return False

    @abstractmethod
    def prefix(
        self,
        *,
        cwd: str = "/",
        uid: int | None = None,
        gid: int | None = None,
        network: bool = False,
    ) -> list[str]:
        """The argv prefix that enters the sandbox: a person can paste it.

        With `network` the command stays in this machine's network. That is for what is trusted to
        fetch, and never for what was fetched.
        """

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
        network: bool = False,
    ) -> Completed:
        """Run a command inside, with a clean environment plus `env`; see process.run.

        `network` is as for `prefix`.
        """
        return process.run(
            [*CLEAN, *(f"{k}={v}" for k, v in self.variables.items()),
             *(steady_addresses() if self.is_emulated else ()),
             *self.prefix(cwd=cwd, uid=uid, gid=gid, network=network),
             *inner_environment(env), *argv],
            stdin=stdin,
            timeout=timeout,
            sink=sink,
            merge=merge,
            check=check,
        )  # fmt: skip


@dataclass
class Namespaces(Entered):
    """A running set of namespaces. A context manager: leaving it ends everything inside."""

    spec: Spec
    pid: int = 0
    shifted: bool = False
    """Whether root inside is nobody on this machine."""
    first_id: int | None = None
    """What its number is here, then."""
    _holder: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def variables(self) -> Mapping[str, str]:
        return self.spec.variables

    @property
    def is_emulated(self) -> bool:
        return self.spec.emulated

    def __enter__(self) -> Self:
        flags = ["--mount", "--pid", "--fork", "--ipc", "--uts", "--kill-child"]
        if self._own_network:
            flags.append("--net")
        if not is_root():
            flags += ["--user", "--map-root-user", "--map-auto"]
        try:
            self._holder = subprocess.Popen(
                ["unshare", *flags, "--", sys.executable, "-I", "-S", "-c", HOLDER, str(PACKAGES)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # It is process 1 inside: /proc/1/environ is there for whoever is root inside.
                env=process.helper_environment(),
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise MissingError("unshare is not installed", fix=Install("util-linux")) from error
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        try:
            self._holder.stdin.write(json.dumps(self._message()).encode() + b"\n")
            self._holder.stdin.flush()
        except BrokenPipeError:
            pass  # it says why below
        answer = self._holder.stdout.readline()
        try:
            said = json.loads(answer)
            self.pid, self.shifted = int(said["ready"]), bool(said["shifted"])
        except (ValueError, KeyError):
            error_text = self._failure(answer)
            self.close()
            raise self._cannot(error_text) from None
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        holder, self._holder = self._holder, None
        if holder is None:
            return
        # Process 1 ends when its standard input closes, and the kernel lets it go only when every
        # other process inside is gone: after the wait nothing of the sandbox is left.
        if holder.stdin is not None:
            try:
                holder.stdin.close()
            except BrokenPipeError:
                pass
        try:
            holder.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill_group(holder.pid)
            holder.wait()
        for stream in (holder.stdin, holder.stdout, holder.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass

    def prefix(
        self,
        *,
        cwd: str = "/",
        uid: int | None = None,
        gid: int | None = None,
        network: bool = False,
    ) -> list[str]:
        """See Entered."""
        user = not is_root()
        if self._inside:
            assert self.spec.network or not network
            return enter_bounded(
                self.pid, network=not network, user=self.shifted or user, cwd=cwd, uid=uid, gid=gid
            )
        return enter(self.pid, network=self._own_network, user=user, cwd=cwd, uid=uid, gid=gid)

    @property
    def _inside(self) -> bool:
        """Whether commands are of a root of others, and not this machine's."""
        return self.spec.root is not None and self.spec.pivot and self.spec.bounded

    @property
    def _own_network(self) -> bool:
        # This machine's, an ordinary user may not even enter again.
        return self._inside or not self.spec.network

    def _message(self) -> dict[str, Any]:
        spec = self.spec
        if is_root() and spec.root is not None and spec.bounded:
            self.first_id = bounds.first_id()
        message: dict[str, Any] = {
            "root": str(spec.root) if spec.root else None,
            "pivot": spec.root is not None and spec.pivot,
            "bounded": self._inside,
            "as_root": is_root(),
            "first_id": self.first_id,
            "kept": bounds.KEPT,
            "kept_unshifted": bounds.KEPT_UNSHIFTED,
            "filter": bounds.program().hex() if self._inside else "",
            "pivot_root": ARCHITECTURES[host_arch()].pivot_root,
            "loopback": self._own_network,
            "hostname": spec.hostname,
            "tmpfs": list(spec.tmpfs),
            "binds": [
                {"source": str(b.source), "target": b.target, "read_only": b.read_only}
                for b in spec.binds
            ],
        }
        if spec.overlay is not None:
            message["overlay"] = _overlay_message(spec.overlay)
        message["submounts"] = [
            {"target": s.target, "overlay": _overlay_message(s.overlay)} for s in spec.submounts
        ]
        return message

    def _failure(self, answer: bytes) -> str:
        try:
            said = json.loads(answer)
            return f"{said['error']}: {said['path']}"
        except (ValueError, KeyError):
            assert self._holder is not None
            assert self._holder.stderr is not None
            self._holder.wait()
            return self._holder.stderr.read(4096).decode("utf-8", "replace").strip() or "no answer"

    def _cannot(self, text: str) -> MissingError:
        cause = "the kernel or a container around debwright does not allow new namespaces"
        fix = "run it with sudo, or in a privileged container; `debwright doctor` says more"
        if not is_root():
            cause = "user namespaces are switched off, or there are no subordinate ids (subuid(5))"
        return MissingError(
            "a sandbox could not be set up", evidence=[Evidence(text=text)], cause=cause, fix=fix
        )


def _overlay_message(overlay: OverlayMount) -> dict[str, Any]:
    return {
        "lower": [str(p) for p in overlay.lower],
        "upper": str(overlay.upper),
        "work": str(overlay.work),
        "options": overlay_options(),
    }


def inner_environment(env: Mapping[str, str] | None) -> list[str]:
    """Behind a command's prefix: sets variables once inside.

    They may come from a project's configuration. LD_PRELOAD and its like, set before, would load a
    file of the project into nsenter, which runs on this machine and as root.
    """
    return ["env", *(f"{k}={v}" for k, v in env.items())] if env else []


def enter(
    pid: int,
    *,
    network: bool,
    user: bool,
    cwd: str = "/",
    uid: int | None = None,
    gid: int | None = None,
) -> list[str]:
    """The nsenter(1) command that joins the namespaces of `pid`."""
    words = ["nsenter", f"--target={pid}", "--mount", "--pid", "--ipc", "--uts"]
    if network:
        words.append("--net")
    if user:
        words.append("--user")
    if uid is not None:
        words += [f"--setuid={uid}", f"--setgid={gid if gid is not None else uid}"]
    return [*words, f"--wdns={cwd}", "--"]


def enter_bounded(
    pid: int,
    *,
    network: bool,
    user: bool,
    cwd: str = "/",
    uid: int | None = None,
    gid: int | None = None,
) -> list[str]:
    """The command that joins the namespaces of `pid` and takes on its bounds: see enter.pl.

    For whatever a package, a project or an archive brings.
    """
    spaces = ["mnt", "pid", "ipc", "uts"]
    if network:
        spaces.append("net")
    # Root gives its rights up last; who has none gets them first (setns(2)).
    spaces = [*spaces, "user"] if user and is_root() else [*(["user"] if user else ()), *spaces]
    numbers = ",".join(str(bounds.call_number(name)) for name in _CALLS)
    words = ["perl", str(ENTER), f"--target={pid}", f"--namespaces={','.join(spaces)}",
             f"--calls={numbers}", f"--filter={bounds.program_file()}"]  # fmt: skip
    if uid is not None:
        words += [f"--setuid={uid}", f"--setgid={gid if gid is not None else uid}"]
    return [*words, f"--wdns={cwd}", "--"]


_CALLS = ("setns", "prctl", "seccomp", "keyctl")
