"""What this machine can do: its architecture, and which others qemu-user lets it run."""

import os
import platform
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from debwright.host import process
from debwright.model.arch import ARCHITECTURES, BY_KERNEL
from debwright.model.errors import DebwrightError, MissingError, printable
from debwright.model.fix import Command, Install, Setup
from debwright.model.targets import INSTALL_QEMU, HostFacts, Obstacle

BINFMT = Path("/proc/sys/fs/binfmt_misc")
BINFMT_SUPPORT = Path("/var/lib/binfmts")
"""What update-binfmts(8) of binfmt-support knows; systemd-binfmt(8) does without it."""


@cache
def host_arch() -> str:
    """Debian's name of this machine's architecture.

    dpkg knows best (a 32-bit userland on a 64-bit kernel); without it the kernel's name is
    translated. Raises MissingError on a machine debwright has no name for.
    """
    try:
        done = process.run(["dpkg", "--print-architecture"], timeout=10)
        if done.output.strip() in ARCHITECTURES:
            return done.output.strip()
    except DebwrightError:
        pass  # not a Debian machine; the kernel's name does as well
    machine = platform.machine()
    row = BY_KERNEL.get(machine.lower())
    if row is None:
        raise MissingError(
            f"debwright does not know this machine's architecture ({machine or 'unnamed'})",
            cause=f"it runs on {', '.join(sorted(ARCHITECTURES))}",
        )
    return row.name


def host_facts(arches: Iterable[str]) -> HostFacts:
    """What this machine can run of `arches`; emulation is tried, not assumed."""
    own = host_arch()
    native = runs_too(own)
    return HostFacts(
        arch=own,
        runnable=native,
        emulated={a: emulation_problem(a) for a in set(arches) if a != own and a not in native},
    )


def capable_facts(arches: Iterable[str]) -> HostFacts:
    """Of a machine like this one that can emulate all `arches`: where others do the building."""
    own = host_arch()
    native = runs_too(own)
    emulated = {a: None for a in set(arches) if a != own and a not in native}
    return HostFacts(arch=own, runnable=native, emulated=emulated)


def runs_too(arch: str) -> frozenset[str]:
    """Architectures whose programs a machine of `arch` runs by itself."""
    return ARCHITECTURES[arch].runs_too


def is_emulated(arch: str) -> bool:
    """Whether qemu-user runs programs of `arch` here."""
    own = host_arch()
    return arch != own and arch not in runs_too(own)


def emulation_problem(arch: str) -> Obstacle | None:
    """Why programs of `arch` do not run here under qemu-user, or None when they do.

    The registration is read from the kernel (binfmt_misc, Documentation/admin-guide): it must be
    enabled and carry the flag F, without which the interpreter would have to exist inside every
    root. Then a program is run, by arch-test(1): with F the kernel holds an interpreter that may
    be another than the file of its name, or one of a container that this machine does not see.
    """
    name = _interpreter_name(arch)
    if not (BINFMT / "status").exists():
        return Obstacle(
            why="the kernel's binfmt_misc is not mounted",
            fix=Setup("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT),
        )
    entry = BINFMT / name
    if not entry.exists():
        why = f"no interpreter for {arch} is registered with the kernel ({name})"
        # The package may be there and its registration gone, as after another system's shutdown.
        installed = shutil.which(f"{name}-static") or shutil.which(name)
        return Obstacle(why=why, fix=_registration(name) if installed else INSTALL_QEMU)
    fields = entry.read_text().splitlines()
    if "enabled" not in fields:
        return Obstacle(why=f"{name} is registered but disabled", fix=_registration(name))
    flags = next((f.removeprefix("flags:").strip() for f in fields if f.startswith("flags:")), "")
    if "F" not in flags:
        return Obstacle(why=f"{name} is registered without the flag F")
    interpreter = next(
        (f.removeprefix("interpreter ") for f in fields if f.startswith("interpreter ")), ""
    )
    return _tried(arch, interpreter)


@cache
def emulator_environment(arch: str) -> tuple[tuple[str, str], ...]:
    """Variables for programs of `arch`: QEMU_CPU (qemu-user's documentation), or nothing.

    A value that is set already counts. qemu before 7.0 does not know the processor, and refuses to
    start with one it does not know: it is asked.
    """
    if arch == host_arch() or (cpu := ARCHITECTURES[arch].cpu) is None:
        return ()
    if wanted := os.environ.get("QEMU_CPU"):
        return (("QEMU_CPU", wanted),)
    try:
        fields = (BINFMT / _interpreter_name(arch)).read_text().splitlines()
        path = next(f.removeprefix("interpreter ") for f in fields if f.startswith("interpreter "))
        known = process.run([Path(path).resolve(), "-cpu", "help"], check=False, timeout=20)
    except (DebwrightError, OSError, StopIteration):
        return ()
    return (("QEMU_CPU", cpu),) if cpu in known.output.split() else ()


def _interpreter_name(arch: str) -> str:
    """What the kernel calls the registration of qemu-user's interpreter."""
    return f"qemu-{ARCHITECTURES[arch].qemu}"


def _registration(name: str) -> Command:
    """The command that registers an interpreter: of whoever has registered it before."""
    if (BINFMT_SUPPORT / name).exists():
        return Setup("update-binfmts", "--enable", name)
    return Command("systemctl", "restart", "systemd-binfmt", root=True)


def proxy_environment() -> dict[str, str]:
    """The variables that name this network's proxies, as apt reads them (apt-transport-http(1))."""
    names = ("http_proxy", "https_proxy", "no_proxy")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _tried(arch: str, interpreter: str) -> Obstacle | None:
    """Why a program of `arch` does not run, by running one; without arch-test, by the file."""
    try:
        done = process.run(["arch-test", arch], check=False, timeout=20)
    except MissingError:
        return _broken_interpreter(interpreter)
    except DebwrightError as hangs:
        why = f"the registered interpreter {interpreter} does not run a program: {hangs.what}"
        return Obstacle(why=why)
    if done.returncode == 0:
        return None
    if problem := _broken_interpreter(interpreter):
        return problem
    why = f"the registered interpreter {interpreter} runs no program of {arch}"
    if cpu := os.environ.get("QEMU_CPU"):
        return Obstacle(why=f"{why} with QEMU_CPU={printable(cpu)}", fix="unset QEMU_CPU")
    return Obstacle(why=why, fix=Install(*INSTALL_QEMU.packages, reinstall=True))


def _broken_interpreter(path: str) -> Obstacle | None:
    if not Path(path).exists():
        return Obstacle(why=f"the registered interpreter {path} does not exist")
    # Debian registers a link whose name switches -P handling on; the program behind it is asked.
    try:
        done = process.run([Path(path).resolve(), "--version"], check=False, timeout=20)
    except (DebwrightError, OSError) as error:
        return Obstacle(why=f"the registered interpreter {path} does not start: {error}")
    if done.returncode != 0 or "version" not in done.output:
        why = f"the registered interpreter {path} does not start (status {done.returncode})"
        return Obstacle(why=why)
    return None


def describe_host() -> str:
    """Architecture and distribution, as `amd64 debian 12`; nothing that names the machine."""
    release = {}
    try:
        for line in Path("/etc/os-release").read_text().splitlines():
            key, _, value = line.partition("=")
            release[key] = value.strip('"')
    except OSError:
        pass
    parts = [host_arch(), release.get("ID", "linux"), release.get("VERSION_ID", "")]
    return " ".join(p for p in parts if p)


def free_bytes(path: Path) -> int:
    """Free space of the file system that holds `path` or will hold it."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
