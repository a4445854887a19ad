"""Options that a command certainly handles, so that it can be tried where the package is installed.

Only what the command's own function, or one that it calls, does with argparse, click, typer or
docopt counts: a program that ignores its arguments would begin its work.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from debwright.init.ecosystems.python.modules import Module, keyword, literal

DEPTH = 3
"""How far calls are followed from the command's function."""
PARSERS = frozenset({
    "argparse.ArgumentParser", "docopt.docopt", "fire.Fire", "typer.run", "typer.Typer",
    "cyclopts.App", "configargparse.ArgParser", "configargparse.ArgumentParser",
})  # fmt: skip
DECORATORS = frozenset({"click", "rich_click", "typer", "cloup", "asyncclick"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class _Seen:
    """What was met on the way from the command's function."""

    parsers: set[str] = field(default_factory=set)
    version: set[str] = field(default_factory=set)
    functions: set[tuple[str, str]] = field(default_factory=set)


def commands_to_try(scripts: Mapping[str, str], modules: Sequence[Module]) -> tuple[str, ...]:
    """`NAME --version` or `NAME --help` for each command that is seen to handle one of them.

    `scripts` maps commands to what they call, as `bells.cli:main`.
    """
    by_name = {module.name: module for module in modules}
    return tuple(
        f"{name} {option}"
        for name, target in scripts.items()
        if (option := _option(target.partition("[")[0].strip(), by_name))
    )


def _option(target: str, modules: Mapping[str, Module]) -> str:
    module, _, function = target.partition(":")
    seen = _Seen()
    _follow(module, function.partition(".")[0], modules, seen, DEPTH)
    if not seen.parsers:
        return ""
    return "--version" if seen.version else "--help"


def _follow(
    name: str, function: str, modules: Mapping[str, Module], seen: _Seen, depth: int
) -> None:
    module = modules.get(name)
    if module is None or depth < 0 or (name, function) in seen.functions:
        return
    seen.functions.add((name, function))
    for node in module.tree.body:
        if isinstance(node, Function) and node.name == function:
            for decorator in node.decorator_list:
                _decorated(module, decorator, seen)
            _called(module, node, modules, seen, depth)
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == function for t in node.targets
        ):
            _called(module, node, modules, seen, depth)
    imported = module.names.get(function, "")
    if imported:
        where, _, what = imported.rpartition(".")
        _follow(where, what, modules, seen, depth - 1)


def _decorated(module: Module, decorator: ast.expr, seen: _Seen) -> None:
    name = module.full(decorator.func if isinstance(decorator, ast.Call) else decorator)
    if name.split(".")[0] in DECORATORS:
        last = name.rpartition(".")[2]
        if last in ("command", "group"):
            seen.parsers.add(name)
        elif last == "version_option":
            seen.version.add(name)


def _called(
    module: Module, node: ast.AST, modules: Mapping[str, Module], seen: _Seen, depth: int
) -> None:
    for name, call in module.calls(node):
        if name in PARSERS:
            seen.parsers.add(name)
        elif _shows_version(name, call):
            seen.version.add(name)
        else:
            where, _, what = name.rpartition(".")
            _follow(where or module.name, what, modules, seen, depth - 1)


def _shows_version(name: str, call: ast.Call) -> bool:
    """argparse's action for it ends the program, whatever else is missing."""
    return (
        name.endswith(".add_argument")
        and "--version" in set(_texts(call))
        and literal(keyword(call, "action")) == "version"
    )


def _texts(call: ast.Call) -> Iterator[object]:
    return (literal(argument) for argument in call.args)
