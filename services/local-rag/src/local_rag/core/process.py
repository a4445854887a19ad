"""Child processes that run modules of our own with the very same code; the processors there are.

An installed package runs in isolated mode, its directory put first on the path by the launcher, so
neither `python -m` nor PYTHONPATH would find this code, or might find another copy. The child is
given the directory instead; nothing in the environment or the working directory has a say.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

_START = (
    "import runpy, sys; del sys.argv[0]; sys.path.insert(0, sys.argv.pop(0)); "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module as a child."""
    # Without site-packages when we run without: what is not ours stays out of the child too.
    flags = ["-I", "-S"] if sys.flags.no_site else ["-I"]
    directory = str(Path(__file__).resolve().parents[2])
    return [sys.executable, *flags, "-c", _START, directory, module, *arguments]


def environment(only: Iterable[str]) -> dict[str, str]:
    """Return those of our variables that are named, for a child that needs no others."""
    return {name: os.environ[name] for name in only if name in os.environ}


def usable_cpus() -> int:
    """Return the number of processors this process may use, at least one."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except (AttributeError, OSError):
        return max(1, os.cpu_count() or 1)
