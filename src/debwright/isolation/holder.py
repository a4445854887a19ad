"""The first process of a sandbox's namespaces. Run as a script; imports the standard library only.

`unshare` starts it as process 1 of new mount, pid, ipc and uts (and, without network, net)
namespaces. It reads one JSON line from standard input, makes the mounts it names, answers
`ready PID`, and then waits for standard input to close. When debwright goes away, whatever the
manner, the pipe closes, this process ends, and the kernel takes every process and mount of the
namespaces with it: that is why nothing has to be cleaned up after a SIGKILL.

Sources: mount(2), pivot_root(2), pid_namespaces(7), namespaces(7), overlayfs documentation.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import stat
import struct
import sys
from typing import Any, NoReturn

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
# Numbers from the kernel's Documentation/admin-guide/devices.txt.
DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}

libc = ctypes.CDLL(None, use_errno=True)


def fail(call: str, path: str) -> NoReturn:
    number = ctypes.get_errno()
    raise OSError(number, f"{call}: {os.strerror(number)}", path)


def mount(
    source: str | None,
    target: str,
    kind: str | None = None,
    flags: int = 0,
    data: str | None = None,
) -> None:
    words = [None if v is None else os.fsencode(v) for v in (source, target, kind, data)]
    if libc.mount(words[0], words[1], words[2], flags, words[3]) != 0:
        fail("mount", target)


def bind(source: str, target: str, read_only: bool) -> None:
    mount(source, target, flags=MS_BIND | MS_REC)
    if read_only:
        # A remount in a user namespace must keep the flags the mount is locked with.
        try:
            mount(None, target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
        except OSError:
            locked = MS_NOSUID | MS_NODEV
            mount(None, target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | locked)


def inside(root: str, path: str) -> str:
    """`path` below `root`, refused when a symbolic link of the tree would lead outside."""
    full = os.path.join(root, path.lstrip("/"))
    if os.path.realpath(full) != os.path.normpath(full) and not os.path.realpath(full).startswith(
        os.path.realpath(root) + "/"
    ):
        raise OSError(0, "a symbolic link in the root leads outside of it", path)
    return full


def make_target(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "x"):
            pass


def mount_overlay(spec: dict[str, Any], root: str) -> None:
    # A colon separates the layers and a comma the options: neither may be part of a path.
    for path in [*spec["lower"], spec["upper"], spec["work"]]:
        if any(c in path for c in ":,\\"):
            raise OSError(22, "a cache path may not hold ':', ',' or '\\'", path)
    options = [
        "lowerdir=" + ":".join(spec["lower"]),
        "upperdir=" + spec["upper"],
        "workdir=" + spec["work"],
        *spec["options"],
    ]
    mount("overlay", root, "overlay", 0, ",".join(options))


def make_device(path: str, outer: str, number: int) -> None:
    """A node of the sandbox's own: what a package does to it must not happen to this machine's."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, number)
        os.chmod(path, 0o666)  # noqa: S103 - whatever the umask; it is a device
    except PermissionError:
        # A user namespace may not make devices; its root has no power over the bound one either.
        with open(path, "x"):
            pass
        mount(outer, path, flags=MS_BIND)


def mount_dev(root: str) -> None:
    dev = inside(root, "dev")
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755,size=64m")
    for name, (major, minor) in DEVICES.items():
        make_device(f"{dev}/{name}", f"/dev/{name}", os.makedev(major, minor))
    for name in ("pts", "shm"):
        os.mkdir(f"{dev}/{name}")
    mount("tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    try:
        mount(
            "devpts",
            f"{dev}/pts",
            "devpts",
            MS_NOSUID | MS_NOEXEC,
            "newinstance,ptmxmode=666,mode=620,gid=5",
        )
    except OSError:
        mount("devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666")
    os.symlink("pts/ptmx", f"{dev}/ptmx")
    for link, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        os.symlink(target, f"{dev}/{link}")


def mount_kernel_file_systems(root: str) -> None:
    mount("proc", inside(root, "proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    sys_dir = inside(root, "sys")
    try:
        mount("sysfs", sys_dir, "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    except OSError:
        # A user namespace may mount sysfs only when it owns the network namespace.
        bind("/sys", sys_dir, True)
    mount_dev(root)


def pivot(root: str, number: int) -> None:
    """Make `root` the root of the mount namespace and let go of the old one.

    `number` is pivot_root's on this machine: the C library has no function of it.
    """
    os.chdir(root)
    if libc.syscall(number, b".", b".") != 0:
        fail("pivot_root", root)
    if libc.umount2(b".", MNT_DETACH) != 0:
        fail("umount2", "/")
    os.chdir("/")


def bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(s, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def set_up(spec: dict[str, Any]) -> None:
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    if spec.get("loopback"):
        bring_loopback_up()
    if spec.get("hostname"):
        socket.sethostname(spec["hostname"])
    root: str = spec.get("root") or ""
    if spec.get("overlay"):
        mount_overlay(spec["overlay"], root)
    if not spec.get("pivot"):
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        for path in spec.get("tmpfs", ()):
            mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700")
        return
    mount_kernel_file_systems(root)
    for path in spec.get("tmpfs", ()):
        target = inside(root, path)
        os.makedirs(target, exist_ok=True)
        mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    for item in spec.get("submounts", ()):
        target = inside(root, item["target"])
        os.makedirs(target, exist_ok=True)
        mount_overlay(item["overlay"], target)
    for item in spec.get("binds", ()):
        target = inside(root, item["target"])
        make_target(item["source"], target)
        bind(item["source"], target, item["read_only"])
    pivot(root, spec["pivot_root"])


def wait_for_end() -> None:
    """Reap orphans, as process 1 must, until standard input closes."""
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([0, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
        if 0 in ready and not os.read(0, 4096):
            return


def main() -> None:
    try:
        # Before /proc is replaced it still is the caller's: the link names the caller's view.
        pid = os.readlink("/proc/self")
        set_up(json.loads(sys.stdin.buffer.readline()))
    except OSError as error:
        print(json.dumps({"error": f"{error.strerror}", "path": str(error.filename)}), flush=True)
        sys.exit(1)
    print(json.dumps({"ready": int(pid)}), flush=True)
    wait_for_end()


if __name__ == "__main__":
    main()
