"""What a booted system needs, and what a reader must know, when qemu-user runs its programs."""

import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from debwright.host import process
from debwright.host.process import Completed
from debwright.model.errors import DebwrightError, Evidence, MissingError, printable
from debwright.model.fix import Install

# systemd 252 under qemu-user fails at step CREDENTIALS: the emulator lacks what its credential
# mounts need. Without credentials to load, the three units work.
_NO_CREDENTIALS = (
    "systemd-sysusers.service",
    "systemd-tmpfiles-setup.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-sysctl.service",
    "systemd-journald.service",
    "systemd-udev-load-credentials.service",
)
# At every start and daemon-reload systemd runs its generators, each a process to emulate. These
# look for disks, consoles and kernel options, of which a container has none.
_IDLE_GENERATORS = (
    "systemd-cryptsetup-generator",
    "systemd-debug-generator",
    "systemd-getty-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-integritysetup-generator",
    "systemd-run-generator",
    "systemd-system-update-generator",
    "systemd-veritysetup-generator",
)
_NO_LOAD = (
    "# Under qemu-user, loading credentials fails.\n[Service]\nLoadCredential=\nImportCredential=\n"
)
# unshare(CLONE_NEWUSER) wants a process of one thread, and the emulator's has more: a unit with
# PrivateUsers=yes ends with 217/USER. systemd.unit(5): service.d holds drop-ins of every service.
_NO_USER_NAMESPACES = "# Under qemu-user, user namespaces fail.\n[Service]\nPrivateUsers=no\n"
PRELOAD = "usr/lib/debwright-preload.so"
START_SECONDS = 540
"""DefaultTimeoutStartSec= there, six times systemd's own."""
_NOT_PRELOADED = "UnsetEnvironment=LD_PRELOAD\n"
QEMU_USER_NOTE = (
    "ran under qemu-user: SystemCallFilter= and other seccomp settings are accepted but see the "
    "emulator's system calls; times and memory include the emulator; PrivateUsers= and the "
    "credentials of systemd's own units are switched off, which the emulator cannot do; systemd "
    "255 and later start services by posix_spawn(3)"
)


TRIES = 3
"""qemu-user 8.2, which Ubuntu 24.04 has, crashes now and then, and not each time."""
PROVED_BY = (["ldconfig", "-p"], ["python3", "-I", "-c", "import json, threading"])
"""What crashed first wherever it did (tonistiigi/binfmt, issues 215 and 245)."""
_CRASHES = frozenset({-11, -6, -5, -4, 132, 133, 134, 139})
"""SIGSEGV, SIGABRT, SIGTRAP and SIGILL, as a parent or a shell has them."""
_NOT_THERE = 127


class Runs(Protocol):
    """A sandbox that runs commands."""

    def run(
        self, argv: Sequence[str], *, check: bool, merge: bool, timeout: float | None
    ) -> Completed: ...


@cache
def steady_addresses() -> tuple[str, ...]:
    """The argv prefix under which programs always lie at the same addresses (setarch(8)).

    qemu-user before 9.1 finds no room for the emulated program at some of the random ones, and
    crashes. Nothing where it is not permitted, as in most containers.
    """
    prefix = ("setarch", "--addr-no-randomize")
    try:
        done = process.run([*prefix, "true"], check=False, timeout=20)
    except DebwrightError:
        return ()
    return prefix if done.returncode == 0 else ()


def prove(root: Runs, arch: str) -> None:
    """Run programs in the `root` that a qemu-user with faults crashes on.

    arch-test(1), which runs a tiny program without libraries, passes there. Raises MissingError.
    """
    for argv in PROVED_BY:
        for _ in range(TRIES):
            done = root.run(argv, check=False, merge=True, timeout=120)
            if done.returncode == _NOT_THERE:
                break
            if done.returncode in _CRASHES or "QEMU internal SIG" in done.output:
                raise MissingError(
                    f"qemu-user crashes in programs of {arch}",
                    evidence=[
                        Evidence(text=f"{' '.join(argv[:1])} ended with {done.returncode}"),
                        *(Evidence(text=printable(line)) for line in done.tail(3)),
                    ],
                    cause="the qemu-user of this machine has a fault, as 8.2 of Ubuntu 24.04",
                    fix=Install("qemu-user-static", reinstall=True)
                    if steady_addresses()
                    else "run where setarch --addr-no-randomize is permitted, or install "
                    "qemu-user 9.1 or later",
                )


def for_qemu_user(tree: Path, variables: Mapping[str, str], *, preload: Path | None = None) -> None:
    """Switch off, in a tree that will be the top of the root, what units cannot have there.

    `variables` are the emulator's, which systemd is to give to every service. `preload` is put
    there for process 1, and kept from the services.
    """
    lines = ["[Manager]", f"DefaultTimeoutStartSec={START_SECONDS}s"]
    lines += [f'DefaultEnvironment="{k}={v}"' for k, v in variables.items()]
    manager = tree / "etc/systemd/system.conf.d/debwright.conf"
    manager.parent.mkdir(parents=True, exist_ok=True)
    manager.write_text("\n".join(lines) + "\n")
    for unit in _NO_CREDENTIALS:
        _drop_in(tree, unit, _NO_LOAD)
    _drop_in(tree, "service", _NO_USER_NAMESPACES + (_NOT_PRELOADED if preload else ""))
    if preload:
        (tree / PRELOAD).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(preload, tree / PRELOAD)


def _drop_in(tree: Path, unit: str, text: str) -> None:
    directory = tree / "etc/systemd/system" / f"{unit}.d"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "debwright.conf").write_text(text)


def without_idle_generators(tree: Path) -> None:
    """systemd.generator(7): a link to /dev/null in /etc masks one of the same name."""
    directory = tree / "etc/systemd/system-generators"
    directory.mkdir(parents=True, exist_ok=True)
    for name in _IDLE_GENERATORS:
        (directory / name).symlink_to("/dev/null")
