"""What a Dockerfile says of how its program is started (the Dockerfile reference)."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from debwright.init.model import Guess

FILES = (
    "Dockerfile",
    "Containerfile",
    "docker/Dockerfile",
    "build/Dockerfile",
    "deploy/Dockerfile",
)
MAX_BYTES = 64 * 1024
_URL = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::(?P<port>\d{2,5}))?(?P<path>/[\w./-]*)?"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    """The last stage of a Dockerfile: the image that is run."""

    command: tuple[str, ...] = ()
    """ENTRYPOINT and CMD together, as they are run."""
    port: Guess | None = None
    path: Guess | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, program: str) -> tuple[str, ...]:
        """What follows the program's name, where the image starts that program."""
        for number, word in enumerate(self.command):
            if PurePosixPath(word).name == program:
                return self.command[number + 1 :]
        return ()


def read_dockerfile(directory: Path) -> Dockerfile:
    """What the project's Dockerfile says; nothing without one."""
    for name in FILES:
        path = directory / name
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                return _parsed(stream.read(MAX_BYTES).decode("utf-8", "replace"), name)
    return Dockerfile()


def _parsed(text: str, name: str) -> Dockerfile:
    entry: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    port = path = None
    environment: dict[str, str] = {}
    for number, keyword, rest in _instructions(text):
        seen = f"{name}:{number}"
        match keyword:
            case "FROM":  # another stage: what was built before is not what runs
                entry, command, port, path, environment = (), (), None, None, {}
            case "ENTRYPOINT":
                entry, command = _words(rest), ()
            case "CMD":
                command = _words(rest)
            case "EXPOSE" if port is None and (found := re.match(r"(\d{2,5})(?:/tcp)?\b", rest)):
                port = Guess(value=found[1], seen=seen)
            case "ENV":
                environment |= _environment(rest)
            case "HEALTHCHECK" if found := _URL.search(rest):
                path = Guess(value=found["path"] or "/", seen=seen)
    return Dockerfile(command=(*entry, *command), port=port, path=path, environment=environment)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        start = start or number
        if stripped.endswith("\\"):
            joined += stripped[:-1] + " "
            continue
        keyword, _, rest = (joined + stripped).partition(" ")
        yield start, keyword.upper(), rest.strip()
        joined, start = "", 0


def _words(text: str) -> tuple[str, ...]:
    """A command in JSON's form or the shell's; one that needs a shell to be understood is none."""
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            return ()
        return tuple(w for w in words if isinstance(w, str)) if isinstance(words, list) else ()
    if re.search(r"[$`|&;<>]", text):
        return ()
    try:
        words = shlex.split(text)
    except ValueError:
        return ()
    return tuple(words[1:] if words[:1] == ["exec"] else words)


def _environment(text: str) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError:
        return {}
    if words and "=" not in words[0]:
        words = [f"{words[0]}={' '.join(words[1:])}"]
    pairs = (word.partition("=") for word in words if "=" in word)
    return {k: v for k, _, v in pairs if _VARIABLE.fullmatch(k) and "$" not in v}
