"""Where the live checks of a target run: a clean root that is booted here, or something else.

An environment proves first that the package's dependencies can be had there, and then opens a
session on a running system to which the package can be brought. The checks know sessions only.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol

from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.runtime import (
    copy_into,
    repository_for,
    runtime_layer,
    without_preconfiguration,
)
from debwright.checks.engine.session import Session
from debwright.isolation.namespaces import is_root
from debwright.model.errors import CheckError
from debwright.roots.overlay import make_throwaway
from debwright.roots.preload import preload_for
from debwright.roots.store import Layer
from debwright.systems.nspawn import NspawnSandbox

Open = Callable[[ExitStack], Session]
"""Opens the session; whatever must be ended or removed afterwards goes onto the stack."""


class CleaningError(CheckError):
    """Something of the check is still on a machine that is not debwright's own."""


class Environment(Protocol):
    """A kind of place for live checks."""

    @property
    def kind(self) -> str:
        """`nspawn`, `docker`, `ssh`, `vm`: as on the command line and in reports."""

    @property
    def elsewhere(self) -> bool:
        """Whether it can be a system of any target."""

    @property
    def several(self) -> bool:
        """Whether two systems of a target can be open at once."""

    def unavailable(self) -> str | None:
        """Why nothing can be booted here by this user, though dependencies can be resolved."""

    def layer(self, context: CheckContext, /) -> Layer | None:
        """The root with the packages' dependencies, as `prepare` makes it.

        None on a machine that has its own. Raises what `prepare` does.
        """

    def prepare(self, context: CheckContext, stack: ExitStack, /) -> Open:
        """Resolve the dependencies. What must last until the checks are done goes onto `stack`.

        Raises UnsatisfiableDependencies, MaintainerScriptError (of a dependency), and MissingError
        when the environment itself lacks something.
        """


class NspawnEnvironment:
    """systemd-nspawn on a throw-away overlay: the fastest, and the default."""

    kind = "nspawn"
    elsewhere = True
    several = True

    def __str__(self) -> str:
        return self.kind

    def unavailable(self) -> str | None:
        if is_root():
            return None
        return "booting a system needs root: run `debwright check` with sudo"

    def layer(self, context: CheckContext) -> Layer:
        return runtime_layer(
            context.roots, context.target, context.installable, context.log,
            companions=context.companions,
        )  # fmt: skip

    def prepare(self, context: CheckContext, _: ExitStack) -> Open:
        layer = self.layer(context)
        return lambda stack: _open_nspawn(context, layer, stack)


def _open_nspawn(context: CheckContext, layer: Layer, stack: ExitStack) -> Session:
    stack.enter_context(layer.in_use())
    directory = stack.enter_context(context.cache.scratch("check"))
    overlay = make_throwaway(directory, layer)
    copy_into(overlay.upper, repository_for(directory / "repository", context.installable, layer))
    without_preconfiguration(overlay.upper, layer)
    context.activity("booting")
    preload = preload_for(context.roots, context.target, layer)
    system = stack.enter_context(NspawnSandbox(overlay, emulated=context.emulated, preload=preload))
    return Session.begin(context, system, layer=layer)
