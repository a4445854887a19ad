"""The tests of a project: what they need, by what they import and how pytest is configured.

What developers list for testing has linters and the like in it, and often nothing is listed; what
the tests import is what they need.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from debwright.init.ecosystems.python.dependencies import imported, normalise, parse
from debwright.init.ecosystems.python.packages import ROOTS
from debwright.init.ecosystems.python.tables import dig, strings, text_of

MAX_FILES = 500
_COLLECTED = re.compile(r"test.*|.*_test|conftest|__init__")
# Options of pytest.ini and the like that only a plugin knows, and marks and fixtures of plugins.
_OPTIONS = {
    r"--(?:no-)?cov\b": "pytest-cov", r"(?:^|[\s\"'])-n[ =]?(?:\d|auto)|--dist\b": "pytest-xdist",
    r"--timeout\b|^timeout\b": "pytest-timeout",
    r"asyncio[-_]mode|asyncio_default": "pytest-asyncio",
    r"--benchmark": "pytest-benchmark", r"--reruns\b": "pytest-rerunfailures",
    r"--mypy\b": "pytest-mypy", r"--flake8\b": "pytest-flake8", r"--black\b": "pytest-black",
    r"--ruff\b": "pytest-ruff", r"--(?:random-order|randomly)": "pytest-randomly",
    r"--(?:disable|allow)-socket": "pytest-socket", r"--doctest-plus": "pytest-doctestplus",
    r"DJANGO_SETTINGS_MODULE": "pytest-django", r"--html\b": "pytest-html",
    r"--snapshot": "syrupy", r"--block-network|--record-mode": "pytest-recording",
}  # fmt: skip
_MARKS = {
    "asyncio": "pytest-asyncio", "anyio": "anyio", "trio": "pytest-trio", "flaky": "flaky",
    "timeout": "pytest-timeout", "django_db": "pytest-django", "vcr": "pytest-vcr",
    "benchmark": "pytest-benchmark", "freeze_time": "pytest-freezegun",
    "dependency": "pytest-dependency", "order": "pytest-order", "xdist_group": "pytest-xdist",
}  # fmt: skip
_FIXTURES = {
    "mocker": "pytest-mock", "benchmark": "pytest-benchmark", "httpx_mock": "pytest-httpx",
    "aiohttp_client": "pytest-aiohttp", "aiohttp_server": "pytest-aiohttp",
    "requests_mock": "requests-mock", "respx_mock": "respx", "snapshot": "syrupy",
    "freezer": "pytest-freezegun", "httpserver": "pytest-httpserver", "subtests": "pytest-subtests",
    "data_regression": "pytest-regressions", "file_regression": "pytest-regressions",
    "datadir": "pytest-datadir", "shared_datadir": "pytest-datadir", "httpbin": "pytest-httpbin",
    "fs": "pyfakefs", "event_loop": "pytest-asyncio", "live_server": "pytest-django",
    "script_runner": "pytest-console-scripts", "testdir": "", "pytester": "",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OwnTests:
    """The tests that a build can run."""

    directory: str
    """`tests` or `test`."""
    pytest: bool
    package: bool
    """Whether the directory is a package, whose tests import each other through it."""
    requirements: tuple[Requirement, ...]
    """What the tests need beyond what the project itself needs."""
    welcome: tuple[Requirement, ...]
    """Plugins that developers list, and nothing is seen to need: some only change the output."""


def read_tests(
    directory: Path, data: Mapping[str, Any], requirements: Sequence[str]
) -> OwnTests | None:
    """The tests of the project in `directory`; `requirements` are the project's own."""
    name = next((d for d in ("tests", "test") if any(_files(directory / d))), None)
    if name is None:
        return None
    trees = [*_trees(_collected(directory / name)), *_trees([directory / "conftest.py"])]
    ini = _configuration(directory, data)
    uses = {n for tree in trees for n in _names(tree)}
    functions = any(isinstance(n, ast.FunctionDef) and n.name.startswith("test")
                    for tree in trees for n in tree.body)  # fmt: skip
    pytest = functions or "pytest" in uses
    needed = {n for n in uses if n not in sys.stdlib_module_names}
    needed -= _own(directory, name) | {"pytest", "_pytest"}
    found = {imported(n) or n for n in needed}
    if pytest:
        found |= {"pytest", *_plugins(trees, ini)}
    known = {normalise(Requirement(text).name) for text in requirements}
    listed = {normalise(r.name): r for r in _listed(data)}
    plugins = {n for n in listed if pytest and n.startswith("pytest-")} - set(map(normalise, found))
    return OwnTests(
        directory=name, pytest=pytest, package=(directory / name / "__init__.py").is_file(),
        requirements=tuple(
            _limited(listed.get(normalise(n)), n)
            for n in sorted(found) if normalise(n) not in known
        ),
        welcome=tuple(Requirement(n) for n in sorted(plugins - known)),
    )  # fmt: skip


