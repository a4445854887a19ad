"""Finding what the modules of a package declare, so that a new module needs no entry in a list.

Names are read from the directory: nothing is imported until somebody asks for what is in it.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@cache
def names(package: str) -> tuple[str, ...]:
    """The modules and packages directly in `package`, by name, sorted; none is imported."""
    top, *inner = package.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise ModuleNotFoundError(f"there is no package {top}", name=top)
    places = [str(Path(p, *inner)) for p in spec.submodule_search_locations or ()]
    return tuple(sorted(m.name for m in pkgutil.iter_modules(places) if m.name != "__main__"))


def classes(module: str, base: type[T]) -> Iterator[type[T]]:
    """The classes derived from `base` that `module` itself declares, in its order."""
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module:
            yield value


def instances(package: str, kind: type[T]) -> Iterator[T]:
    """The objects of type `kind` at the top of each module of `package`, each once."""
    seen: set[int] = set()
    for name in names(package):
        for value in vars(importlib.import_module(f"{package}.{name}")).values():
            if isinstance(value, kind) and id(value) not in seen:
                seen.add(id(value))
                yield value
