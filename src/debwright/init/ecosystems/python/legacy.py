"""Projects that say in setup.cfg or setup.py what others say in pyproject.toml.

setup.py is not run: what is written there as plain values is read, and the rest is not known.
https://setuptools.pypa.io/en/latest/userguide/declarative_config.html
"""

import ast
import configparser
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from debwright.init.ecosystems.python.modules import assignments, keyword, literal
from debwright.init.ecosystems.python.requirements import read_requirements
from debwright.init.ecosystems.python.tables import text_of

FILES = ("setup.cfg", "setup.py")
_REQUIREMENTS = re.compile(r"[\w./-]*req[\w./-]*\.(?:txt|in)")
_FOR_DEVELOPERS = re.compile(r"dev|test|doc|lint|build|ci\b")


def project_table(directory: Path) -> dict[str, Any]:
    """What [project] of pyproject.toml would be; empty where neither file names a project."""
    table = stated(directory)
    if not isinstance(table.get("name"), str):
        return {}
    if "version" not in table:
        table["dynamic"] = ["version"]
    return table


def stated(directory: Path) -> dict[str, Any]:
    """What the two files state, by the names of [project], also where they name no project."""
    # The file overrides the arguments of setup(), as setuptools reads them.
    return {**_from_arguments(directory), **_from_file(directory)}


def setup_requires(directory: Path) -> tuple[str, ...]:
    """What setuptools wants for building by setup.cfg and setup.py, whatever the project says else.

    Without it in place, it would ask the network in the middle of a build.
    """
    said = _sections_of(directory).get("options", {}).get("setup_requires", "")
    call, known = _setup_call(directory)
    argument = dict(_keywords(call, known)).get("setup_requires", []) if call else []
    listed = _lines(argument) if isinstance(argument, str) else argument
    given = [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
    return tuple(dict.fromkeys([*_lines(said), *given]))


def attribute_version(directory: Path) -> dict[str, str]:
    """`version = attr: NAME` or `file: NAME` of setup.cfg, as a table of pyproject.toml has it."""
    said = _sections_of(directory).get("metadata", {}).get("version", "")
    how, _, where = said.partition(":")
    return {how: where.strip()} if how in ("attr", "file") and where.strip() else {}


def _sections_of(directory: Path) -> dict[str, dict[str, str]]:
    """setup.cfg; keys with `_`, though some tools write `-`."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text_of(directory, "setup.cfg"))
    except configparser.Error:
        return {}
    return {
        section: {
            (key if section.endswith("entry_points") else key.replace("-", "_")): value
            for key, value in parser[section].items()
        }
        for section in parser.sections()
    }


def _from_file(directory: Path) -> dict[str, Any]:
    sections = _sections_of(directory)
    metadata, options = dict(sections.get("metadata", {})), sections.get("options", {})
    # Without `options.` the section is pbr's, and so is `summary`.
    entries = sections.get("options.entry_points", sections.get("entry_points", {}))
    if attribute_version(directory):
        del metadata["version"]
    said = options.get("install_requires", "")
    if said.startswith("file:"):
        files = [name.strip() for name in said.removeprefix("file:").split(",")]
        requires = _all_of(directory, files)
    else:
        requires = _lines(said)
    if "pbr" in str(setup_requires(directory)) and (directory / "requirements.txt").is_file():
        requires = [*requires, *_all_of(directory, ["requirements.txt"])]
    return _table(
        {
            **metadata,
            "url": metadata.get("url", metadata.get("home_page")),
            "description": metadata.get("description", metadata.get("summary")),
            "install_requires": requires,
            "python_requires": options.get("python_requires", metadata.get("python_requires")),
            "entry_points": {name: _lines(text) for name, text in entries.items()},
        }
    )


def _all_of(directory: Path, files: Iterable[str]) -> list[str]:
    return [text for name in files for text in read_requirements(directory, name).texts]


def _setup_call(directory: Path) -> tuple[ast.Call | None, dict[str, ast.expr]]:
    """The call of setup() in setup.py, and what names at its top are."""
    try:
        tree = ast.parse(text_of(directory, "setup.py"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) == "setup":
            return node, dict(assignments(tree.body))
    return None, {}


def _from_arguments(directory: Path) -> dict[str, Any]:
    call, known = _setup_call(directory)
    if call is None:
        return {}
    said = dict(_keywords(call, known))
    computed = keyword(call, "install_requires")
    if computed is not None and "install_requires" not in said:
        said["install_requires"] = _all_of(directory, _files_read(directory, computed, known))
    return _table(said)


def _files_read(
    directory: Path, computed: ast.expr, known: Mapping[str, ast.expr]
) -> tuple[str, ...]:
    """Files of requirements that an expression reads; else those that setup.py names at all."""
    value = known.get(computed.id, computed) if isinstance(computed, ast.Name) else computed
    whole = text_of(directory, "setup.py")
    for text in (ast.unparse(value), whole):
        names = dict.fromkeys(_REQUIREMENTS.findall(text))
        files = [n for n in names if (directory / n).is_file() and not _FOR_DEVELOPERS.search(n)]
        if files:
            return tuple(files)
    return ()


def _keywords(call: ast.Call, known: Mapping[str, ast.expr]) -> Iterator[tuple[str, Any]]:
    for given in call.keywords:
        if given.arg is None:
            continue
        value = given.value
        if isinstance(value, ast.Name) and value.id in known:
            value = known[value.id]
        if (found := literal(value)) is not None:
            yield given.arg, found


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
