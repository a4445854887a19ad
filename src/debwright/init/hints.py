"""What a project's source says about its service: the port and the health path.

These are guesses for defaults that a person then reads; nothing is imported or run.
"""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.init.model import Guess

MAX_FILES = 500
MAX_BYTES = 512 * 1024
SKIPPED = {"tests", "test", "testdata", "docs", "doc", "examples", "build", "dist", "debian"} | {
    "node_modules", "vendor", "target",
}  # fmt: skip
"""Directories whose files are not the project's own programs."""

HEALTH_PATH = re.compile(
    r"""["'](/(?:api/)?(?:v\d+/)?_?(?:healthz?|ready|livez?|ping|status))["']"""
)
PORTS = (
    re.compile(r"""--port["'][^\n]*?default\s*=\s*["']?(\d{2,5})\b"""),
    re.compile(
        r"""(?i)\b(?:(?:default|listen|server|bind)_)?port["']?\s*(?::\s*int\s*)?[=:,]\s*["']?(\d{2,5})\b"""
    ),
    re.compile(r"""(?i)\w*PORT["']\s*,\s*["']?(\d{2,5})\b"""),
    re.compile(r"""Server\(\s*\(\s*[^,()]*,\s*(\d{2,5})\b"""),
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of the project's source."""

    name: str
    """Relative to the project's directory."""
    text: str

    def at(self, match: re.Match[str]) -> str:
        return f"{self.name}:{self.text.count(chr(10), 0, match.start(1)) + 1}"


def read_sources(
    directory: Path, suffixes: Collection[str], skipped: Collection[str] = SKIPPED
) -> list[Source]:
    """The files below `directory` that end so, within limits on number and size.

    Directories of the names `skipped`, wherever they are, are left out, and hidden ones.
    """
    return list(_sources(directory, suffixes, skipped))


def _sources(
    directory: Path, suffixes: Collection[str], skipped: Collection[str]
) -> Iterator[Source]:
    count = 0
    for root, names, files in os.walk(directory, followlinks=False):
        names[:] = sorted(n for n in names if n not in skipped and not n.startswith((".", "venv")))
        for file in sorted(files):
            path = Path(root, file)
            if path.suffix not in suffixes or path.is_symlink() or not path.is_file():
                continue
            count += 1
            if count > MAX_FILES:
                return
            with path.open("rb") as stream:
                text = stream.read(MAX_BYTES).decode("utf-8", "replace")
            yield Source(name=str(path.relative_to(directory)), text=text)


def guess_port(sources: Sequence[Source], default: int = 8080) -> Guess:
    for pattern in PORTS:
        for source in sources:
            for match in pattern.finditer(source.text):
                if 1 <= int(match[1]) <= 65535:
                    return Guess(value=str(int(match[1])), seen=source.at(match))
    return Guess(value=str(default), seen=None)


def guess_health_path(sources: Sequence[Source]) -> Guess:
    found = [(s, m) for s in sources for m in HEALTH_PATH.finditer(s.text)]
    if not found:
        return Guess(value="/", seen=None)
    source, match = min(found, key=lambda item: "health" not in item[1][1])
    return Guess(value=match[1], seen=source.at(match))
