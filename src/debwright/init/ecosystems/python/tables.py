"""Reading what a project says: tables of any shape, files that may be links or very large."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from debwright.model.errors import Evidence, UsageError

MAX_BYTES = 256 * 1024
MAX_TOML = 4 * 1024 * 1024


def read_toml(directory: Path, name: str) -> dict[str, Any]:
    """Raises UsageError for what is no TOML, with the line that is not."""
    try:
        with (directory / name).open("rb") as file:
            text = file.read(MAX_TOML).decode("utf-8-sig")
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{name} cannot be read", evidence=[Evidence(text=str(error), file=name)],
            fix=f"correct {name}: it is not TOML",
        ) from error  # fmt: skip


def dig(data: object, *keys: str) -> dict[str, Any]:
    """The table at `keys`; an empty one where there is none, or where something else stands."""
    value = data
    for key in keys:
        value = value.get(key, {}) if isinstance(value, Mapping) else {}
    return dict(value) if isinstance(value, Mapping) else {}


def text_of(directory: Path, name: str) -> str:
    """The text of a file of the project; empty for one that is not there or leads elsewhere."""
    path, top = directory / name, directory.resolve()
    if not path.is_file() or not path.resolve().is_relative_to(top):
        return ""
    with path.open("rb") as file:
        return file.read(MAX_BYTES).decode("utf-8", "replace")


def strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
