"""The first process of a sandbox's namespaces. Imports the standard library, `kernel` and `ids`.

`unshare` starts it as process 1 of new mount, pid, ipc and uts (and, without network, net)
namespaces. It reads one JSON line from standard input, makes the mounts it names, answers
`ready PID`, and then waits for standard input to close. When debwright goes away, whatever the
manner, the pipe closes, this process ends, and the kernel takes every process and mount of the
namespaces with it: that is why nothing has to be cleaned up after a SIGKILL.

A root that is to be entered gets a user namespace of its own (`ids`), and this process, which is
seen inside, the same bounds as all others there.

Sources: mount(2), pivot_root(2), pid_namespaces(7), namespaces(7), overlayfs documentation.
"""

import fcntl
import json
import os
import select
import signal
import socket
import stat
import struct
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from debwright.isolation import ids, kernel
from debwright.isolation.kernel import (
    MNT_DETACH,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    fail,
    libc,
    mount,
)

SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
TTY = 5
"""The group of terminals, in Debian's base-passwd."""
# Numbers from the kernel's Documentation/admin-guide/devices.txt.
DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
# Where a sandbox's root is this machine's, whose files these are: what is there is for reading.
GUARDED = ("proc/sys", "proc/sysrq-trigger", "proc/irq", "proc/bus")


def bind(source: str, target: str, read_only: bool, mapped: ids.Mapped | None = None) -> None:
    try:
        copy = -1 if mapped is None else kernel.mapped_copy(source, mapped.namespace)
    except OSError:
        if not read_only:
            raise
        copy = -1  # what everybody may read needs no other owner
    if copy < 0:
        mount(source, target, flags=MS_BIND | MS_REC)
    else:
        kernel.attach(copy, target)
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


def owned(mapped: ids.Mapped | None) -> AbstractContextManager[None]:
    """What is made meanwhile belongs to the sandbox's root."""
    return nullcontext() if mapped is None else mapped.owner()


def make_directory(path: str, mapped: ids.Mapped | None) -> None:
    if not os.path.isdir(path):
        with owned(mapped):
            os.makedirs(path, exist_ok=True)


def mount_overlay(spec: dict[str, Any], root: str, mapped: ids.Mapped | None = None) -> None:
    # A colon separates the layers and a comma the options: neither may be part of a path.
    for path in [*spec["lower"], spec["upper"], spec["work"]]:
        if any(c in path for c in ":,\\"):
            raise OSError(22, "a cache path may not hold ':', ',' or '\\'", path)
    upper, work = spec["upper"], spec["work"]
    if mapped is not None:
        for path in spec["lower"]:
            mapped.cover(path)
        # Both directories of changes must be on one mount. It goes where the overlay will hide it:
        # at its own place systemd-nspawn could not write its lock next to the root.
        parent = os.path.commonpath([upper, work])
        kernel.attach(kernel.mapped_copy(parent, mapped.namespace), root)
        upper, work = (os.path.join(root, os.path.relpath(p, parent)) for p in (upper, work))
    options = [
        "lowerdir=" + ":".join(spec["lower"]),
        "upperdir=" + upper,
        "workdir=" + work,
        *spec["options"],
    ]
    with owned(mapped):
        mount("overlay", root, "overlay", 0, ",".join(options))


