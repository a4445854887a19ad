"""Child processes that run modules of our own."""

import os
import sys
from collections.abc import Iterable


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module as a child."""
    return [sys.executable, "-m", module, *arguments]


def environment(only: Iterable[str] | None = None) -> dict[str, str]:
    """Return what a child is given: all variables, or those named; and where our modules are.

    A package keeps the modules in a directory of its own, which the parent was told of and the
    child has to be told of.
    """
    kept = dict(os.environ) if only is None else {k: os.environ[k] for k in only if k in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
