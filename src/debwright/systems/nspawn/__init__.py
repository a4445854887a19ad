"""systemd-nspawn on a throw-away overlay: the fastest system, and the default."""

from contextlib import ExitStack

from debwright.isolation.namespaces import is_root
from debwright.model.errors import MissingError
from debwright.model.fix import again_as_root
from debwright.roots.overlay import make_throwaway, name_no_servers
from debwright.roots.preload import preload_for
from debwright.roots.store import Layer
from debwright.systems.base import Open, Opened, Subject, System
from debwright.systems.kinds import Kind
from debwright.systems.nspawn.booted import NspawnSandbox
from debwright.systems.runtime import copy_into, repository_for, without_preconfiguration

__all__ = ["NspawnSandbox", "NspawnSystem"]


class NspawnSystem(System):
    """A clean root, booted in a container of its own."""

    kind = "nspawn"
    two_at_once = True

    def unavailable(self) -> MissingError | None:
        if is_root():
            return None
        return MissingError("booting a system needs root", fix=again_as_root())

    def prepare(self, subject: Subject, _: ExitStack) -> Open:
        layer = self.layer(subject)
        assert layer is not None
        return lambda stack: _open(subject, layer, stack)


def _open(subject: Subject, layer: Layer, stack: ExitStack) -> Opened:
    stack.enter_context(layer.in_use())
    directory = stack.enter_context(subject.roots.cache.scratch("check"))
    overlay = make_throwaway(directory, layer)
    copy_into(overlay.upper, repository_for(directory / "repository", subject.installable, layer))
    without_preconfiguration(overlay.upper, layer)
    name_no_servers(overlay)
    subject.activity("booting")
    preload = preload_for(subject.roots, subject.target, layer)
    system = stack.enter_context(NspawnSandbox(overlay, emulated=subject.emulated, preload=preload))
    return Opened(system=system, layer=layer)


NSPAWN = Kind(
    name="nspawn",
    make=lambda _: NspawnSystem(),
    about="a clean root, booted in a container of its own",
    needs="root",
    good_for="every run: it starts in a second",
)
