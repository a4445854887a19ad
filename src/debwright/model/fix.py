"""What to do about a problem: a command that can be typed as it stands, or a text.

A fix is a `str`, which is what a person reads. A `Command` is the `str` that also knows its
arguments, so that nobody takes a command out of a sentence: what is only a `str` is a text, and is
never carried out. What is made of a command by formatting it into another string is a text again.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, Self

SUDO = "sudo"
PROGRAM = "debwright"
SECURE_PATH = frozenset(
    f"{top}/{name}" for top in ("/usr/local", "/usr", "") for name in ("bin", "sbin")
)
"""Where sudo looks for a command (sudoers(5), secure_path): not where pipx, uv or a venv put it."""


def for_root() -> list[str]:
    """The words that start this debwright where only sudo's own directories are searched."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py" and started.parent.name == PROGRAM:
        return [sys.executable, "-m", PROGRAM]
    found = shutil.which(sys.argv[0]) if started.name == PROGRAM else None
    if found is None or str(Path(found).absolute().parent) in SECURE_PATH:
        return [PROGRAM]
    return [str(Path(found).absolute())]


def again_as_root() -> "Command":
    """The command that runs now, with sudo."""
    return Command(PROGRAM, *sys.argv[1:], root=True)


class Command(str):
    """A command as a shell takes it, with `sudo` before it where it needs root."""

    arguments: tuple[str, ...]
    """What is carried out, without `sudo`."""
    root: bool
    own: int
    """How many of the arguments start debwright; 0 for another program."""

    def __new__(cls, *arguments: object, root: bool = False) -> Self:
        words = tuple(str(a) for a in arguments)
        start = tuple(for_root()) if root else (PROGRAM,)
        if words[:1] == (PROGRAM,):
            words = (*start, *words[1:])
        own = len(start) if words[: len(start)] == start else 0
        made = super().__new__(cls, shlex.join([SUDO, *words] if root else words))
        made.arguments, made.root, made.own = words, root, own
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str, ...], dict[str, Any]]:
        return self.arguments, {"root": self.root}

    def argv(self) -> list[str]:
        """What this process starts: with `sudo` only where it is not root already."""
        return [*([SUDO] if self.root and os.geteuid() != 0 else []), *self.arguments]


class Setup(Command):
    """A command that sets up this machine, as root: `doctor --install` carries it out."""

    def __new__(cls, *arguments: object, root: bool = True) -> Self:
        return super().__new__(cls, *arguments, root=root)


class Install(Setup):
    """The installation of packages of the distribution; the doctor does several in one."""

    reinstall: bool
    """They are there, and broken."""
    packages: tuple[str, ...]

    def __new__(cls, *packages: str, reinstall: bool = False) -> Self:
        option = ["--reinstall"] if reinstall else []
        made = super().__new__(cls, "apt-get", "install", *option, *packages)
        made.packages, made.reinstall = packages, reinstall
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str, ...], dict[str, Any]]:
        return self.packages, {"reinstall": self.reinstall}


def command_json(fix: str | None) -> dict[str, Any] | None:
    """A command as files have it, next to its text; None for a text."""
    if not isinstance(fix, Command):
        return None
    return {"arguments": list(fix.arguments), "root": fix.root}
