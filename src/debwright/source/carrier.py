"""What a source package carries in addition to its own tree, so that its build needs no network.

A module or package below `carriers`, named as its table of debwright.toml, makes one `Carrier`:
`[npm]` is `carriers/npm`. What it asks for is known when a run is planned, fetched in the source
stage, and unpacked by dpkg-source to a directory of the component's name.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from debwright.config import Config
from debwright.roots.cache import Cache
from debwright.source.components import Component

PACKAGE = "debwright.source.carriers"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A component that is in the cache, ready for the source package."""

    component: Component
    files: int
    """How many files it holds that were fetched."""
    seconds: float


class Asked(Protocol):
    """A component that a project asks for, before it is made."""

    @property
    def digest(self) -> str:
        """Of everything that decides what is in it."""

    def prepare(self, cache: Cache, *, note: Say, activity: Say) -> Carried:
        """Fetch and pack it, taking from the cache what is there."""


class Carrier:
    """A kind of component, as `[npm]`."""

    def asked(self, config: Config, source: Path) -> Asked:
        """What the table of `config`, and the tree in `source`, ask for. Raises ConfigError."""
        raise NotImplementedError


def asked_of(tables: Sequence[str], config: Config, source: Path) -> tuple[Asked, ...]:
    """What `tables` of the configuration want carried, in their order. Raises ConfigError."""
    found = []
    for name in tables:
        module = importlib.import_module(f"{PACKAGE}.{name}")
        carrier = next(v for v in vars(module).values() if isinstance(v, Carrier))
        found.append(carrier.asked(config, source))
    return tuple(found)
