"""Where a person stands who reads a terminal, and so how commands and paths are typed there.

Results name commands as they are typed in the project's directory, since they are read elsewhere
and later, too. Whoever started debwright with `-C` or `--output` stands in another directory.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from debwright.model.fix import Command, Correction

DIRECTORY, OUTPUT = ("-C", "--directory"), ("-o", "--output")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The options that debwright was started with; without any, all is typed as it is written."""

    directory: str | None = None
    output: str | None = None
    dist: Path = Path("dist")
    """The directory of the results, as it is typed."""
    commands: frozenset[str] = field(default=frozenset(), repr=False)
    """The names by which a command of debwright is known in a text."""
    given: tuple[str, ...] = field(default=(), repr=False)
    """What debwright was started with, as it was typed."""

    def typed(self, fix: str) -> str:
        """A command, or a text that names some, with the options that lead to the project."""
        if isinstance(fix, Correction):
            return fix.retyped(self.given)
        if isinstance(fix, Command):
            return self._command(fix)
        if self._named is None:
            return fix
        words = Command(*self._missing(()))
        return self._named.sub(lambda found: f"{found[0]}{words} ", fix)

    def optional(self, fix: str | None) -> str | None:
        """The same, where there may be none."""
        return None if fix is None else self.typed(fix)

    def _command(self, command: Command) -> Command:
        words = command.arguments
        missing = self._missing(words[command.own :]) if command.own else ()
        if not missing:
            return command
        return Command(
            *words[: command.own], *missing, *words[command.own :], root=command.root
        )  # fmt: skip

    def _missing(self, words: tuple[str, ...]) -> tuple[str, ...]:
        # `--output=x` and `-ox` have their value in the same word.
        given = {w.partition("=")[0] if w.startswith("--") else w[:2] for w in words}
        found: list[str] = []
        for names, value in ((DIRECTORY, self.directory), (OUTPUT, self.output)):
            if value is not None and not given & set(names):
                found += [names[0], value]
        return tuple(found)

    @cached_property
    def _named(self) -> re.Pattern[str] | None:
        """`debwright ` where one of its commands follows; prose that says debwright is none."""
        if not self.commands or not self._missing(()):
            return None
        names = "|".join(map(re.escape, sorted(self.commands)))
        return re.compile(rf"(?<![\w.-])debwright (?=(?:{names})\b)")


HERE = Standing()
"""In the project's directory."""
