"""What Python source says about its service: framework, application, subcommand."""

import re
from dataclasses import dataclass
from pathlib import Path

from debwright.init.ecosystems.python.listening import listens
from debwright.init.ecosystems.python.modules import read_modules
from debwright.init.hints import Source, guess_health_path, guess_port, read_sources
from debwright.init.model import Health

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
class Hints:
    health: Health
    serves: bool
    """Whether anything takes connections: without that, `health` is a guess at nothing."""
    framework: str | None = None
    app: str | None = None
    """`module:variable` of an ASGI or WSGI application."""
    subcommand: str | None = None


def read(directory: Path) -> Hints:
    """Look through the Python files below `directory`."""
    sources = read_sources(directory, {".py"})
    framework, app = _app(sources)
    port = guess_port(sources, DEFAULT_PORTS.get(framework or "", 8080))
    return Hints(
        health=Health(port=port, path=guess_health_path(sources)),
        serves=listens(read_modules(directory)),
        framework=framework,
        app=app,
        subcommand=_subcommand(sources),
    )


def _subcommand(sources: list[Source]) -> str | None:
    for pattern in SUBCOMMANDS:
        for source in sources:
            if match := pattern.search(source.text):
                return match[1]
    return None


def _app(sources: list[Source]) -> tuple[str | None, str | None]:
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
