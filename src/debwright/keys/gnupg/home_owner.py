"""A process that owns a GnuPG home and its gpg-agent, and takes both with it when it ends.

It runs apart from debwright (`python -I -S home_owner.py MODE PATH`) and reads requests from
standard input. When that pipe closes, which is what happens however debwright ends, the agent
is killed and a private home is gone. Only the standard library is used, and no thread, so that
it starts in a few milliseconds and `preexec_fn` is safe.

MODE is one of

tmpfs      inside a mount and pid namespace made by unshare(1): the home is on a tmpfs that
           nobody else can see, and the kernel takes it away with the last process.
directory  a 0700 directory below PATH with a locked file `owner`, see `home.heal_stale_homes`.
home       the home PATH belongs to the user. An agent that serves it is used and left alone; else
           its keys are seen from a `directory` with an agent of its own, which no other debwright
           that signs at the same time can use or end.

A request is a line of JSON (`args`, and the sizes of `stdin` and `secret`, null for none)
followed by those bytes; the answer has the same form (`status`, `stdout`, `stderr`). A secret
reaches gpg on a file descriptor of its own, never in an argument or the environment.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

PR_SET_PDEATHSIG = 1
AGENT_START_SECONDS = 10.0
GPG_SECONDS = 120.0
KEPT = ("private-keys-v1.d", "openpgp-revocs.d", "scdaemon.conf")
"""What gpg-agent and gpg need of a home, apart from its keyring and its trustdb. gpg.conf and
gpg-agent.conf are for the user's own work: `armor` there would change what is published."""
# /run has nothing gpg needs, exists everywhere, and without /run/user the agent's socket is
# made in the home itself.
TMPFS_PLACE = Path("/run")
GPG = (
    *("gpg", "--no-options", "--batch", "--no-tty", "--no-autostart"),
    *("--pinentry-mode", "loopback"),
)


class Failed(Exception):
    """The home could not be set up; the text is for the user."""


