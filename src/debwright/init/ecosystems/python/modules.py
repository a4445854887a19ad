"""The project's Python source as syntax trees: nothing of it is imported or run."""

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from debwright.init.hints import read_sources


@dataclass(frozen=True, kw_only=True)
class Module:
    path: str
    """From the top of the project."""
    name: str
    """As it is imported where the top of the project, or src/, is on the path."""
    tree: ast.Module
    names: Mapping[str, str]
    """Names that imports bind, and what each is in full."""

    @property
    def imported(self) -> frozenset[str]:
        """Modules, and names of modules, that it imports, in full."""
        plain = {
            alias.name
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        return frozenset({*plain, *self.names.values()})

    @property
    def starred(self) -> tuple[str, ...]:
        """Modules that it imports everything from, in full and in their order."""
        package = PurePosixPath(self.path).parent.parts
        return tuple(
            _base(node, package)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names)
        )

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    def full(self, node: ast.AST) -> str:
        """The dotted name that an expression is, as `flask.Flask`; empty for other expressions."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.names.get(node.id, node.id), *reversed(parts)])

    def calls(self, within: ast.AST | None = None) -> Iterator[tuple[str, ast.Call]]:
        """Every call, with the full name of what is called."""
        for node in ast.walk(within or self.tree):
            if isinstance(node, ast.Call) and (name := self.full(node.func)):
                yield name, node

    @property
    def guarded(self) -> ast.If | None:
        """`if __name__ == "__main__":`, which makes the file a program."""
        for node in self.tree.body:
            if isinstance(node, ast.If) and _is_guard(node.test):
                return node
        return None


def read_modules(directory: Path) -> list[Module]:
    """Every Python file that can be parsed, within the limits of `read_sources`.

    A file whose name has control characters is nobody's module, and could not be named in a unit.
    """
    found = []
    for source in read_sources(directory, {".py"}):
        if not source.name.isprintable():
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of strings with odd escapes: not ours to say
                tree = ast.parse(source.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        name = module_name(source.name)
        found.append(
            Module(path=source.name, name=name, tree=tree, names=dict(_imports(tree, source.name)))
        )
    return found


def module_name(path: str) -> str:
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[0] == "src" and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


def literal(node: ast.AST | None) -> object:
    """The value of a constant expression; None for any other."""
    if node is None:
        return None
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in call.keywords if k.arg == name), None)


def argument(call: ast.Call, name: str, place: int) -> ast.expr | None:
    """An argument by its name, else by its place."""
    found = keyword(call, name)
    return call.args[place] if found is None and len(call.args) > place else found


def assignments(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Names that statements of a body set, within `if`, `with` and `try` too."""
    for node in body:
        if isinstance(node, ast.Assign):
            yield from ((t.id, node.value) for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
        elif isinstance(node, ast.If | ast.With | ast.Try):
            if not (isinstance(node, ast.If) and _is_guard(node.test)):
                yield from assignments(node.body)
            yield from assignments(getattr(node, "orelse", []))


def _imports(tree: ast.Module, path: str) -> Iterator[tuple[str, str]]:
    package = PurePosixPath(path).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                yield bound, alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                yield alias.asname or alias.name, f"{base}.{alias.name}".lstrip(".")


def _base(node: ast.ImportFrom, package: Sequence[str]) -> str:
    """The module that `node` imports from, in a module whose directory is `package`."""
    kept = package[: len(package) - node.level + 1] if node.level else ()
    inside = [p for p in kept if p != "src"]
    return ".".join([*inside, *([node.module] if node.module else [])])


def _is_guard(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
    )