def make_device(path: str, outer: str, number: int, owner: int) -> None:
    """A node of the sandbox's own: what a package does to it must not happen to this machine's."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, number)
        os.chmod(path, 0o666)  # noqa: S103 - whatever the umask; it is a device
        os.chown(path, owner, owner)
    except PermissionError:
        # A user namespace may not make devices; its root has no power over the bound one either.
        with open(path, "x"):
            pass
        mount(outer, path, flags=MS_BIND)


def mount_dev(root: str, owner: int) -> None:
    """`owner` is the sandbox's root, as it is numbered here."""
    dev = inside(root, "dev")
    ids_of_root = f"uid={owner},gid={owner}"
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, f"mode=755,size=64m,{ids_of_root}")
    for name, (major, minor) in DEVICES.items():
        make_device(f"{dev}/{name}", f"/dev/{name}", os.makedev(major, minor), owner)
    for name in ("pts", "shm"):
        os.mkdir(f"{dev}/{name}")
    mount("tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, f"mode=1777,{ids_of_root}")
    try:
        mount(
            "devpts",
            f"{dev}/pts",
            "devpts",
            MS_NOSUID | MS_NOEXEC,
            f"newinstance,ptmxmode=666,mode=620,gid={owner + TTY}",
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


def mount_kernel_file_systems(root: str, *, owner: int, guarded: bool) -> None:
    mount("proc", inside(root, "proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for name in GUARDED if guarded else ():
        if os.path.exists(path := f"{root}/{name}"):
            bind(path, path, True)
    sys_dir = inside(root, "sys")
    try:
        mount("sysfs", sys_dir, "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    except OSError:
        # A user namespace may mount sysfs only when it owns the network namespace.
        bind("/sys", sys_dir, True)
    mount_dev(root, owner)


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


def set_up(spec: dict[str, Any]) -> bool:
    """Make what `spec` says; whether the sandbox has ids of its own."""
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    if spec.get("loopback"):
        bring_loopback_up()
    if spec.get("hostname"):
        socket.sethostname(spec["hostname"])
    root: str = spec.get("root") or ""
    mapped = try_ids(spec)
    if spec.get("overlay"):
        mount_overlay(spec["overlay"], root, mapped)
    if spec.get("pivot"):
        fill(spec, root, mapped)
        pivot(root, spec["pivot_root"])
        if spec["bounded"]:
            bound(spec, mapped)
    else:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        for path in spec.get("tmpfs", ()):
            mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700")
    return mapped is not None


def try_ids(spec: dict[str, Any]) -> ids.Mapped | None:
    """Ids for the sandbox, or None where it asks for none or the kernel cannot map its layers."""
    if spec.get("first_id") is None:
        return None
    try:
        mapped = ids.Mapped(spec["first_id"])
        overlays = [spec["overlay"], *(item["overlay"] for item in spec.get("submounts", ()))]
        places = {path for one in overlays for path in (*one["lower"], one["upper"])}
        writable = (b["source"] for b in spec.get("binds", ()) if not b["read_only"])
        for path in (*places, *writable):
            os.close(kernel.mapped_copy(path, mapped.namespace))
        if not kernel.overlay_takes_mapped():
            return None
        # What systemd-nspawn boots mounts them anew; a build has them bound where it must.
        if not spec.get("pivot") and not mapped.shows_kernel():
            return None
    except OSError:
        return None
    return mapped


def fill(spec: dict[str, Any], root: str, mapped: ids.Mapped | None) -> None:
    """The mounts below the root."""
    owner = mapped.first if mapped else 0
    # An ordinary user's are in a user namespace already, that unshare has made.
    guarded = spec["bounded"] and spec["as_root"] and mapped is None
    mount_kernel_file_systems(root, owner=owner, guarded=guarded)
    for path in spec.get("tmpfs", ()):
        target = inside(root, path)
        make_directory(target, mapped)
        data = f"mode=1777,uid={owner},gid={owner}"
        mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, data)
    for item in spec.get("submounts", ()):
        target = inside(root, item["target"])
        make_directory(target, mapped)
        mount_overlay(item["overlay"], target, mapped)
    for item in spec.get("binds", ()):
        target = inside(root, item["target"])
        with owned(mapped):
            make_target(item["source"], target)
        bind(item["source"], target, item["read_only"], mapped)


def bound(spec: dict[str, Any], mapped: ids.Mapped | None) -> None:
    """This process can be seen, and touched, by root inside: it may do no more than that."""
    if mapped is not None:
        mapped.enter()
    kernel.drop_capabilities(spec["kept" if mapped or not spec["as_root"] else "kept_unshifted"])
    kernel.refuse_calls(bytes.fromhex(spec["filter"]))


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
        shifted = set_up(json.loads(sys.stdin.buffer.readline()))
    except OSError as error:
        print(json.dumps({"error": f"{error.strerror}", "path": str(error.filename)}), flush=True)
        sys.exit(1)
    print(json.dumps({"ready": int(pid), "shifted": shifted}), flush=True)
    wait_for_end()
