"""A throw-away root: layers below, an empty directory on top, namespaces around."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debwright.roots.cache import Cache
from debwright.roots.store import Layer
from debwright.sandbox.namespaces import Bind, Namespaces, OverlayMount, Spec, Submount

RESOLVER = Path("etc/resolv.conf")
POLICY = Path("usr/sbin/policy-rc.d")
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


def make_throwaway(directory: Path, layer: Layer) -> Throwaway:
    made = Throwaway(directory, layer)
    made.upper.mkdir(mode=0o755)
    made.mount_point.mkdir(mode=0o755)
    return made


@contextmanager
def opened(
    overlay: Throwaway,
    *,
    network: bool,
    binds: Sequence[Bind] = (),
    submounts: Sequence[Submount] = (),
    hostname: str = "debwright",
) -> Iterator[Namespaces]:
    """The overlay mounted and entered; with `network`, names resolve as on this machine."""
    prepare(overlay.upper, resolver=network)
    spec = Spec(
        root=overlay.mount_point,
        overlay=overlay.overlay(),
        network=network,
        binds=binds,
        submounts=submounts,
        hostname=hostname,
    )
    try:
        with Namespaces(spec) as inside:
            yield inside
    finally:
        clean(overlay.upper)


def prepare(upper: Path, *, resolver: bool) -> None:
    """Put what belongs to debwright, and not to the root, into the top of an overlay."""
    policy = upper / POLICY
    policy.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    policy.write_text(_POLICY_TEXT)
    policy.chmod(0o755)
    if resolver:
        path = upper / RESOLVER
        path.parent.mkdir(exist_ok=True, mode=0o755)
        try:
            text = Path("/etc/resolv.conf").read_text()
        except OSError:
            text = ""
        path.write_text(text)


def clean(upper: Path) -> None:
    """Take away again what `prepare` put in."""
    for path in (upper / POLICY, upper / RESOLVER):
        try:
            path.unlink()
        except OSError:
            pass  # a package may have replaced or removed it: then it is the package's
