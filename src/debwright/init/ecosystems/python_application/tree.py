"""Which files of a project an installed application has no use for."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from debwright.init.ecosystems.python.modules import Module

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
