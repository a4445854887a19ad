"""Commands that a README tells people to start a project with."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debwright.init.ecosystems.python.procfile import parse
from debwright.init.ecosystems.python.tables import text_of

FILES = ("README.md", "README.rst", "README.txt", "README", "Readme.md", "readme.md")
MAX_WORDS = 20
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_SPAN = re.compile(r"`([^`\n]{3,200})`")
_PROMPT = re.compile(r"^\s*(?:\$|%|>|#)\s+")


@dataclass(frozen=True, kw_only=True)
class Line:
    words: tuple[str, ...]
    seen: str
    """As `README.md:12`."""


def commands(directory: Path) -> list[Line]:
    """Lines of code blocks, and code within sentences, that are simple commands."""
    for name in FILES:
        if text := text_of(directory, name):
            return list(_commands(text, name))
    return []


def _commands(text: str, name: str) -> Iterator[Line]:
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        indented = line.startswith(("    ", "\t"))
        for code in [line] if fenced or indented else _SPAN.findall(line):
            process = parse("web", _PROMPT.sub("", code).strip(), f"{name}:{number}")
            words = process.command.words
            if not process.shell and words and len(words) <= MAX_WORDS:
                yield Line(words=words, seen=process.seen)
