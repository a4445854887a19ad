"""Calls of the kernel that Python has no function of. For helpers that run with nothing else.

Numbers are those of linux/mount.h, linux/sched.h, linux/prctl.h and linux/capability.h; the system
calls named by number have the same one on every architecture (mount_setattr(2), open_tree(2)).
"""

import ctypes
import os
import struct
from typing import NoReturn

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_NEWUSER = 0x10000000

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4
_AT_EMPTY_PATH = 0x1000
_AT_FDCWD = -100
_MOUNT_ATTR_IDMAP = 0x00100000
_PR_CAPBSET_DROP = 24
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2

libc = ctypes.CDLL(None, use_errno=True)


def fail(call: str, path: str) -> NoReturn:
    """Raise the OSError of a call that has just failed."""
    number = ctypes.get_errno()
    raise OSError(number, f"{call}: {os.strerror(number)}", path)


def mount(
    source: str | None,
    target: str,
    kind: str | None = None,
    flags: int = 0,
    data: str | None = None,
) -> None:
    """mount(2)."""
    words = [None if v is None else os.fsencode(v) for v in (source, target, kind, data)]
    if libc.mount(words[0], words[1], words[2], flags, words[3]) != 0:
        fail("mount", target)


def mapped_copy(path: str, user_namespace: int) -> int:
    """A detached mount of `path` whose files belong to the ids of a user namespace.

    Both are file descriptors. Who owns a file on the disk stays as it is: the mount translates.
    """
    copy = libc.syscall(
        _OPEN_TREE, _AT_FDCWD, os.fsencode(path), _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC
    )
    if copy < 0:
        fail("open_tree", path)
    attributes = struct.pack("=QQQQ", _MOUNT_ATTR_IDMAP, 0, 0, user_namespace)
    if libc.syscall(_MOUNT_SETATTR, copy, b"", _AT_EMPTY_PATH, attributes, len(attributes)) != 0:
        os.close(copy)
        fail("mount_setattr", path)
    return int(copy)


def attach(copy: int, target: str) -> None:
    """Put a detached mount at `target`, and close its descriptor."""
    words = (copy, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH)
    done = libc.syscall(_MOVE_MOUNT, *words)
    os.close(copy)
    if done != 0:
        fail("move_mount", target)


def drop_capabilities(kept: int) -> None:
    """Take all but `kept`, a mask, out of this process's bounding set (capabilities(7))."""
    for number in range(64):
        if not kept >> number & 1 and libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            return  # the kernel knows no further ones


def refuse_calls(program: bytes) -> None:
    """Put this process, and all that it starts, under a filter (seccomp(2))."""
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        fail("prctl(PR_SET_SECCOMP)", "seccomp filter")


def overlay_takes_mapped() -> bool:
    """Whether layers of an overlay may be mapped mounts: since Linux 5.19."""
    release = os.uname().release.split(".")
    return (int(release[0]), int(release[1].split("-")[0])) >= (5, 19)
