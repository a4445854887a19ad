"""Whether a Python project is an application that runs where it lies, or one to be built."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from debwright.init.hints import SKIPPED

PROGRAMS = ("main.py", "app.py", "wsgi.py", "asgi.py", "server.py", "run.py", "bot.py", "worker.py",
            "application.py", "index.py")  # fmt: skip
DEPLOYED = ("manage.py", "Procfile", "requirements.txt", "Pipfile", "requirements")


def is_application(directory: Path) -> bool:
    """Whether nothing builds the project: there is no pyproject.toml, or it describes no package.

    A project is a package when it names a build backend, or commands to install; Django's manage.py
    without such commands, and a tool's own `package = false`, are an application.
    """
    pyproject = directory / "pyproject.toml"
    if not pyproject.is_file():
        built = any((directory / f).is_file() for f in ("setup.py", "setup.cfg"))
        return not built or has_manage(directory)
    try:
        data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False  # whoever reads it next says what is wrong with it
    poetry, uv = _table(data, "tool", "poetry"), _table(data, "tool", "uv")
    said = poetry.get("package-mode", uv.get("package"))
    if isinstance(said, bool):
        return not said
    if _table(data, "project", "scripts") or poetry.get("scripts"):
        return False
    unbuilt = "build-system" not in data and _runs(directory, (*PROGRAMS, *DEPLOYED))
    return unbuilt or has_manage(directory)


def has_manage(directory: Path) -> bool:
    """Whether there is Django's manage.py, at the top or in a directory as src/ or backend/."""
    return manage_directory(directory) is not None


def manage_directory(directory: Path) -> str | None:
    """The directory of Django's manage.py, from the top of the project; empty for the top."""
    if (directory / "manage.py").is_file():
        return ""
    found = (path.parent.name for path in sorted(directory.glob("[!.]*/manage.py")))
    return next((name for name in found if name not in SKIPPED), None)


def only_settings(directory: Path) -> bool:
    """Whether pyproject.toml has settings of tools and no project, as any repository may."""
    try:
        text = (directory / "pyproject.toml").read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False
    told = {"project", "build-system"} & set(data) or _table(data, "tool", "poetry")
    return not told and not any((directory / f).is_file() for f in ("setup.py", "setup.cfg"))


def _runs(directory: Path, names: tuple[str, ...]) -> bool:
    return any((directory / name).exists() for name in names)


def _table(data: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    value: Any = data
    for key in keys:
        value = value.get(key, {}) if isinstance(value, Mapping) else {}
    return value if isinstance(value, Mapping) else {}
