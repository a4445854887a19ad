"""What an application writes: files and directories that have to be in /var/lib.

The tree below /usr/lib is read-only for the service. A path below the tree that it writes to
becomes a link to its state, so that the source need not be changed.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from debwright.init.ecosystems.python.modules import Module, argument, assignments, literal

TOP = "<top>"
"""The top of the project, where a path begins that its source makes of `__file__`."""
OPENED = frozenset({"sqlite3.connect", "aiosqlite.connect", "tinydb.TinyDB", "shelve.open",
                    "logging.FileHandler", "logging.handlers.RotatingFileHandler",
                    "logging.handlers.TimedRotatingFileHandler", "dbm.open"})  # fmt: skip
MADE = frozenset({"os.makedirs", "os.mkdir"})
DATABASE = re.compile(r"sqlite(?:\+\w+)?:///(?!/)([^?\"'{}]+)")
ABSOLUTE = re.compile(r"(?:sqlite(?:\+\w+)?:///)?/var/lib/([A-Za-z0-9_][A-Za-z0-9._-]*)/")
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
LEFT_OUT_DATA = ("*.sqlite3", "*.sqlite", "*.db", "*.sqlite3-journal", "*.db-wal", "*.db-shm")
"""Data of the author's own machine."""


@dataclass(frozen=True, kw_only=True)
class Written:
    path: str
    """From the top of the project, where the application runs."""
    directory: bool
    seen: str


def written(modules: Sequence[Module]) -> tuple[Written, ...]:
    """Files and directories below the tree that the source writes to."""
    found: dict[str, Written] = {}
    for module in modules:
        instance = any(name.startswith("flask_sqlalchemy") for name in module.imported)
        for path, directory, node in _paths(module, relative_databases=not instance):
            clean = _clean(path)
            if clean and clean not in found:
                found[clean] = Written(path=clean, directory=directory, seen=module.at(node))
    return tuple(found.values())


def state_directories(modules: Sequence[Module]) -> tuple[str, ...]:
    """Names below /var/lib that the source mentions."""
    names = [
        match[1]
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (match := ABSOLUTE.match(node.value))
    ]
    return tuple(dict.fromkeys(names))


def evaluate(module: Module, node: ast.AST | None, known: Mapping[str, ast.expr]) -> str | None:
    """The text or path that an expression gives, with TOP for the project's directory."""
    return _Evaluation(module, known).text(node, 0)


