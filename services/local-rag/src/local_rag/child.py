"""Running a module of ours in a process of its own, with the very same code.

An installed package starts in isolated mode with its private directory put first on the path by
the launcher, so neither `python -m` nor PYTHONPATH would find this code, or might find another
copy. The child is therefore told the directory, and nothing in the environment or the working
directory has a say.
"""

import sys
from pathlib import Path

_START = (
    "import runpy, sys; del sys.argv[0]; sys.path.insert(0, sys.argv.pop(0)); "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `module` with `arguments` under our own interpreter."""
    # Without site-packages when we run without: what is not ours stays out of the child too.
    flags = ["-I", "-S"] if sys.flags.no_site else ["-I"]
    directory = str(Path(__file__).resolve().parents[1])
    return [sys.executable, *flags, "-c", _START, directory, module, *arguments]
