"""The kinds of systems that there are: each module of this package declares its own."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from debwright.config import LoadedConfig
from debwright.model import registry
from debwright.systems.base import System

HERE = "debwright.systems"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The wish for a system: its name as a user writes it, and the configuration around it."""

    text: str
    loaded: LoadedConfig
    replace: bool = False
    """Whether packages that are installed there may be replaced, and purged at the end."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A name of systems, as a user writes it; the module that has the system declares it."""

    name: str
    make: Callable[[Asked], System]
    """Raises UsageError when the name is not written as it must be."""
    about: str
    """What the system is; this and the next two are its row in docs/sandboxes.md."""
    needs: str
    good_for: str
    address: str = ""
    """How the rest of the name is written, where it is NAME://ADDRESS."""
    somebodys: bool = False
    """Whether it is a machine with packages and data of its own."""

    @property
    def form(self) -> str:
        """How it is written on the command line and in debwright.toml."""
        return f"{self.name}://{self.address}" if self.address else self.name

    def takes(self, text: str) -> bool:
        """Whether `text` names a system of this kind."""
        return text.startswith(f"{self.name}://") if self.address else text == self.name


def kinds() -> tuple[Kind, ...]:
    """All of them, by name."""
    return tuple(sorted(registry.instances(HERE, Kind), key=lambda kind: kind.name))


def kind_of(text: str) -> Kind | None:
    """The kind that `text` names, or None. A module of that name is asked before all others."""
    name = text.partition("://")[0]
    if name in registry.names(HERE):
        for value in vars(importlib.import_module(f"{HERE}.{name}")).values():
            if isinstance(value, Kind) and value.takes(text):
                return value
    return next((kind for kind in kinds() if kind.takes(text)), None)
