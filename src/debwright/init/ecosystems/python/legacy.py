"""Projects that say in setup.cfg or setup.py what others say in pyproject.toml.

setup.py is not run: what is written there as plain values is read, and the rest is not known.
https://setuptools.pypa.io/en/latest/userguide/declarative_config.html
"""

import ast
import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from debwright.init.ecosystems.python.modules import assignments, literal
from debwright.init.ecosystems.python.tables import text_of

FILES = ("setup.cfg", "setup.py")


def project_table(directory: Path) -> dict[str, Any]:
    """What [project] of pyproject.toml would be; empty where neither file names a project."""
    # The file overrides the arguments of setup(), as setuptools reads them.
    table = {**_from_arguments(directory), **_from_file(directory)}
    if not isinstance(table.get("name"), str):
        return {}
    if "version" not in table:
        table["dynamic"] = ["version"]
    return table


def _from_file(directory: Path) -> dict[str, Any]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text_of(directory, "setup.cfg"))
    except configparser.Error:
        return {}
    metadata = dict(parser["metadata"]) if parser.has_section("metadata") else {}
    options = dict(parser["options"]) if parser.has_section("options") else {}
    entries = dict(parser["options.entry_points"]) if parser.has_section(
        "options.entry_points") else {}  # fmt: skip
    if metadata.get("version", "").startswith(("attr:", "file:")):
        del metadata["version"]
    return _table(
        {
            **metadata,
            "install_requires": _lines(options.get("install_requires", "")),
            "python_requires": options.get("python_requires"),
            "entry_points": {name: _lines(text) for name, text in entries.items()},
        }
    )


def _from_arguments(directory: Path) -> dict[str, Any]:
    try:
        tree = ast.parse(text_of(directory, "setup.py"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    known = dict(assignments(tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) == "setup":
            return _table(dict(_keywords(node, known)))
    return {}


def _keywords(call: ast.Call, known: Mapping[str, ast.expr]) -> Iterator[tuple[str, Any]]:
    for keyword in call.keywords:
        if keyword.arg is None:
            continue
        value = keyword.value
        if isinstance(value, ast.Name) and value.id in known:
            value = known[value.id]
        if (found := literal(value)) is not None:
            yield keyword.arg, found


def _called(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _table(said: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of setup() by the names they have in [project]."""
    found: dict[str, Any] = {
        key: said[name]
        for key, name in (
            ("name", "name"), ("version", "version"), ("description", "description"),
            ("requires-python", "python_requires"),
        )
        if isinstance(said.get(name), str)
    }  # fmt: skip
    requires = said.get("install_requires", [])
    if requires:
        found["dependencies"] = list(_lines(requires) if isinstance(requires, str) else requires)
    if isinstance(licence := said.get("license"), str):
        found["license"] = {"text": licence}
    if isinstance(url := said.get("url"), str):
        found["urls"] = {"Homepage": url}
    author = {k: said[n] for k, n in (("name", "author"), ("email", "author_email")) if said.get(n)}
    if author:
        found["authors"] = [author]
    entries = said.get("entry_points", {})
    if isinstance(entries, str):
        entries = _sections(entries)
    for kind, key in (("console_scripts", "scripts"), ("gui_scripts", "gui-scripts")):
        lines = entries.get(kind, []) if isinstance(entries, Mapping) else []
        each = _lines(lines) if isinstance(lines, str) else lines
        pairs = (str(line).partition("=") for line in each)
        if scripts := {name.strip(): value.strip() for name, _, value in pairs if value}:
            found[key] = scripts
    return found


def _sections(text: str) -> dict[str, list[str]]:
    """Entry points as entry_points.txt has them, which setup() takes, too."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in _lines(text):
        if line.startswith("[") and line.endswith("]"):
            lines = found.setdefault(line[1:-1].strip(), [])
        else:
            lines.append(line)
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
