"""Reading locks: one module for each program that writes them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from debwright.model.errors import ConfigError, Evidence
from debwright.source.carriers.npm.locks import package_lock, pnpm, yarn
from debwright.source.carriers.npm.model import Tree

SIZE_LIMIT = 64 * 1024 * 1024

Reader = Callable[[str, str, Mapping[str, Any]], Tree]
"""Of the lock's text, its name, and the project's package.json."""

READERS: Mapping[str, Reader] = {
    "npm-shrinkwrap.json": package_lock.read,
    "package-lock.json": package_lock.read,
    "pnpm-lock.yaml": pnpm.read,
    "yarn.lock": yarn.read,
}
"""Names of locks, those that win first (npm-shrinkwrap.json(5))."""


def find_lock(directory: Path) -> str | None:
    """The lock that the project has; None where it has none."""
    return next((name for name in READERS if (directory / name).is_file()), None)


def read_text(path: Path, name: str) -> str:
    """The text of a lock. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} cannot be read", cause=str(error)) from error
    if len(data) > SIZE_LIMIT:
        raise ConfigError(f"{name} is larger than {SIZE_LIMIT >> 20} MiB")
    return text


def read_package(directory: Path) -> dict[str, Any]:
    """The project's package.json. Raises ConfigError."""
    text = read_text(directory / "package.json", "package.json")
    try:
        data = json.loads(text)
    except ValueError as error:
        evidence = [Evidence(text=str(error), file="package.json")]
        raise ConfigError("package.json cannot be read", evidence=evidence) from error
    if not isinstance(data, dict):
        raise ConfigError("package.json cannot be read", cause="it holds no object")
    return data


def read_tree(name: str, text: str, package: Mapping[str, Any]) -> Tree:
    """What the lock `name` says. Raises ConfigError for a lock of a form that is not known."""
    reader = READERS.get(Path(name).name)
    if reader is None:
        raise ConfigError(
            f"{name} is not a lock that debwright reads",
            cause=f"known are {', '.join(READERS)}",
            fix="name one of them: [npm] lock",
        )
    try:
        return reader(text, name, package)
    except (
        ValueError, LookupError, TypeError, AttributeError, RecursionError, yaml.YAMLError,
    ) as error:  # fmt: skip
        raise ConfigError(
            f"{name} cannot be read",
            evidence=[Evidence(text=f"{type(error).__name__}: {error}"[:200], file=name)],
            cause="it is damaged, or of a form that is not known",
            fix="let the program that wrote it write it again",
        ) from error
