"""A machine that is reached by ssh(1): a board on the desk, or a virtual machine.

One connection is made and shared (ssh_config(5), ControlMaster). Its own remote command waits for
its standard input to end, in whatever way debwright ends, and then cleans up on the machine. The
user's ssh configuration counts; host keys are always checked, and nothing is ever asked.
"""

import re
import select
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from debwright.host import process
from debwright.host.process import Completed
from debwright.model.errors import CheckError, DebwrightError, MissingError, UsageError
from debwright.model.fix import Command, Install
from debwright.systems.base import BootError
from debwright.systems.remote import RELAY, STATE, RemoteSandbox, boot_id
from debwright.systems.ssh.trouble import explain, no_sudo

CONNECT_SECONDS = 15
REBOOT_TIMEOUT = 300.0
CLEANER = f"{STATE}/clean"
"""A script that puts the machine back; run with `all` when the connection has ended."""

_URL = re.compile(
    r"ssh://(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})@)?"
    r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)
_READY = "debwright: connected"
_HOLDER = (
    f"echo '{_READY}'; cat >/dev/null; s=; [ \"$(id -u)\" = 0 ] || s='sudo -n'; "
    f"if $s test -e {CLEANER}; then exec $s sh {CLEANER} all; fi"
)


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a machine is; what is None is up to ssh's configuration."""

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Address":
        """`ssh://[USER@]HOST[:PORT]`. Raises UsageError."""
        match = _URL.fullmatch(text)
        port = int(match["port"]) if match and match["port"] else None
        if match is None or (port is not None and not 0 < port < 65536):
            raise UsageError(
                f"`{text}` is not the address of a machine",
                fix="ssh://USER@HOST or ssh://USER@HOST:PORT, as ssh://pi@raspberrypi.local",
            )
        return cls(host=match["host"].strip("[]"), user=match["user"], port=port)

    @property
    def destination(self) -> str:
        return f"{self.user}@{self.host}" if self.user else self.host

    def command(self) -> str:
        """The ssh command a person would type."""
        port = f" -p {self.port}" if self.port else ""
        return f"ssh{port} {self.destination}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"ssh://{user}{host}" + (f":{self.port}" if self.port else "")


