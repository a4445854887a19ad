"""The filter of system calls, and who gets which ids."""

import errno
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from debwright.isolation import bounds, ids
from debwright.isolation.namespaces import ENTER

_TRY = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
from debwright.isolation import kernel
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)  # so that an ordinary user may have a filter
kernel.refuse_calls(open(sys.argv[2], "rb").read())
for words in sys.argv[3:]:
    done = libc.syscall(*(int(w) for w in words.split(",")))
    print("done" if done >= 0 else ctypes.get_errno())
"""


@pytest.fixture
def under(tmp_path: Path) -> Callable[..., list[str]]:
    """What calls by number answer to a process under the filter: `done`, or errno."""
    program = tmp_path / "filter"
    program.write_bytes(bounds.program())
    source = Path(bounds.__file__).parents[2]

    def call(*calls: tuple[str, *tuple[int, ...]]) -> list[str]:
        words = [",".join(str(w) for w in (bounds.call_number(n), *rest)) for n, *rest in calls]
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _TRY, str(source), str(program), *words],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.split()

    return call


def test_what_reaches_the_machine_is_refused(under: Callable[..., list[str]]) -> None:
    refused = [("keyctl", 1, 0), ("io_uring_setup", 1, 0), ("userfaultfd", 0), ("bpf", 0, 0, 0),
               ("settimeofday", 0, 0), ("init_module", 0, 0, 0), ("ioctl", 0, 0x5412, 0),
               ("socket", socket.AF_VSOCK, socket.SOCK_STREAM, 0)]  # fmt: skip
    assert under(*refused) == [str(errno.EPERM)] * len(refused)


def test_what_programs_need_is_let_through(under: Callable[..., list[str]]) -> None:
    needed = [("getpid",), ("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0),
              ("socket", socket.AF_INET, socket.SOCK_STREAM, 0), ("epoll_create1", 0)]  # fmt: skip
    assert under(*needed) == ["done"] * len(needed)
    # The kernel's own answers: bad arguments, and no terminal.
    assert under(("mount", 0, 0, 0, 0, 0), ("ioctl", 0, 0x5413, 0))[1] != str(errno.EPERM)


@pytest.mark.parametrize("name", bounds.REFUSED)
def test_every_refused_call_is_one(name: str) -> None:
    """A wrong name would be passed over: libseccomp knows all, those of other processors too."""
    library = bounds._library()
    number = library.seccomp_syscall_resolve_name(name.encode())
    assert number != -1


def test_the_program_is_read_by_others_and_whole() -> None:
    path = Path(bounds.program_file())
    assert path.read_bytes() == path.read_bytes() == bounds.program()
    assert len(bounds.program()) % struct.calcsize("HBBI") == 0


def test_ids_are_in_the_range_for_containers() -> None:
    for first in {bounds.first_id() for _ in range(200)}:
        assert first % ids.COUNT == 0
        assert 0x80000 <= first <= 0x6FFF0000


def test_no_capability_without_ids_of_its_own_reaches_the_machine() -> None:
    """linux/capability.h: modules, raw I/O, administration, the clock, devices, raw sockets."""
    for number in (13, 16, 17, 19, 21, 25, 27):
        assert not bounds.KEPT_UNSHIFTED >> number & 1
    assert bounds.KEPT & bounds.KEPT_UNSHIFTED == bounds.KEPT_UNSHIFTED


@pytest.mark.parametrize(
    ("command", "code"),
    [(["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -TERM $$"], -15), (["no such program"], 127)],
)
def test_what_enters_ends_as_the_command_does(
    tmp_path: Path, command: list[str], code: int
) -> None:
    """Without namespaces or a filter to join, which an ordinary user may not."""
    empty = tmp_path / "filter"
    # One instruction: allow (SECCOMP_RET_ALLOW).
    empty.write_bytes(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
    calls = [bounds.call_number(n) for n in ("setns", "prctl", "seccomp", "keyctl")]
    done = subprocess.run(
        ["setpriv", "--no-new-privs", "--", "perl", ENTER, f"--target={os.getpid()}",
         "--namespaces=", f"--calls={','.join(map(str, calls))}", f"--filter={empty}", "--wdns=/",
         "--", *command],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert ("failed to execute" in done.stderr) == (code == 127)