@dataclass(frozen=True)
class _Evaluation:
    module: Module
    known: Mapping[str, ast.expr]

    def text(self, node: ast.AST | None, depth: int) -> str | None:  # noqa: PLR0911 - one a form
        if node is None or depth > 20:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            if node.id == "__file__":
                return f"{TOP}/{self.module.path}"
            return self.text(self.known.get(node.id), depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
            joined = "/" if isinstance(node.op, ast.Div) else ""
            return self._joined([node.left, node.right], joined, depth)
        if isinstance(node, ast.JoinedStr):
            parts = [v.value if isinstance(v, ast.FormattedValue) else v for v in node.values]
            return self._joined(parts, "", depth)
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            inner = self.text(node.value, depth + 1)
            return inner.rpartition("/")[0] or None if inner else None
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            inner, up = self.text(node.value.value, depth + 1), literal(node.slice)
            if node.value.attr == "parents" and inner and isinstance(up, int):
                return "/".join(inner.split("/")[: -(up + 1)]) or None
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        return None

    def _call(self, node: ast.Call, depth: int) -> str | None:  # noqa: PLR0911 - one a function
        name = self.module.full(node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in ("os.path.dirname", "path.dirname"):
            inner = self.text(node.args[0], depth + 1) if node.args else None
            return inner.rpartition("/")[0] or None if inner else None
        if name in ("os.path.join", "path.join", "pathlib.Path", "Path"):
            return self._joined(node.args, "/", depth)
        if name in ("os.path.abspath", "os.path.realpath", "str", "os.fspath", "os.path.normpath"):
            return self.text(node.args[0], depth + 1) if node.args else None
        if name in ("os.environ.get", "os.getenv"):
            return self.text(argument(node, "default", 1), depth + 1)
        if name in ("os.getcwd", "pathlib.Path.cwd", "Path.cwd"):
            return TOP
        if method in ("resolve", "absolute", "as_posix", "expanduser"):
            return self.text(node.func.value, depth + 1) if isinstance(
                node.func, ast.Attribute) else None  # fmt: skip
        if method == "joinpath" and isinstance(node.func, ast.Attribute):
            return self._joined([node.func.value, *node.args], "/", depth)
        return None

    def _joined(self, nodes: Sequence[ast.AST], between: str, depth: int) -> str | None:
        parts = [self.text(node, depth + 1) for node in nodes]
        if any(part is None for part in parts):
            return None
        texts = [part for part in parts if part is not None]
        if between:
            # An absolute part starts again, as os.path.join has it.
            for place in range(len(texts) - 1, 0, -1):
                if texts[place].startswith(("/", TOP)):
                    texts = texts[place:]
                    break
        return between.join(texts)


def _paths(module: Module, *, relative_databases: bool) -> Iterator[tuple[str, bool, ast.AST]]:
    known = dict(assignments(module.tree.body))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            text = evaluate(module, node, known) or ""
            if match := DATABASE.match(text):
                inside = match[1].startswith(TOP)
                if inside or relative_databases:
                    yield match[1], False, node
        elif isinstance(node, ast.Call):
            yield from _call(module, node, known)


def _call(
    module: Module, call: ast.Call, known: Mapping[str, ast.expr]
) -> Iterator[tuple[str, bool, ast.AST]]:
    name = module.full(call.func)
    first = evaluate(module, call.args[0], known) if call.args else None
    if name in OPENED and first and not first.startswith("file:"):
        yield first, False, call
    elif name == "open" and first:
        mode = literal(argument(call, "mode", 1))
        if isinstance(mode, str) and set(mode) & set("wax+"):
            yield first, False, call
    elif name in MADE and first:
        yield first, True, call
    elif isinstance(call.func, ast.Attribute):
        owner = evaluate(module, call.func.value, known)
        if call.func.attr == "mkdir" and owner:
            yield owner, True, call
        elif call.func.attr in ("write_text", "write_bytes") and owner:
            yield owner, False, call


def _clean(path: str) -> str | None:
    """A path below the top of the project; None for one that is elsewhere, or no file."""
    relative = path.removeprefix(f"{TOP}/").removeprefix("./")
    if relative.startswith(("/", "~", TOP)) or ":memory:" in relative:
        return None
    normal = str(PurePosixPath(relative))
    return normal if SAFE.fullmatch(normal) and ".." not in PurePosixPath(normal).parts else None


def links(
    found: Sequence[Written], directory: Path, package: str, application: str
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]]:
    """Links from the tree to the state, state directories, and what of the tree they replace.

    A file in a directory that the tree has is linked alone; else its directory is.
    """
    made: dict[str, str] = {}
    states: list[str] = []
    replaced: list[str] = []
    for item in found:
        path = PurePosixPath(item.path)
        top = path.parts[0]
        whole = item.directory or (len(path.parts) > 1 and not (directory / top).is_dir())
        place = str(path) if item.directory and (directory / top).is_dir() else top
        place = place if whole else str(path)
        if any(place == p or place.startswith(f"{p}/") for p in made):
            continue
        made[place] = f"var/lib/{package}/{place}"
        needed = place if whole else str(PurePosixPath(place).parent)
        if needed != ".":
            states.append(f"{package}/{needed}")
        if (directory / place).exists():
            replaced.append(place)
    pairs = tuple((source, f"{application.strip('/')}/{place}") for place, source in made.items())
    return pairs, tuple(dict.fromkeys(states)), tuple(replaced)
