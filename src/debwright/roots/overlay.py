"""A throw-away root: layers below, an empty directory on top, namespaces around."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debwright.host.machine import emulator_environment, is_emulated, proxy_environment
from debwright.isolation.namespaces import Bind, Namespaces, OverlayMount, Spec, Submount
from debwright.roots.cache import Cache
from debwright.roots.store import Layer

RESOLVER = Path("etc/resolv.conf")
HOSTS = Path("etc/hosts")
POLICY = Path("usr/sbin/policy-rc.d")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HOSTS_TEXT = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_POLICY_TEXT = "#!/bin/sh\n# No daemon may start while packages are put into a root.\nexit 101\n"


@dataclass(frozen=True)
class Throwaway:
    """Where the changes of one overlay go."""

    directory: Path
    layer: Layer

    @property
    def upper(self) -> Path:
        return self.directory / "upper"

    @property
    def arch(self) -> str:
        """Debian's name of the architecture whose programs are in it."""
        return self.layer.manifest.target.rpartition("-")[2]

    @property
    def mount_point(self) -> Path:
        return self.directory / "root"

    def overlay(self) -> OverlayMount:
        return OverlayMount(
            lower=[layer.tree for layer in self.layer.chain()],
            upper=self.upper,
            work=self._fresh_work(),
        )

    def _fresh_work(self) -> Path:
        # A volatile overlay marks its work directory and refuses it the next time.
        number = sum(1 for _ in self.directory.glob("work*"))
        work = self.directory / f"work{number}"
        work.mkdir()
        return work


@contextmanager
def throwaway(cache: Cache, layer: Layer, purpose: str) -> Iterator[Throwaway]:
    """Scratch space for an overlay on `layer`; the layer is kept from pruning meanwhile."""
    with layer.in_use(), cache.scratch(purpose) as directory:
        yield make_throwaway(directory, layer)


def make_throwaway(directory: Path, layer: Layer, *, hosts: bool = True) -> Throwaway:
    """An empty overlay on `layer`; without `hosts` for who brings an /etc/hosts of its own."""
    made = Throwaway(directory, layer)
    for path in (made.upper, made.mount_point):
        path.mkdir()
        path.chmod(0o755)  # whatever the umask: it is the root directory of all users inside
    # The installer writes it on every machine, debootstrap and mmdebstrap do not; without it
    # "localhost" is asked of a name server (hosts(5)).
    if hosts and not any(os.path.lexists(layer.tree / HOSTS) for layer in layer.chain()):
        _write(made.upper, HOSTS, _HOSTS_TEXT, 0o644)
    return made


@contextmanager
def opened(
    overlay: Throwaway,
    *,
    network: bool,
    binds: Sequence[Bind] = (),
    submounts: Sequence[Submount] = (),
    hostname: str = "debwright",
    bounded: bool = True,
) -> Iterator[Namespaces]:
    """The overlay mounted and entered.

    With `network`, commands may be given this machine's. Names then resolve as here, and its
    proxies are known: where there is no other way out, apt would find no archive without them.
    `bounded` is Spec's.
    """
    prepare(overlay.upper, resolver=network)
    spec = Spec(
        root=overlay.mount_point,
        overlay=overlay.overlay(),
        bounded=bounded,
        network=network,
        binds=binds,
        submounts=submounts,
        hostname=hostname,
        emulated=is_emulated(overlay.arch),
        variables={
            **dict(emulator_environment(overlay.arch)),
            **(proxy_environment() if network else {}),
        },
    )
    try:
        with Namespaces(spec) as inside:
            yield inside
    finally:
        clean(overlay.upper)


def prepare(upper: Path, *, resolver: bool) -> None:
    """Put what belongs to debwright, and not to the root, into the top of an overlay."""
    _write(upper, POLICY, _POLICY_TEXT, 0o755)
    if resolver:
        try:
            text = Path("/etc/resolv.conf").read_text()
        except OSError:
            text = ""
        _write(upper, RESOLVER, text, 0o644)


def name_no_servers(overlay: Throwaway) -> None:
    """Give the root an /etc/resolv.conf without servers, where it has none.

    Every machine has the file, and services take it for an error when it is not there (avahi).
    """
    if not any(os.path.lexists(layer.tree / RESOLVER) for layer in overlay.layer.chain()):
        _write(overlay.upper, RESOLVER, "# There is no network here.\n", 0o644)


def clean(upper: Path) -> None:
    """Take away again what `prepare` put in."""
    for path in (POLICY, RESOLVER):
        try:
            with _parent(upper, path) as directory:
                os.unlink(path.name, dir_fd=directory)
        except OSError:
            pass  # a package may have replaced or removed it: then it is the package's


def _write(upper: Path, path: Path, text: str, mode: int) -> None:
    with _parent(upper, path, make=True) as directory:
        try:
            os.unlink(path.name, dir_fd=directory)
        except FileNotFoundError:
            pass
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        handle = os.open(path.name, flags, mode, dir_fd=directory)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            os.fchmod(handle, mode)


@contextmanager
def _parent(upper: Path, path: Path, *, make: bool = False) -> Iterator[int]:
    """The directory of `path` below `upper`, opened without following any link.

    A package's scripts may have put a link to `/etc` of this machine where a directory was.
    """
    current = os.open(upper, _DIRECTORY)
    try:
        for part in path.parent.parts:
            if make:
                try:
                    os.mkdir(part, dir_fd=current)
                    os.chmod(part, 0o755, dir_fd=current)  # noqa: S103 - as in any root
                except FileExistsError:
                    pass
            below = os.open(part, _DIRECTORY, dir_fd=current)
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)
