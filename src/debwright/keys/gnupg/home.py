"""GnuPG homes: the user's own, or a private one that cannot outlive debwright.

See `home_owner` for who really owns a home and why killing debwright leaves nothing behind.
"""

import fcntl
import json
import os
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.host.process import helper_environment
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.fix import Command, Install

OWNER = Path(__file__).with_name("home_owner.py")
START_SECONDS = 20.0
STOP_SECONDS = 5.0
UNOWNED_SECONDS = 60.0
"""A private home without an owner file may just be in the making: leave it that long."""

NAMESPACE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
USER_NAMESPACE = ("unshare", "--user", "--map-root-user", *NAMESPACE[1:])


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What gpg said. `error` holds messages and, with `--status-fd 2`, status lines."""

    status: int
    output: bytes
    error: str


class GnupgHome:
    """A running owner of a home; `call` runs gpg in its home. Close it, or use it in `with`."""

    def __init__(self, process: subprocess.Popen[bytes], hello: dict[str, Any], kind: str) -> None:
        self._process = process
        self._lock = threading.Lock()
        self.path = Path(hello["home"])
        self.owns_agent: bool = hello["owns_agent"]
        self.kind = kind
        """`namespace`, `directory` or `home`: where the keys are."""

    def call(
        self, args: Sequence[str], *, stdin: bytes | None = None, secret: bytes | None = None
    ) -> Answer:
        """Run gpg with `args`; `secret` becomes its --passphrase-fd. Any exit status is returned.

        Raises DebwrightError when its owner is gone.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        sizes = {
            k: None if v is None else len(v) for k, v in (("stdin", stdin), ("secret", secret))
        }
        request = json.dumps({"args": list(args), **sizes}).encode() + b"\n"
        with self._lock:
            try:
                process.stdin.write(request + (stdin or b"") + (secret or b""))
                process.stdin.flush()
                header = json.loads(process.stdout.readline())
                output = process.stdout.read(header["stdout"])
                error = process.stdout.read(header["stderr"]).decode("utf-8", "replace")
            except (OSError, ValueError) as problem:
                raise DebwrightError(
                    "the process that holds the signing key has ended",
                    cause="it was killed, or the machine ran out of memory",
                    fix="run the same command again",
                ) from problem
        if header["status"] == 127:
            raise gpg_missing()
        return Answer(status=header["status"], output=output, error=error)

    def close(self) -> None:
        """Let the owner clean up; kill it if it does not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it is gone already
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> "GnupgHome":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_home(path: Path) -> GnupgHome:
    """The user's home at `path`, with their running agent if there is one, without their gpg.conf.

    Raises MissingError when gpg is not installed or the directory is not there.
    """
    if not path.is_dir():
        raise MissingError(
            f"the GnuPG home {path} is not a directory",
            cause="GNUPGHOME or the signing key's `home` names another place",
            fix=Command("gpg", "--list-secret-keys"),
        )
    home, reason = _start((), "home", path, "home")
    if home is None:
        raise DebwrightError(
            f"gpg cannot be used with the home {path}", evidence=[Evidence(text=reason)]
        )
    return home


def private_home() -> GnupgHome:
    """A fresh home in memory that is gone when debwright ends, however it ends.

    In a namespace of its own where this machine allows it, else in a directory on tmpfs that
    its owner removes. Raises MissingError when gpg is not installed or there is no tmpfs.
    """
    heal_stale_homes()
    prefix = NAMESPACE if os.geteuid() == 0 else USER_NAMESPACE
    home, _ = _start(prefix, "tmpfs", Path("/"), "namespace")
    return home if home is not None else directory_home()


def directory_home() -> GnupgHome:
    """`private_home` without namespaces."""
    places = tmpfs_places()
    if not places:
        raise MissingError(
            "there is no tmpfs to make a throw-away signing key in",
            cause="nothing is mounted on /dev/shm, and namespaces are not allowed here",
            fix="mount -t tmpfs -o mode=1777 tmpfs /dev/shm",
        )
    home, reason = _start((), "directory", places[0], "directory")
    if home is None:
        raise DebwrightError(
            "a throw-away GnuPG home could not be made", evidence=[Evidence(text=reason)]
        )
    return home


def heal_stale_homes() -> list[Path]:
    """Remove private homes whose owner was killed; the directories removed.

    The owner holds a lock on `owner` for as long as it lives, so a lock that can be had is
    the proof that nobody uses the home.
    """
    healed = []
    for place in {*tmpfs_places(), Path(tempfile.gettempdir())}:
        for home in sorted(place.glob(f"debwright-gpg-{os.getuid()}-*")):
            info = home.lstat()
            if stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and _abandoned(home, info):
                shutil.rmtree(home, ignore_errors=True)
                healed.append(home)
    return healed


def _abandoned(home: Path, info: os.stat_result) -> bool:
    try:
        with (home / "owner").open("rb") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return time.time() - info.st_mtime > UNOWNED_SECONDS
    except OSError:
        return False


def tmpfs_places() -> list[Path]:
    """Directories in memory that this user may write to, best first."""
    candidates = [Path("/dev/shm")]  # noqa: S108 - homes are made there by mkdtemp, 0700
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(runtime))
    return [p for p in candidates if os.access(p, os.W_OK | os.X_OK) and _in_memory(p)]


def _in_memory(path: Path) -> bool:
    """Whether the file system of `path` is a tmpfs (proc(5), mountinfo)."""
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return False
    for line in mounts:
        before, _, after = line.partition(" - ")
        if before.split()[2] == number:
            return after.split()[0] in ("tmpfs", "ramfs")
    return False


def _start(prefix: Sequence[str], mode: str, path: Path, kind: str) -> tuple[GnupgHome | None, str]:
    """Start the owner of a home; None and the reason when it could not set its home up."""
    if shutil.which("gpg") is None or shutil.which("gpg-agent") is None:
        raise gpg_missing()
    argv = [*prefix, sys.executable, "-I", "-S", str(OWNER), mode, str(path)]
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=helper_environment(),
            # Ctrl-C on the terminal is for debwright, which then closes the pipe.
            start_new_session=True,
        )
    except FileNotFoundError:
        return None, f"{argv[0]} is not installed"
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if ready else b""
        hello = json.loads(line) if line else {"failed": f"{argv[0]} did not start"}
        if "failed" not in hello:
            return GnupgHome(process, hello, kind), ""
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.stdin.close()
    process.kill()
    process.wait()
    process.stdout.close()
    return None, str(hello["failed"])


def gpg_missing() -> MissingError:
    return MissingError(
        "gpg is not installed",
        cause="packages and repositories are signed with GnuPG",
        fix=Install("gpg", "gpg-agent"),
    )