@dataclass
class SshSandbox(RemoteSandbox):
    """A context manager: entering connects, leaving cleans the machine and disconnects."""

    address: Address
    config: Path | None = None
    """A file in place of ~/.ssh/config (ssh -F)."""
    prefix: tuple[str, ...] = ()
    """An argv that enters the network in which the machine can be reached."""
    emulated: bool = False
    may_reboot: bool = False
    patience: float = 60.0
    """Seconds until a connection must stand."""
    boot_seconds: float = 0.0
    kind: str = "ssh"
    said: list[str] = field(default_factory=list)
    """Notes on the machine, for the report."""
    _sudo: bool = False
    _directory: Path | None = None
    _master: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    without_init = None

    def __enter__(self) -> Self:
        # The path of a control socket must be short: sockaddr_un holds 108 bytes.
        self._directory = Path(tempfile.mkdtemp(prefix="debwright-ssh-"))
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._hang_up(wait=120)
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def connect(self) -> None:
        """Connect, and find out how root's commands are run. Raises MissingError saying why not."""
        self._hang_up(wait=1)
        self._master = process_start(self._ssh("-M", _HOLDER))
        if not self._ready(self._master):
            said = self._failure(self._master)
            raise explain(self.address.command(), said)
        self._sudo = False
        if self.run(["id", "-u"], timeout=60).output.strip() != "0":
            self._sudo = True
            done = self.run(["true"], check=False, timeout=60)
            if done.returncode != 0:
                raise no_sudo(self.address.command(), done.tail(2))

    def _ssh(self, *arguments: str) -> list[str]:
        assert self._directory is not None
        *flags, command = arguments
        options = (
            "BatchMode=yes", "StrictHostKeyChecking=yes", "ControlPersist=no",
            f"ControlPath={self._directory}/socket", f"ConnectTimeout={CONNECT_SECONDS}",
            "ServerAliveInterval=15", "ServerAliveCountMax=4", "ForwardAgent=no", "ForwardX11=no",
            "ClearAllForwardings=yes", "PermitLocalCommand=no", "RemoteCommand=none",
            "RequestTTY=no", "LogLevel=ERROR",
        )  # fmt: skip
        words = [*self.prefix, "ssh", *flags]
        if self.config is not None:
            words += ["-F", str(self.config)]
        words += [word for option in options for word in ("-o", option)]
        if self.address.port is not None:
            words += ["-p", str(self.address.port)]
        return [*words, "--", self.address.destination, command]

    def _ready(self, master: subprocess.Popen[bytes]) -> bool:
        """Whether the holder has spoken; a login shell's own words may come before."""
        assert master.stdout is not None
        deadline, heard = time.monotonic() + self.patience, b""
        while time.monotonic() < deadline and len(heard) < 64 * 1024:
            process.go_on()
            if not select.select([master.stdout], [], [], 0.25)[0]:
                continue
            chunk = master.stdout.read1(4096)  # type: ignore[attr-defined]
            heard += chunk
            if _READY.encode() in heard:
                return True
            if not chunk:
                return False
        return False

    def _failure(self, master: subprocess.Popen[bytes]) -> str:
        assert master.stderr is not None
        process.kill_group(master.pid)
        master.wait()
        text: str = master.stderr.read(16 * 1024).decode("utf-8", "replace").strip()
        return text or "no answer"

    def _hang_up(self, wait: float) -> None:
        """Close the holder's standard input; it cleans up, which `wait` seconds are given for."""
        master, self._master = self._master, None
        if master is None:
            return
        if master.stdin is not None:
            try:
                master.stdin.close()
            except OSError:
                pass
        try:
            master.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            process.kill_group(master.pid)
            master.wait()
        for stream in (master.stdout, master.stderr):
            if stream is not None:
                stream.close()

    def command(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        variables: Sequence[str],
        uid: int | None,
        gid: int | None,
        input_follows: bool,  # noqa: ARG002 - ssh hands on what there is
    ) -> list[str]:
        words = ["sudo", "-n", "--"] if self._sudo else []
        if uid is not None:
            words += ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--"]
        words += ["env", "-i", f"--chdir={cwd}", *variables, *argv]
        return self._ssh("-T", shlex.join(words))

    def relay(self) -> list[str]:
        """See RemoteSandbox. ssh joins words with spaces, which the remote shell takes apart.

        A socket of the service's may be for its own account only: it is opened as root.
        """
        words = ["sudo", "-n", "--", *RELAY] if self._sudo else RELAY
        return self._ssh("-T", shlex.join(words))

    def ended(self, done: Completed) -> None:
        """A command may end with 255 itself; ssh's own failure takes the connection with it."""
        if done.returncode == 255 and (self._master is None or self._master.poll() is not None):
            raise CheckError(
                "the connection to the machine was lost",
                cause="it was switched off, its network failed, or the package under test broke it",
                fix=self.address.command(),
            )

    def reboot(self) -> float:
        """See BootedSandbox. Refused for a machine that is not debwright's own."""
        if not self.may_reboot:
            raise RebootRefused(
                f"{self.address} is not rebooted: it is not a throw-away machine",
                fix=Command("debwright", "check", "--sandbox", "vm"),
            )
        started, before = time.monotonic(), boot_id(self)
        self.run(["systemctl", "--no-block", "reboot"], check=False, timeout=60)
        while time.monotonic() - started < REBOOT_TIMEOUT:
            process.go_on()
            time.sleep(1)
            try:
                self.connect()
                if boot_id(self) != before:
                    self.wait_until_up()
                    return time.monotonic() - started
            except process.Interrupted:
                raise
            except DebwrightError:
                continue
        raise BootError(f"the machine did not come back within {REBOOT_TIMEOUT:.0f} s")

    def wait_until_up(self) -> None:
        self.run(["systemctl", "is-system-running", "--wait"], check=False, timeout=REBOOT_TIMEOUT)

    def notes(self) -> list[str]:
        return list(self.said)


class RebootRefused(MissingError):
    """The machine belongs to somebody: it is not for a check to restart."""


def process_start(argv: list[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=process.environment(),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise MissingError("ssh is not installed", fix=Install("openssh-client")) from error
