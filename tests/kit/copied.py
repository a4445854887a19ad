"""A copy of debwright's source tree, to which a test adds a file or a row and uses it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import debwright
from tests.kit.pages import TOP, blocks

SOURCE = Path(debwright.__file__).parent


@dataclass(frozen=True)
class Tree:
    """The copied package `debwright`, and how to run it instead of the installed one."""

    package: Path

    @classmethod
    def copy(cls, directory: Path) -> "Tree":
        """Copy the package below `directory`."""
        # With what is compiled, which stays valid: the times of the files are copied, too.
        return cls(Path(shutil.copytree(SOURCE, directory / "tree/debwright")))

    def add(self, example: str, path: str) -> None:
        """Add an example of docs/develop.md as the new module `path`."""
        (block,) = (b for b in blocks(TOP / "docs/develop.md") if b.value == example)
        file = self.package / path
        assert not file.exists()
        file.write_text(block.text)

    def python(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python on the copy: `-m debwright ...`, or a script."""
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(self.package.parent)},
            cwd=cwd, check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def debwright(self, *arguments: str, cwd: Path) -> str:
        """Run a command of the copy; what it wrote, whatever its status."""
        done = self.python("-m", "debwright", *arguments, cwd=cwd)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr
