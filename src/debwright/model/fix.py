"""What to do about a problem: a command that can be typed as it stands, or a text.

A fix is a `str`, which is what a person reads. A `Command` is the `str` that also knows its
arguments, so that nobody takes a command out of a sentence: what is only a `str` is a text, and is
never carried out. What is made of a command by formatting it into another string is a text again.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
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


class Correction(str):
    """The command line once more, with one word of it corrected.

    What finds the mistake knows the word and not the command line, so as a `str` this is what to
    write; `retyped` makes the command of it.
    """

    right: str
    wrong: str | None
    option: str | None

    def __new__(
        cls, right: str, *, wrong: str | None = None, option: str | None = None
    ) -> Self:  # fmt: skip
        """`right` in the place of `wrong`; where that was not typed, as the value of `option`."""
        made = super().__new__(cls, f"{option} {right}" if option else f"write `{right}`")
        made.right, made.wrong, made.option = right, wrong, option
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str, ...], dict[str, Any]]:
        return (self.right,), {"wrong": self.wrong, "option": self.option}

    def retyped(self, given: Sequence[str]) -> str:
        """The whole command; the text where the command line has nothing to do with it."""
        words = list(given)
        place = None if self.wrong is None else _place_of(self.wrong, words)
        if place is not None and self.wrong is not None:
            words[place] = words[place].removesuffix(self.wrong) + self.right
        elif self.option is not None and words:
            end = words.index("--") if "--" in words else len(words)
            words[end:end] = [self.option, self.right]
        else:
            return self
        return Command(PROGRAM, *words, root=PROGRAM in os.environ.get("SUDO_COMMAND", ""))


def _place_of(wrong: str, words: Sequence[str]) -> int | None:
    """Where a word was typed: by itself, as `--option=WORD` or as `-oWORD`."""
    for number, word in enumerate(words):
        head = word.removesuffix(wrong) if word.endswith(wrong) else None
        if head == "" or (head and head[0] == "-" and (head[-1] == "=" or len(head) == 2)):
            return number
    return None


def command_json(fix: str | None) -> dict[str, Any] | None:
    """A command as files have it, next to its text; None for a text."""
    if not isinstance(fix, Command):
        return None
    return {"arguments": list(fix.arguments), "root": fix.root}
