"""What a Dockerfile starts, as a process of the package.

In a container a server listens everywhere and on a low port, since the container keeps it apart; on
a system it listens on this machine, and on a port that an ordinary user may have.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from debwright.init.dockerfile import read_dockerfile
from debwright.init.ecosystems.python import servers
from debwright.init.ecosystems.python.apps import find_apps
from debwright.init.ecosystems.python.modules import Module
from debwright.init.ecosystems.python.procfile import Process, parse_words

PLACES = (
    "/app/",
    "/code/",
    "/src/",
    "/usr/src/app/",
    "/usr/src/",
    "/opt/app/",
    "/srv/",
    "/home/app/",
)
"""Where images have the tree of a project."""
_EVERYWHERE = re.compile(r"0\.0\.0\.0|\[::\]|(?<![\w:])::(?![\w:])")


def container_process(directory: Path, modules: Sequence[Module]) -> Process | None:
    """The command of the image, where it starts what is in the tree; else None.

    A program is not taken where there is an application object, which a server serves better.
    """
    said = read_dockerfile(directory)
    if not said.command:
        return None
    process = parse_words("web", _local(said.command), "Dockerfile")
    words = process.command.words
    if not servers.is_server(words) and find_apps(modules):
        return None
    return process if _is_here(words, process.command.directory, modules) else None


def _local(words: Sequence[str]) -> tuple[str, ...]:
    bound = servers.bound(words) if servers.is_server(words) else None
    low = bound is not None and bound[1].isdigit() and int(bound[1]) < 1024
    found = []
    for word in words:
        place = next((p for p in PLACES if word.startswith(p)), "")
        text = _EVERYWHERE.sub(servers.LOCAL, word.removeprefix(place))
        if low and bound is not None:
            text = re.sub(rf"(^|:|=){bound[1]}$", rf"\g<1>{servers.PORT}", text)
        found.append(text)
    return tuple(found)


def _is_here(words: Sequence[str], directory: str, modules: Sequence[Module]) -> bool:
    """Whether a word names a module or a file of the project."""
    root = f"{directory}/" if directory else ""
    paths = {m.path for m in modules}
    names = {m.name for m in modules}
    for word in words:
        target = word.partition(":")[0].removeprefix("./")
        if f"{root}{target}" in paths or f"{root}{target}".replace("/", ".") in names:
            return PurePosixPath(target).name != "manage.py"
    return False
