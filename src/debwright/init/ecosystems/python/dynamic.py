"""What pyproject.toml leaves to others (`dynamic`), read where it is: files, setup.cfg, setup.py.

https://packaging.python.org/en/latest/specifications/pyproject-toml/#dynamic
https://setuptools.pypa.io/en/latest/userguide/pyproject_config.html#dynamic-metadata
"""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from debwright.init.ecosystems.python.legacy import attribute_version, project_table, stated
from debwright.init.ecosystems.python.packages import top_modules
from debwright.init.ecosystems.python.requirements import read_requirements
from debwright.init.ecosystems.python.tables import dig, strings, text_of

_ELSEWHERE = ("dependencies", "scripts", "gui-scripts", "requires-python", "license", "authors")
"""What setup.cfg or setup.py may say for a pyproject.toml that has it among `dynamic`."""


def complete(directory: Path, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """pyproject.toml as if everything stood in it, and notes on what could not be found.

    Raises UsageError for a file of requirements that cannot be read.
    """
    project = dig(data, "project")
    if not project.get("name"):
        if dig(data, "tool", "poetry"):
            return dict(data), []
        project = {**project_table(directory), **project}
    waiting = [name for name in strings(project.get("dynamic")) if name not in project]
    legacy = stated(directory)
    found = {name: legacy[name] for name in _ELSEWHERE if name in waiting and name in legacy}
    if "dependencies" in waiting and (files := _requirement_files(data)):
        found["dependencies"] = [
            text for name in files for text in read_requirements(directory, name).texts
        ]
    if "description" in waiting and (text := _docstring(directory, project)):
        found["description"] = text
    notes = _unknown(waiting, found, data)
    return _with_version(directory, {**data, "project": {**project, **found}}), notes


def _requirement_files(data: Mapping[str, Any]) -> list[str]:
    """By setuptools' own table, and by the hook hatch-requirements-txt."""
    told = dig(data, "tool", "setuptools", "dynamic", "dependencies").get("file", ())
    files = [told] if isinstance(told, str) else strings(told)
    hook = dig(data, "tool", "hatch", "metadata", "hooks", "requirements_txt")
    return [*files, *strings(hook.get("files"))]


def _docstring(directory: Path, project: Mapping[str, Any]) -> str:
    """The first line of the module's documentation, which flit takes for the description."""
    for name in top_modules(directory, str(project.get("name", "")))[:1]:
        for root in ("src/", ""):
            for end in ("/__init__.py", ".py"):
                try:
                    tree = ast.parse(text_of(directory, f"{root}{name}{end}"))
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    continue
                if said := ast.get_docstring(tree):
                    return said.strip().partition("\n")[0]
    return ""


def _unknown(
    waiting: Iterable[str], found: Mapping[str, Any], data: Mapping[str, Any]
) -> list[str]:
    if "dependencies" not in waiting or "dependencies" in found:
        return []
    if dig(data, "tool", "poetry").get("dependencies"):
        return []
    return [
        "what the project depends on is made up when it is built (`dynamic`) and is not known "
        "here: name it in debian/control, under Depends, where python3-* does not follow by itself"
    ]


def _with_version(directory: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """With `version = attr: ...` or `file: ...` of setup.cfg as pyproject.toml would say it."""
    told = attribute_version(directory)
    if not told or dig(data, "tool", "setuptools", "dynamic").get("version"):
        return dict(data)
    setuptools = dig(data, "tool", "setuptools")
    dynamic = {**dig(setuptools, "dynamic"), "version": told}
    tool = {**dig(data, "tool"), "setuptools": {**setuptools, "dynamic": dynamic}}
    return {**data, "tool": tool}
