"""What a project says of itself outside of its language's own files: README and tags."""

import re
from pathlib import Path

from debwright.host.process import CommandError
from debwright.init.model import Person, one_line
from debwright.model.errors import DebwrightError
from debwright.source.version import from_git

MAX_BYTES = 64 * 1024
READMES = ("README.md", "README", "README.rst", "README.txt", "Readme.md", "readme.md")
DEFAULT_VERSION = "0.1.0"
_PERSON = re.compile(
    r"\s*([^<>]+?)\s*<\s*([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)\s*>\s*"
)
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*_`]|<[^>]+>")


def tagged_version(directory: Path) -> str | None:
    """The upstream version of the newest release tag that the tree descends from."""
    try:
        found = from_git(directory)
    except (DebwrightError, CommandError, OSError):
        return None  # no repository, or none with a commit
    return found.upstream if found.tag is not None else None


def readme_sentence(directory: Path) -> str:
    """The first sentence of the first paragraph of the README that is one."""
    top = directory.resolve()
    for name in READMES:
        path = directory / name
        if path.is_file() and path.resolve().is_relative_to(top):
            with path.open("rb") as stream:
                return _sentence(stream.read(MAX_BYTES).decode("utf-8", "replace"))
    return ""


def _sentence(text: str) -> str:
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        heading = len(lines) == 2 and re.fullmatch(r"[=~-]{3,}", lines[1])
        # Titles, pictures, tables, lists, quotations and code are no description.
        if (
            not lines
            or heading
            or lines[0].startswith(("#", "!", "[![", "|", "-", "*", ">", "```", ".. ", "<", "="))
        ):
            continue
        plain = one_line(_MARKUP.sub(lambda m: m[1] or "", " ".join(lines)))
        first = re.split(r"(?<=[.!?])\s", plain, maxsplit=1)[0]
        if len(first.split()) >= 2:
            return first
    return ""


def person(text: object) -> Person | None:
    """`Name <mail>` as an author's name and address."""
    match = _PERSON.fullmatch(text) if isinstance(text, str) else None
    return Person(name=one_line(match[1]), email=match[2]) if match else None
