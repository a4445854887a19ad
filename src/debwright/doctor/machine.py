"""debwright doctor: what this machine has, what is missing, and the command that installs it."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from debwright.config import Config, Suite
from debwright.doctor import Health
from debwright.host import process
from debwright.host.files import human_size
from debwright.host.machine import emulation_problem, free_bytes, host_arch, runs_too
from debwright.isolation import bounds
from debwright.isolation.namespaces import Namespaces, Spec, is_root
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command, Install
from debwright.model.targets import Target, suite_info
from debwright.roots.bootstrap import KEYRING_PACKAGES, further_keys, shipped_key
from debwright.roots.cache import default_cache
from debwright.source.wheelhouse.resolve import find_uv

NEEDED_BYTES = 5 * 1024**3


@dataclass(frozen=True)
class _Tool:
    command: str
    package: str
    use: str
    needed: bool = True


TOOLS = (
    _Tool("mmdebstrap", "mmdebstrap", "makes base roots"),
    _Tool("apt-ftparchive", "apt-utils", "writes the repository's indices"),
    _Tool("gpg", "gpg", "signs"),
    _Tool("gpg-agent", "gpg-agent", "keeps keys while signing"),
    _Tool("unshare", "util-linux", "separates sandboxes"),
    _Tool("nsenter", "util-linux", "enters sandboxes"),
    _Tool("systemd-nspawn", "systemd-container", "boots systems to check packages on"),
    _Tool("gpgv", "gpgv", "checks signatures"),
    _Tool("xz", "xz-utils", "packs sources"),
    _Tool("zstd", "zstd", "packs roots for another machine", needed=False),
    _Tool("git", "git", "tells the version", needed=False),
    _Tool("arch-test", "arch-test", "tries programs of other architectures", needed=False),
)


def examine(config: Config) -> list[Health]:
    """Look at everything; nothing is changed."""
    parts: list[Callable[[], Iterator[Health]]] = [
        _tools, lambda: _keyrings(config),
        lambda: _further_keys(config), _namespaces, _rights, lambda: _emulation(config),
        lambda: _wheelhouse(config), _disk,
    ]  # fmt: skip
    return [row for part in parts for row in part()]


def _tools() -> Iterator[Health]:
    for tool in TOOLS:
        path = shutil.which(tool.command, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            yield Health(
                name=tool.command, ok=False, found=f"not installed ({tool.use})",
                needed=tool.needed, fix=Install(tool.package),
            )  # fmt: skip
        else:
            yield Health(name=tool.command, ok=True, found=_version(path), needed=tool.needed)


def _version(path: str) -> str:
    try:
        done = process.run([path, "--version"], check=False, timeout=20)
    except DebwrightError:
        return path
    match = re.search(r"\d+(?:\.\d+)+", done.output + done.error)
    return match[0] if match else path


def _keyrings(config: Config) -> Iterator[Health]:
    """Ubuntu has not Debian's keys, and the other way round."""
    known = {s: suite_info(s) for s in {Target.parse(t).suite for t in config.targets.build}}
    wanted = {
        info.keyring: KEYRING_PACKAGES.get(info.distribution)
        for name, info in known.items()
        if info.keyring and (name not in config.suites or config.suites[name].keyring is None)
    }
    for path, package in sorted(wanted.items()):
        there = Path(path).is_file()
        yield Health(
            name=Path(path).stem, ok=there, found=path if there else f"{path} is not there",
            fix=None if there or package is None else Install(package),
        )  # fmt: skip


def _further_keys(config: Config) -> Iterator[Health]:
    """The keys of archives that are not the distribution's own."""
    targets = [Target.parse(t) for t in config.targets.build]
    wanted = [p for t in targets for p in further_keys(t, config.suites.get(t.suite) or Suite())]
    for path in dict.fromkeys(wanted):
        there = path.is_file()
        yield Health(
            name=path.stem, ok=there, found=str(path) if there else f"{path} is not there",
            fix=None if there else shipped_key(path),
        )  # fmt: skip


def _namespaces() -> Iterator[Health]:
    try:
        bounds.program()
        with Namespaces(Spec(network=False)) as inside:
            inside.run(["true"], timeout=20)
    except DebwrightError as problem:
        said = "; ".join(e.text for e in problem.evidence)
        yield Health(
            name="namespaces", ok=False, found=f"{problem.what}: {said}",
            fix=_namespace_fix(),
        )  # fmt: skip
    else:
        yield Health(name="namespaces", ok=True, found="can be made")


def _namespace_fix() -> str:
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if not is_root() and restricted.exists() and restricted.read_text().strip() == "1":
        return "run with sudo (this system's AppArmor keeps ordinary users from namespaces)"
    if not is_root() and not _has_subordinate_ids():
        return "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER"
    return "run with sudo, or in a privileged container"


def _has_subordinate_ids() -> bool:
    import getpass

    try:
        return any(
            line.split(":")[0] in {getpass.getuser(), str(os.getuid())}
            for line in Path("/etc/subuid").read_text().splitlines()
        )
    except OSError:
        return False


def _rights() -> Iterator[Health]:
    if is_root():
        yield Health(name="rights", ok=True, found="root: builds, and boots systems to check")
    else:
        yield Health(
            name="rights", ok=False, needed=False,
            found="an ordinary user: builds, but cannot boot systems to check packages on",
            fix=Command("debwright", "run", root=True),
        )  # fmt: skip


def _emulation(config: Config) -> Iterator[Health]:
    own = host_arch()
    arches = {Target.parse(t).arch for t in config.targets.build} - {own} - runs_too(own)
    for arch in sorted(arches):
        problem = emulation_problem(arch)
        yield Health(
            name=f"emulation of {arch}",
            ok=problem is None,
            found=problem.why if problem else "qemu-user runs its programs",
            fix=problem.fix if problem else None,
        )


def _wheelhouse(config: Config) -> Iterator[Health]:
    if config.wheelhouse is None:
        return
    try:
        uv = find_uv()
    except DebwrightError as problem:
        yield Health(name="uv", ok=False, found=problem.what, fix=problem.fix)
    else:
        yield Health(name="uv", ok=True, found=_version(str(uv)))


def _disk() -> Iterator[Health]:
    cache = default_cache()
    free = free_bytes(cache)
    yield Health(
        name="disk",
        ok=free >= NEEDED_BYTES,
        found=f"{human_size(free)} free for the cache in {cache}",
        fix=None if free >= NEEDED_BYTES
        else "debwright cache prune, or set XDG_CACHE_HOME to a larger disk",
    )  # fmt: skip