class Home:
    def __init__(self, mode: str, path: Path) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.hangup = select.poll()
        self.hangup.register(0, 0)
        self.agent: subprocess.Popen[bytes] | None = None
        self.agent_pid: int | None = None
        self.child: subprocess.Popen[bytes] | None = None
        self.private: Path | None = None
        self.owner: BinaryIO | None = None
        self.home = path
        self.rings: list[str] = []
        try:
            if mode == "tmpfs":
                self.home = self.on_tmpfs()
            elif mode == "directory":
                self.home = self.private = self.in_directory(path)
            elif not self.in_use(path):
                self.look_at(path.absolute())
            self.env = self.environment(self.home)
            self.owns_agent = self.start_agent(scdaemon=mode == "home")
        except BaseException:
            self.clean()
            raise

    def on_tmpfs(self) -> Path:
        """Mount a tmpfs; without swap where the kernel can promise it."""
        for options in ("noswap,mode=0700", "mode=0700"):
            argv = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(TMPFS_PLACE)]
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if done.returncode == 0:
                home = TMPFS_PLACE / "gnupg"
                home.mkdir(mode=0o700)
                return home
        raise Failed(done.stderr.decode("utf-8", "replace").strip())

    def in_directory(self, base: Path) -> Path:
        home = Path(tempfile.mkdtemp(prefix=f"debwright-gpg-{os.getuid()}-", dir=base))
        fresh = home / "owner.new"
        self.owner = fresh.open("wb")
        fcntl.flock(self.owner, fcntl.LOCK_EX)
        # Locked before it has its name: whoever sees `owner` unlocked knows this process is gone.
        fresh.rename(home / "owner")
        return home

    @staticmethod
    def environment(home: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": os.environ.get("HOME", "/"),
            "GNUPGHOME": str(home),
            "LC_ALL": "C.UTF-8",
        }

    def in_use(self, path: Path) -> bool:
        """Whether an agent of the user's serves this home, or a keyboxd is to have its keys."""
        keyboxd = path / "common.conf"
        if keyboxd.is_file() and "use-keyboxd" in keyboxd.read_text("utf-8", "replace"):
            return True
        return self.serving(self.address(path)) is not None

    def look_at(self, path: Path) -> None:
        """Make a home with the keys of `path`, in which what is new is written to `path`, too."""
        self.private = self.in_directory(Path(tempfile.gettempdir()))
        self.home = self.private / "home"
        self.home.mkdir(mode=0o700)
        for name in KEPT:
            if name.endswith(".d"):
                with contextlib.suppress(OSError):  # there, or not writable
                    (path / name).mkdir(mode=0o700)
            if (path / name).exists():
                (self.home / name).symlink_to(path / name)
        # As gpg chooses: a pubring.gpg is from before GnuPG 2.1.
        old = (path / "pubring.gpg").exists() and not (path / "pubring.kbx").exists()
        ring = path / ("pubring.gpg" if old else "pubring.kbx")
        self.rings = ["--no-default-keyring", "--keyring", str(ring)]
        self.rings += ["--trustdb-name", str(path / "trustdb.gpg")]

    def address(self, home: Path) -> str:
        """Of the socket of this home's agent."""
        argv = ["gpgconf", "--homedir", str(home), "--list-dirs", "agent-socket"]
        try:
            done = subprocess.run(
                argv, env=self.environment(home), stdin=subprocess.DEVNULL, capture_output=True,
                check=False,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise Failed("gpgconf is not installed") from error
        # gpgconf(1): names are percent-escaped.
        return unquote(done.stdout.decode().strip())

    def die_with_parent(self) -> None:
        self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    def start_agent(self, *, scdaemon: bool) -> bool:
        """Start gpg-agent unless one serves this home already; whether it is ours."""
        address = self.address(self.home)
        self.sockets = Path(address)
        if self.serving(address) is not None:
            return False
        agent = ["gpg-agent", "--homedir", str(self.home), "--daemon", "--no-detach", "--quiet"]
        agent.append("--allow-loopback-pinentry")
        agent += [] if scdaemon else ["--disable-scdaemon"]
        log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the agent
        # gpg-agent always forks. Given a command, it ends when that does, and the command ends
        # with this process: so not even SIGKILL for this process leaves an agent behind.
        self.agent = subprocess.Popen(
            [*agent, "--", "sleep", "infinity"],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=self.die_with_parent,  # noqa: PLW1509 - this process has one thread
        )
        deadline = time.monotonic() + AGENT_START_SECONDS
        while (pid := self.serving(address)) is None:
            if self.agent.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                said = log.read(2000).decode("utf-8", "replace").strip()
                raise Failed(f"gpg-agent did not start: {said}")
            self.wait_or_leave(0.002)
        if self.private is None and self.home != TMPFS_PLACE / "gnupg":
            # In the user's home another one may have been first: that is not ours to end.
            return self.is_ours(pid)
        self.agent_pid = pid
        return True

    def is_ours(self, pid: int) -> bool:
        assert self.agent is not None
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        if int(status.rpartition(")")[2].split()[1]) != self.agent.pid:
            return False
        self.agent_pid = pid
        return True

    @staticmethod
    def serving(address: str) -> int | None:
        """The pid of the agent that answers at `address` (libassuan's protocol)."""
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(AGENT_START_SECONDS)
            try:
                agent.connect(address)
                with agent.makefile("rwb") as stream:
                    stream.readline()  # the greeting
                    stream.write(b"GETINFO pid\n")
                    stream.flush()
                    return int(stream.readline().removeprefix(b"D "))
            except (OSError, ValueError):
                return None

    def wait_or_leave(self, seconds: float) -> None:
        """Sleep, unless debwright is gone: then clean up and end."""
        if any(event & select.POLLHUP for _, event in self.hangup.poll(seconds * 1000)):
            self.clean()
            os._exit(0)

    def gpg(
        self, args: list[str], stdin: bytes | None, secret: bytes | None
    ) -> tuple[int, bytes, bytes]:
        """Run gpg; files in memory instead of pipes, so that nobody can block on a full one."""
        with contextlib.ExitStack() as stack:
            source, out, err = (
                stack.enter_context(os.fdopen(os.memfd_create(name), "w+b"))
                for name in ("stdin", "stdout", "stderr")
            )
            source.write(stdin or b"")
            source.seek(0)
            command = [*GPG, "--homedir", str(self.home), *self.rings]
            fds = []
            if secret is not None:
                passphrase = stack.enter_context(os.fdopen(os.memfd_create("secret"), "w+b"))
                passphrase.write(secret)
                passphrase.seek(0)
                fds.append(passphrase.fileno())
                command += ["--passphrase-fd", str(passphrase.fileno())]
            self.child = child = subprocess.Popen(
                [*command, *args],
                env=self.env,
                stdin=source,
                stdout=out,
                stderr=err,
                pass_fds=fds,
                preexec_fn=self.die_with_parent,  # noqa: PLW1509
            )
            deadline = time.monotonic() + GPG_SECONDS
            while child.poll() is None:
                if time.monotonic() > deadline:
                    child.kill()
                self.wait_or_leave(0.002)
            out.seek(0)
            err.seek(0)
            return child.returncode, out.read(), err.read()

    def clean(self) -> None:
        """Kill what was started here and remove a private home; never raises."""
        if self.child is not None:
            # A gpg at work would put files into the home while it is being removed.
            self.child.kill()
            self.child.wait()
        if self.agent_pid is not None:
            with contextlib.suppress(OSError):
                os.kill(self.agent_pid, signal.SIGKILL)
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait()
        if self.agent_pid is not None:
            # A killed agent cannot take its sockets away itself; they may be below /run/user.
            for name in self.sockets.parent.glob(f"{self.sockets.name}*"):
                with contextlib.suppress(OSError):
                    name.unlink()
            if self.private is not None and self.sockets.parent.name.startswith("d."):
                with contextlib.suppress(OSError):
                    self.sockets.parent.rmdir()
        if self.private is not None:
            # The agent is no child of this process: how long it takes to die is not known.
            deadline = time.monotonic() + AGENT_START_SECONDS
            while self.private.exists() and time.monotonic() < deadline:
                shutil.rmtree(self.private, ignore_errors=True)


def send(header: dict[str, Any], *parts: bytes) -> None:
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + b"".join(parts))
    sys.stdout.buffer.flush()


def serve(owned: Home) -> None:
    # Unbuffered: what has been read must not hide from poll().
    with os.fdopen(0, "rb", buffering=0, closefd=False) as requests:
        while line := requests.readline():
            header = json.loads(line)
            stdin, secret = (
                None if header[k] is None else read_exactly(requests, header[k])
                for k in ("stdin", "secret")
            )
            try:
                status, out, err = owned.gpg(header["args"], stdin, secret)
            except FileNotFoundError:
                status, out, err = 127, b"", b"gpg is not installed"
            send({"status": status, "stdout": len(out), "stderr": len(err)}, out, err)


def read_exactly(stream: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = stream.read(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def main() -> int:
    mode, path = sys.argv[1], Path(sys.argv[2])
    try:
        owned = Home(mode, path)
    except (Failed, OSError) as error:
        send({"failed": str(error)})
        return 1
    try:
        send({"home": str(path if mode == "home" else owned.home), "owns_agent": owned.owns_agent})
        serve(owned)
    except (EOFError, BrokenPipeError):
        pass  # debwright ended in the middle of a request
    finally:
        owned.clean()
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
