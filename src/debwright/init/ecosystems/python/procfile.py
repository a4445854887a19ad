"""The Procfile: which processes an application consists of, each with its command line.

The format is that of Heroku and Foreman: `TYPE: COMMAND`, a shell's command a line.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debwright.init.ecosystems.python.requirements import decoded
from debwright.init.unitfile import split

DEFAULTS = {"PORT": "8000", "WEB_CONCURRENCY": "2"}
"""Variables that a platform sets; here the unit does."""
RUNNERS = (("poetry", "run"), ("uv", "run"), ("pipenv", "run"), ("pdm", "run"), ("hatch", "run"),
           ("exec",), ("dotenv", "run", "--"), ("dotenv", "run"), ("opentelemetry-instrument",),
           ("ddtrace-run",), ("newrelic-admin", "run-program"))  # fmt: skip
_LINE = re.compile(r"([A-Za-z0-9_-]{1,40}):\s*(\S.*)")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?-([^}]*))?\}|([A-Za-z_]\w*))", re.ASCII)
_SET = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII)
_SHELL = re.compile(r"[|;<>`]|\$\(|(?<!&)&(?!&)|\|\|")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A simple command; `${NAME}` in a word is a variable of the environment."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it is given, and the defaults of the variables in its words."""
    directory: str = ""
    """Below the top of the project."""


@dataclass(frozen=True, kw_only=True)
class Process:
    name: str
    """As `web`, `worker`, `release`."""
    before: tuple[Command, ...] = ()
    command: Command
    seen: str
    shell: str = ""
    """The line, when it needs a shell: a pipe, a redirection, several commands."""


def read_procfile(directory: Path) -> tuple[Process, ...]:
    """The processes of the Procfile, in its order; none where there is no such file."""
    path = directory / "Procfile"
    if not path.is_file() or path.is_symlink():
        return ()
    found = []
    for number, line in enumerate(decoded(path).splitlines(), 1):
        match = _LINE.fullmatch(line.strip())
        if match:
            found.append(parse(match[1], match[2], f"Procfile:{number}"))
    return tuple(found)


def parse(name: str, line: str, seen: str) -> Process:
    """A line of a shell. What leads to one program is taken apart; the rest is left to a shell."""
    directory, commands = "", []
    for part in re.split(r"\s&&\s", line):
        command = _command(part.strip(), directory)
        if command.words[:1] == ("cd",) and len(command.words) == 2:
            directory = command.words[1].strip("/")
            continue
        commands.append(command)
    if _SHELL.search(line) or not commands or not all(c.words for c in commands):
        command = Command(words=("sh", "-c", line))
        return Process(name=name, command=command, seen=seen, shell=line)
    return Process(name=name, before=tuple(commands[:-1]), command=commands[-1], seen=seen)


def parse_words(name: str, words: Sequence[str], seen: str) -> Process:
    """A command as words; one that is given to a shell is taken apart as a line of it."""
    if len(words) == 3 and words[0].rpartition("/")[2] in ("sh", "bash") and words[1] == "-c":
        return parse(name, words[2], seen)
    return Process(name=name, command=_simple(list(words), ""), seen=seen)


def _command(text: str, directory: str) -> Command:
    return _simple(split(text), directory)


def _simple(words: list[str], directory: str) -> Command:
    given: dict[str, str] = {}
    while words and (match := _SET.fullmatch(words[0])):
        given[match[1]] = match[2]
        words = words[1:]
    stripped = True
    while stripped:
        stripped = False
        for runner in RUNNERS:
            if tuple(words[: len(runner)]) == runner and len(words) > len(runner):
                words, stripped = words[len(runner) :], True
    defaults: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        variable = match[1] or match[3]
        defaults.setdefault(variable, match[2] or DEFAULTS.get(variable, ""))
        return f"${{{variable}}}"

    replaced = tuple(_VARIABLE.sub(named, word) for word in words)
    return Command(words=replaced, environment={**defaults, **given}, directory=directory)
