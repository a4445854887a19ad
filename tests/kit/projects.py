"""Source trees that are copied, and built."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def copy_tracked(source: Path, target: Path, *, without: str = "\0") -> None:
    """What is in git below `source`, except names that begin with `without`."""
    listed = subprocess.run(
        ["git", "-C", str(source), "ls-files", "-z"], check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(without):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def published(tree: Path, targets: Sequence[str], *options: str, expect: int = 0) -> None:
    """`debwright run`: built, checked and published; or stopped with another exit code."""
    selected = [word for t in targets for word in ("-t", t)]
    done = subprocess.run(
        [sys.executable, "-m", "debwright", "-C", str(tree), *options, "run", *selected],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == expect, done.stdout[-6000:] + done.stderr[-2000:]
