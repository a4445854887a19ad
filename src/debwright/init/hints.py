"""What a project's source tells about its service: port, health path, framework, subcommand.

These are guesses for defaults that a person then reads; nothing is imported or run.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 500
MAX_BYTES = 512 * 1024
SKIPPED = {"tests", "test", "docs", "doc", "examples", "build", "dist", "node_modules", "debian"}

HEALTH_PATH = re.compile(
    r"""["'](/(?:api/)?(?:v\d+/)?_?(?:healthz?|ready|livez?|ping|status))["']"""
)
PORTS = (
    re.compile(r"""--port["'][^\n]*?default\s*=\s*["']?(\d{2,5})\b"""),
    re.compile(r"""(?i)\bport["']?\s*(?::\s*int\s*)?[=:,]\s*["']?(\d{2,5})\b"""),
    re.compile(r"""(?i)\w*PORT["']\s*,\s*["']?(\d{2,5})\b"""),
    re.compile(r"""Server\(\s*\(\s*[^,()]*,\s*(\d{2,5})\b"""),
)
SUBCOMMANDS = (
    re.compile(r"""add_parser\(\s*["'](serve|server|start|run)["']"""),
    re.compile(r"""\.command\(\s*["'](serve|server|start|run)["']"""),
    re.compile(
        r"""\.command\([^)\n]*\)\s*\n(?:@[^\n]*\n)*(?:async )?def (serve|server|start|run)\("""
    ),
)
APPS = (
    ("fastapi", re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*FastAPI\(", re.M)),
    ("starlette", re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*Starlette\(", re.M)),
    ("flask", re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*Flask\(", re.M)),
)
DEFAULT_PORTS = {"fastapi": 8000, "starlette": 8000, "flask": 5000}


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A value and where it was seen (`src/app.py:12`), or None for a mere default."""

    value: str
    seen: str | None


@dataclass(frozen=True, kw_only=True)
class Hints:
    port: Guess
    health_path: Guess
    framework: str | None = None
    app: str | None = None
    """`module:variable` of an ASGI or WSGI application."""
    subcommand: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Source:
    path: Path
    name: str
    text: str

    def at(self, match: re.Match[str]) -> str:
        return f"{self.name}:{self.text.count(chr(10), 0, match.start(1)) + 1}"


def read(directory: Path) -> Hints:
    """Look through the Python files below `directory`, within limits on number and size."""
    sources = list(_sources(directory))
    framework, app = _app(sources)
    return Hints(
        port=_port(sources, framework),
        health_path=_health(sources),
        framework=framework,
        app=app,
        subcommand=_subcommand(sources),
    )


def _sources(directory: Path) -> Iterator[_Source]:
    count = 0
    for root, names, files in os.walk(directory, followlinks=False):
        names[:] = sorted(n for n in names if n not in SKIPPED and not n.startswith((".", "venv")))
        for file in sorted(files):
            path = Path(root, file)
            if path.suffix != ".py" or path.is_symlink() or not path.is_file():
                continue
            count += 1
            if count > MAX_FILES:
                return
            with path.open("rb") as stream:
                text = stream.read(MAX_BYTES).decode("utf-8", "replace")
            yield _Source(path=path, name=str(path.relative_to(directory)), text=text)


def _port(sources: list[_Source], framework: str | None) -> Guess:
    for pattern in PORTS:
        for source in sources:
            for match in pattern.finditer(source.text):
                if 1 <= int(match[1]) <= 65535:
                    return Guess(value=str(int(match[1])), seen=source.at(match))
    return Guess(value=str(DEFAULT_PORTS.get(framework or "", 8080)), seen=None)


def _health(sources: list[_Source]) -> Guess:
    found = [(s, m) for s in sources for m in HEALTH_PATH.finditer(s.text)]
    if not found:
        return Guess(value="/", seen=None)
    source, match = min(found, key=lambda item: "health" not in item[1][1])
    return Guess(value=match[1], seen=source.at(match))


def _subcommand(sources: list[_Source]) -> str | None:
    for pattern in SUBCOMMANDS:
        for source in sources:
            if match := pattern.search(source.text):
                return match[1]
    return None


def _app(sources: list[_Source]) -> tuple[str | None, str | None]:
    for framework, pattern in APPS:
        for source in sources:
            if match := pattern.search(source.text):
                return framework, f"{_module(source.name)}:{match[1]}"
    return None, None


def _module(name: str) -> str:
    parts = list(Path(name).with_suffix("").parts)
    if parts[0] == "src" and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)
