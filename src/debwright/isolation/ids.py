"""A user namespace for a sandbox: its root is nobody outside, and owns the sandbox's files inside.

Used by the holder, in the namespaces it has just been put into. Which ids a sandbox gets is
`debwright.isolation.bounds`' business. Sources: user_namespaces(7), mount_setattr(2), overlayfs
documentation ("idmapped layers" work since Linux 5.19).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from debwright.isolation.kernel import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    attach,
    fail,
    libc,
    mapped_copy,
)

COUNT = 65536
"""Ids of a sandbox: as many as Debian's policy gives a meaning to."""


def make(first: int) -> int:
    """A new user namespace, as a descriptor: ids from 0 inside are those from `first` outside."""
    told, tell = os.pipe()
    held, hold = os.pipe()
    child = os.fork()
    if child == 0:
        # It shows the namespace to its parent, and ends with the pipe.
        os.close(hold)
        done = libc.unshare(CLONE_NEWUSER)
        os.write(tell, os.readlink("/proc/self").encode() if done == 0 else b"0")
        os.read(held, 1)
        os._exit(0)
    os.close(tell)
    os.close(held)
    try:
        number = int(os.read(told, 32))
        if number == 0:
            raise OSError(1, "a user namespace cannot be made", "/proc/self/ns/user")
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{number}/{name}", "w") as file:
                file.write(f"0 {first} {COUNT}\n")
        return os.open(f"/proc/{number}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(told)
        os.close(hold)
        os.waitpid(child, 0)


_PR_SET_SECUREBITS, _NO_SETUID_FIXUP = 28, 4


class Mapped:
    """The mounts of one sandbox, seen with its ids."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.namespace = make(first)
        self._covered: set[str] = set()

    def cover(self, path: str) -> None:
        """Let everybody in this mount namespace see `path` with the sandbox's ids."""
        if path not in self._covered:
            attach(mapped_copy(path, self.namespace), path)
            self._covered.add(path)

    @contextmanager
    def owner(self) -> Iterator[None]:
        """What is made here meanwhile is of the sandbox's root: mapped layers take no other owner.

        This holds for an overlay, too, which makes its directories of work when it is mounted, as
        whoever mounts it; so no right may go with the change of ids (capabilities(7)).
        """
        libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
        libc.setfsuid(self.first)
        libc.setfsgid(self.first)
        try:
            yield
        finally:
            libc.setfsuid(0)
            libc.setfsgid(0)
            libc.prctl(_PR_SET_SECUREBITS, 0, 0, 0, 0)

    def shows_kernel(self) -> bool:
        """Whether a system with these ids could mount proc and sysfs of its own.

        It could not in a container, which covers parts of its own: the kernel would show them
        again (mount_too_revealing() in the kernel's fs/namespace.c).
        """
        child = os.fork()
        if child == 0:
            try:
                os._exit(self._mounts_kernel())
            finally:
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def _mounts_kernel(self) -> int:
        """Zero when it works; for a process that ends with it."""
        if libc.setns(self.namespace, CLONE_NEWUSER) != 0:
            return 1
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        if libc.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) != 0:
            return 1
        first = os.fork()
        if first == 0:
            flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
            done = libc.mount(b"proc", b"/proc", b"proc", flags, None)
            done |= libc.mount(b"sysfs", b"/sys", b"sysfs", flags | MS_RDONLY, None)
            os._exit(done & 1)
        return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])

    def enter(self) -> None:
        """Become root of the namespace, with mounts of its own; there is no way back."""
        if libc.setns(self.namespace, CLONE_NEWUSER) != 0:
            fail("setns", "user namespace")
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        if libc.unshare(CLONE_NEWNS) != 0:
            fail("unshare", "mount namespace")
        os.close(self.namespace)