def _limited(listed: Requirement | None, name: str) -> Requirement:
    """With the limits that the project has, and without extras, which tests rarely want."""
    return Requirement(f"{name}{listed.specifier}" if listed else name)


def _files(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [p for p in sorted(folder.rglob("*.py"))[:MAX_FILES] if not p.is_symlink()]


def _collected(folder: Path) -> list[Path]:
    """Files that are run as tests, and those next to them that these name when they import."""
    files = _files(folder)
    found = [p for p in files if _COLLECTED.fullmatch(p.stem)]
    waiting = list(found)
    while waiting:
        words = set(re.findall(r"\w+", waiting.pop().read_text("utf-8", "replace")))
        more = [p for p in files if p not in found and p.stem in words]
        found += more
        waiting += more
    return found


def _trees(files: Sequence[Path]) -> Iterator[ast.Module]:
    for file in files:
        try:
            yield ast.parse(file.read_text("utf-8", "replace"))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue


def _names(node: ast.AST) -> Iterator[str]:
    """Modules at the top that must be there: not those of `try`, and of `if TYPE_CHECKING`."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield (node.module or "").partition(".")[0]
    if isinstance(node, ast.Try | ast.If):
        return
    for child in ast.iter_child_nodes(node):
        yield from _names(child)


def _own(directory: Path, tests: str) -> set[str]:
    """What is imported from the project itself: its modules, and those of the tests."""
    folders = [directory / root for root in ROOTS]
    folders += [directory / tests, *(p for p in (directory / tests).rglob("*") if p.is_dir())]
    return {p.stem if p.suffix == ".py" else p.name
            for folder in folders if folder.is_dir() for p in folder.iterdir()}  # fmt: skip


def _configuration(directory: Path, data: Mapping[str, Any]) -> str:
    """What pytest is told by its files, as text."""
    table = dig(data, "tool", "pytest", "ini_options") or dig(data, "tool", "pytest")
    texts = {k: " ".join(map(str, v)) if isinstance(v, list) else v for k, v in table.items()}
    lines = [f"{key} = {value}" for key, value in texts.items()]
    files = "\n".join(text_of(directory, name) for name in ("pytest.ini", ".pytest.ini"))
    for name, section in (("setup.cfg", "tool:pytest"), ("tox.ini", "pytest")):
        match = re.search(rf"^\[{section}\]$(.*?)(?=^\[|\Z)", text_of(directory, name), re.M | re.S)
        files += match[1] if match else ""
    return "\n".join([*lines, files])


def _plugins(trees: Sequence[ast.Module], ini: str) -> Iterator[str]:
    yield from (name for pattern, name in _OPTIONS.items() if re.search(pattern, ini, re.M))
    yield from re.findall(r"\bpytest-[a-z-]+", "".join(re.findall(r"required_plugins.*", ini)))
    defined = {n.name for tree in trees for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pytest.mark":
                yield from filter(None, [_MARKS.get(node.attr)])
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = {a.arg for a in node.args.args} - defined
                yield from (p for n in names if (p := _FIXTURES.get(n)))


def _listed(data: Mapping[str, Any]) -> Iterator[Requirement]:
    """What developers install for the tests."""
    groups = {**dig(data, "project", "optional-dependencies"), **dig(data, "dependency-groups")}
    for group in ("test", "tests", "testing", "dev"):
        yield from parse(strings(groups.get(group)))
