"""What there is on this machine for an escape to find, and a look at it before and after."""

import ctypes
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KIT = Path(__file__).with_name("kit.pl")
_KERNEL_FILES = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/sysrq",
    "/proc/sys/kernel/hostname",
    "/sys/kernel/uevent_helper",
)
_SESSION_KEYRING = -3
_ADD_KEY = {"x86_64": 248, "aarch64": 217}


@dataclass(frozen=True)
class Attempt:
    """One line of the kit's."""

    name: str
    outcome: str
    """`refused`, `ESCAPED`, or `absent`: there was nothing to try it on."""
    why: str


@dataclass(frozen=True)
class Bait:
    """Things of this machine, by the kit's words."""

    words: tuple[str, ...]


def attempts(output: str) -> list[Attempt]:
    """The kit's lines in what it, or whatever ran it, has said."""
    rows = [line.split("\t") for line in output.splitlines() if line.count("\t") == 2]
    return [Attempt(*row) for row in rows if row[1] in ("refused", "ESCAPED", "absent")]


def escaped(output: str) -> list[str]:
    """Attempts that have worked. Raises AssertionError when the kit did not run to its end."""
    found = attempts(output)
    assert len(found) > 25, output
    assert found[-1].name == "TIOCSTI", output
    return [f"{a.name}: {a.why}" for a in found if a.outcome == "ESCAPED"]


def state() -> dict[str, str]:
    """What an escape changes that all the machine shares; nothing that changes by itself."""
    return {path: Path(path).read_text() for path in _KERNEL_FILES if Path(path).exists()}


@contextmanager
def bait(directory: Path) -> Iterator[Bait]:
    """A process, a file, sockets and a key of this machine that a kit is to look for."""
    mark = f"bait-{secrets.token_hex(8)}"
    file = directory / "bait"
    file.write_text(mark)
    file.chmod(0o644)
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", mark], stdin=subprocess.PIPE
    )
    with (
        socket.socket(socket.AF_UNIX) as abstract,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        abstract.bind(f"\0{mark}")
        abstract.listen()
        disk = Path("/").stat().st_dev
        words = [
            f"mark={mark}", f"file={file}", f"pid={sleeper.pid}", f"socket={mark}",
            f"port={server.getsockname()[1]}", f"disk={os.major(disk)}:{os.minor(disk)}",
        ]  # fmt: skip
        if key := _key(mark):
            words.append(f"key={key}")
        try:
            yield Bait(tuple(words))
        finally:
            assert sleeper.stdin is not None
            sleeper.stdin.close()
            sleeper.wait()


def _key(name: str) -> int | None:
    """A key in this process's session keyring; None where the kernel lets nobody have keys."""
    number = _ADD_KEY.get(os.uname().machine)
    libc = ctypes.CDLL(None)
    if number is None:
        return None
    serial = libc.syscall(number, b"user", name.encode(), b"secret", 6, _SESSION_KEYRING)
    return serial if serial > 0 else None
