"""Which files of a project an installed application has no use for."""

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from debwright.init.ecosystems.python.modules import Module
from debwright.init.hints import SKIPPED
from debwright.init.overridden import PAGES, SCRIPTS

ANYWHERE = (".git*", "__pycache__", "*.pyc", "*.pyo", ".DS_Store", "Thumbs.db", ".idea", ".vscode",
            "*.orig", "*.rej", "*~", ".pytest_cache", ".mypy_cache", ".ruff_cache")  # fmt: skip
OURS = ("./debian", "./debwright.toml", "./wheelhouse", "./dist", "./build", "./.[!.]*")
"""Of packaging, of version control and of tools. Hidden files may have secrets, as .env."""
AT_THE_TOP = (
    "tests", "test", "venv", "env", "virtualenv", "node_modules", "htmlcov", "Dockerfile*",
    "docker-compose*", "compose.y*ml", "Procfile*", "Makefile", "Vagrantfile", "requirements*",
    "Pipfile*", "LICENSE*", "LICENCE*", "COPYING*", "README*", "CHANGELOG*", "CONTRIBUTING*",
    "CODE_OF_CONDUCT*", "SECURITY*", "AUTHORS*", "docs", "tox.ini", "pytest.ini", "setup.cfg",
    "noxfile.py", "conftest.py", "uv.lock", "poetry.lock", "pdm.lock", "fly.toml", "render.yaml",
    "runtime.txt", "app.json", "*.service", "*.timer", "*.socket", "systemd", "crontab*",
    "*.egg-info", "*.log", "*.tar.gz", "*.whl",
)  # fmt: skip
OVERRIDES = (
    ((".html", ".htm", ".jinja", ".jinja2", ".j2", ".svg", ".css"), PAGES),
    ((".js", ".mjs"), ("embedded-javascript-library",)),
    ((".ttf", ".otf", ".woff", ".woff2"),
     ("font-in-non-font-package", "truetype-font-prohibits-installable-embedding")),
    ((".sh", ".pl", ".rb"), ("script-not-executable", *SCRIPTS)),
    ((".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"), ("image-file-in-usr-lib",)),
)  # fmt: skip
"""Suffixes, and what lintian says of such files in a private tree."""
MAX_FILES = 5000


def overrides(directory: Path, *, collected: bool = False) -> tuple[str, ...]:
    """Overrides for what lintian says of the application's own files, where there are such.

    With `collected`, the package has static files of the application's dependencies, too.
    """
    suffixes: set[str] = {".js", ".woff"} if collected else set()
    marked = False
    for number, path in enumerate(_files(directory)):
        if number >= MAX_FILES:
            break
        suffixes.add(path.suffix.lower() or (".sh" if _is_script(path) else ""))
        marked = marked or bool(path.stat().st_mode & 0o111)
    tags = [tag for ends, found in OVERRIDES if suffixes & set(ends) for tag in found]
    tags += ["executable-not-elf-or-script"] if marked else []
    head = "# The application's files are in its tree as its author has them."
    return (head, *(f"{tag} *usr/*" for tag in tags)) if tags else ()


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _files(directory: Path) -> Iterator[Path]:
    for root, names, files in os.walk(directory, followlinks=False):
        names[:] = [n for n in names if not n.startswith(".") and n not in SKIPPED]
        for name in files:
            path = Path(root, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def left_out(directory: Path, modules: Sequence[Module], more: Sequence[str]) -> str:
    """Patterns for tar's --exclude-from: a file that the source names stays in the package."""
    named = _mentioned(modules)
    kept = []
    for pattern in AT_THE_TOP:
        names = {path.name for path in directory.glob(pattern)}
        if not names & named:
            kept.append(f"./{pattern}")
    return "\n".join([*OURS, *kept, *(f"./{m}" for m in more), *ANYWHERE]) + "\n"


def _mentioned(modules: Sequence[Module]) -> set[str]:
    """First parts of everything in the source that looks like a path, and every module imported."""
    words: set[str] = set()
    for module in modules:
        words |= {name.partition(".")[0] for name in module.imported}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if len(text) < 200 and "\n" not in text:
                    words |= set(re.split(r"[/\\]", text.removeprefix("./")))
    return words
