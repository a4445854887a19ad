"""What bounds everything that runs in a sandbox: its ids, its capabilities, its system calls.

The filter is made by libseccomp (seccomp_rule_add(3)), which knows every architecture's numbers.
A call is refused with EPERM where it reaches into what is the whole machine's, whichever namespaces
the caller is in, or is a part of the kernel that programs of packages have no use for. The list
follows what systemd-nspawn and docker refuse by default, whose sources are systemd's
src/nspawn/nspawn-seccomp.c and moby's profiles/seccomp; what both let through for the sake of
systemd (mount, reboot, unshare, setns) stays allowed, and is bounded by the user namespace.
"""

import ctypes
import errno
import json
import os
import secrets
from collections.abc import Sequence
from functools import cache
from typing import Any

from debwright.isolation import ids
from debwright.model.errors import MissingError
from debwright.model.fix import Install

REFUSED = (
    # Code in the kernel.
    "init_module", "finit_module", "delete_module", "create_module", "query_module",
    "kexec_load", "kexec_file_load", "bpf", "perf_event_open",
    # Large parts of the kernel that a container can be left through when one of them is wrong.
    "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
    # Keys: those of a user are the same ones in every namespace of that user.
    "add_key", "request_key", "keyctl",
    # The clock of the whole machine.
    "settimeofday", "clock_settime", "clock_settime64", "stime",
    "adjtimex", "clock_adjtime", "clock_adjtime64",
    # Files by number instead of by path: beyond any root directory.
    "open_by_handle_at",
    # Ports, the kernel's messages, accounting, swap, quotas.
    "iopl", "ioperm", "pciconfig_read", "pciconfig_write", "pciconfig_iobase", "syslog", "acct",
    "swapon", "swapoff", "quotactl", "quotactl_fd", "nfsservctl", "lookup_dcookie",
    # Of old kernels.
    "uselib", "ustat", "_sysctl", "vm86", "vm86old",
)  # fmt: skip
"""System calls that nothing in a sandbox may make."""

_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_AF_VSOCK = 40
_ARGUMENTS = (
    ("ioctl", 1, _TIOCSTI),  # types into somebody's terminal
    ("ioctl", 1, _TIOCLINUX),
    ("socket", 0, _AF_VSOCK),  # the machine that this one is a guest of; no namespace covers it
)
"""Call, argument (from 0) and the value that is refused."""

_CAPABILITIES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 18, 19, 21, 22, 23, 24, 26,
                 27, 28, 29, 30, 31)  # fmt: skip
# Without ids of its own, those that docker leaves but for raw sockets and devices.
_CAPABILITIES_UNSHIFTED = (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 29, 31)
KEPT = sum(1 << number for number in _CAPABILITIES)
"""Capabilities of root in a sandbox with ids of its own, as a mask (linux/capability.h).

systemd-nspawn's default, and CAP_NET_ADMIN. All count in the sandbox's user namespace alone.
"""
KEPT_UNSHIFTED = sum(1 << number for number in _CAPABILITIES_UNSHIFTED)
"""The same for a sandbox whose root is this machine's, since the kernel can do no better."""

# The range that systemd has for containers (systemd.io, "Users, Groups, UIDs and GIDs").
_FIRST, _LAST = 0x00080000, 0x6FFF0000

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_UNKNOWN = -1
_OPTIMIZE, _BY_TREE = 8, 2
_EQUAL_MASKED = 7
_ALSO = {b"x86_64": (b"x86", b"x32"), b"aarch64": (b"arm",)}
"""Architectures whose programs the kernel of another runs as well."""


def first_id() -> int:
    """The first of a sandbox's ids on this machine; two sandboxes hardly ever share any."""
    return _FIRST + secrets.randbelow((_LAST - _FIRST) // ids.COUNT + 1) * ids.COUNT


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp of seccomp.h."""

    _fields_ = (
        ("arg", ctypes.c_uint), ("op", ctypes.c_int),
        ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64),
    )  # fmt: skip


@cache
def _library() -> Any:
    """libseccomp, which systemd and apt are linked with. Raises MissingError."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError as error:
        raise MissingError(
            "libseccomp is not installed", cause="it writes the filters of sandboxes",
            fix=Install("libseccomp2"),
        ) from error  # fmt: skip
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    library.seccomp_arch_native.restype = ctypes.c_uint32
    return library


@cache
def program() -> bytes:
    """The filter as seccomp(2) takes it: instructions of eight bytes. Raises MissingError."""
    library = _library()
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))
    try:
        native = library.seccomp_arch_native()
        for name, others in _ALSO.items():
            if library.seccomp_arch_resolve_name(name) == native:
                for other in others:
                    token = ctypes.c_uint32(library.seccomp_arch_resolve_name(other))
                    library.seccomp_arch_add(context, token)
        library.seccomp_attr_set(context, _OPTIMIZE, ctypes.c_uint32(_BY_TREE))
        for call in REFUSED:
            _refuse(context, call)
        for call, number, value in _ARGUMENTS:
            _refuse(context, call, [_Comparison(number, _EQUAL_MASKED, 0xFFFFFFFF, value)])
        return _exported(context)
    finally:
        library.seccomp_release(context)


def _refuse(context: ctypes.c_void_p, name: str, where: Sequence[_Comparison] = ()) -> None:
    library = _library()
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number == _UNKNOWN:
        return  # older than the call: with it the kernel's own checks are left
    comparisons = (_Comparison * len(where))(*where)
    action = ctypes.c_uint32(_ERRNO | errno.EPERM)
    done = library.seccomp_rule_add_array(context, action, number, len(where), comparisons)
    if done != 0:
        raise OSError(-done, f"libseccomp takes no rule for {name}")


def _exported(context: ctypes.c_void_p) -> bytes:
    handle = os.memfd_create("filter")
    try:
        if (done := _library().seccomp_export_bpf(context, handle)) != 0:
            raise OSError(-done, "libseccomp did not write the filter")
        return os.pread(handle, 1 << 20, 0)
    finally:
        os.close(handle)


@cache
def program_file() -> str:
    """A path of `program` that lasts as long as this process; for those that it starts."""
    return _kept(program())


@cache
def engine_profile_file() -> str:
    """The same of `engine_profile`."""
    return _kept(json.dumps(engine_profile()).encode())


def _kept(content: bytes) -> str:
    handle = os.memfd_create("debwright-filter")
    os.write(handle, content)
    return f"/proc/{os.getpid()}/fd/{handle}"


def engine_profile() -> dict[str, object]:
    """The same filter as docker and podman read it (moby's profiles/seccomp/seccomp_linux.go)."""
    refusal = {"action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}
    rules: list[dict[str, object]] = [{"names": list(REFUSED), **refusal}]
    for call, index, value in _ARGUMENTS:
        mask = {"index": index, "value": 0xFFFFFFFF, "valueTwo": value}
        rules.append({"names": [call], "args": [{**mask, "op": "SCMP_CMP_MASKED_EQ"}], **refusal})
    kinds = [
        {"architecture": _engine_name(name), "subArchitectures": [_engine_name(o) for o in others]}
        for name, others in _ALSO.items()
    ]
    return {"defaultAction": "SCMP_ACT_ALLOW", "archMap": kinds, "syscalls": rules}


def _engine_name(architecture: bytes) -> str:
    return f"SCMP_ARCH_{architecture.decode().upper()}"


@cache
def call_number(name: str) -> int:
    """What this machine's kernel calls a system call. Raises MissingError."""
    return int(_library().seccomp_syscall_resolve_name(name.encode()))
