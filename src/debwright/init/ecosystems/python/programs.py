"""Files of a project that are programs, and where the servers that they run listen."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from debwright.init.ecosystems.python import servers
from debwright.init.ecosystems.python.modules import (
    Module,
    argument,
    assignments,
    keyword,
    literal,
)

PROGRAMS = ("main", "app", "server", "run", "bot", "worker", "service", "daemon", "start", "cli")
NOT_PROGRAMS = frozenset({"setup", "manage", "conftest", "fabfile", "noxfile", "gunicorn_conf",
                          "tasks", "wsgi", "asgi"})  # fmt: skip
RUNS = re.compile(
    r"(?:uvicorn|hypercorn|waitress|sanic|\w*app\w*|socketio|web|api|server)"
    r"(?:\.\w+)*\.(?:run|run_app|serve)"
)


OWN_DEFAULTS = {"aiohttp.web.run_app": "*:8080", "waitress.serve": "0.0.0.0:8080",
                "uvicorn.run": "127.0.0.1:8000"}  # fmt: skip
"""Where servers listen that are not told."""
FOR_GOOD = frozenset({"asyncio.run", "trio.run", "anyio.run", "waitress.serve",
                      "aiohttp.web.run_app"})  # fmt: skip
DEFAULT = f"{servers.LOCAL}:{servers.PORT}"


def run_port(modules: Sequence[Module]) -> tuple[str, str | None]:
    """The port that a call as `app.run(port=...)` names, or the server's own default."""
    default: tuple[str, str | None] = (servers.PORT, None)
    for module, name, call in _runs(modules):
        known = dict(assignments(module.tree.body))
        guard = module.guarded
        if guard is not None:
            known |= dict(assignments(guard.body))
        given = keyword(call, "port")
        port = _number(module, given, known)
        if port is not None:
            return port, module.at(call)
        if given is None and name in OWN_DEFAULTS and default[1] is None:
            default = OWN_DEFAULTS[name].rpartition(":")[2], module.at(call)
    return default


def run_address(modules: Sequence[Module]) -> str:
    """Where a program that is started as it is listens, as ports of debwright.toml are written."""
    for _, name, call in _runs(modules):
        host = literal(keyword(call, "host"))
        if host is None and keyword(call, "host") is None:
            host = OWN_DEFAULTS.get(name, DEFAULT).rpartition(":")[0]
        if host in ("0.0.0.0", "", "*", "::"):  # noqa: S104 - read in a source, not bound
            return "*" if host in ("", "*", "::") else str(host)
    return servers.LOCAL


def _runs(modules: Sequence[Module]) -> Iterator[tuple[Module, str, ast.Call]]:
    """Calls that run a server."""
    for module in modules:
        for name, call in module.calls():
            if RUNS.fullmatch(name) or name in OWN_DEFAULTS:
                yield module, name, call


def _number(module: Module, node: ast.expr | None, known: Mapping[str, ast.expr]) -> str | None:
    """The port that an expression is when no variable of the environment is set."""
    for _ in range(8):
        value = literal(node)
        if isinstance(value, int | str) and re.fullmatch(r"[1-9]\d{0,4}", str(value)):
            return str(value) if int(value) <= 65535 else None
        if isinstance(node, ast.Name):
            node = known.get(node.id)
        elif isinstance(node, ast.BoolOp):
            node = node.values[-1]
        elif isinstance(node, ast.Call):
            name = module.full(node.func)
            if name in ("os.environ.get", "os.getenv"):
                node = argument(node, "default", 1)
            elif name == "int" and node.args:
                node = node.args[0]
            else:
                return None
        else:
            return None
    return None


def find_programs(
    directory: Path, modules: Sequence[Module]
) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    own = re.sub(r"[-.]+", "_", directory.resolve().name).lower()
    tops = [m for m in modules if "/" not in m.path and m.path != "setup.py"]
    for module in modules:
        path = PurePosixPath(module.path)
        if path.name == "__main__.py" and len(path.parts) > 1:
            yield 1, module.path, ("python", "-m", module.name.removesuffix(".__main__"))
            continue
        names = [*PROGRAMS, own]
        known = path.stem in names
        if path.stem in NOT_PROGRAMS or path.stem.startswith("test") or len(path.parts) > 2:
            continue
        alone = len(path.parts) == 1 and (
            known or _runs_at_once(module) or (len(tops) == 1 and _does_something(module))
        )
        if module.guarded is None and not alone:
            continue
        rank = names.index(path.stem) if known else 50
        yield 2 + rank + 100 * (len(path.parts) - 1), module.path, ("python", module.path)


def _does_something(module: Module) -> bool:
    """Whether the file does more than define what others use."""
    return any(
        isinstance(node, ast.While | ast.For | ast.With | ast.AsyncFor)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        for node in module.tree.body
    )


def _runs_at_once(module: Module) -> bool:
    """Whether the file runs something for good as soon as it is read, without asking its name."""
    return any(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and (RUNS.fullmatch(name := module.full(node.value.func)) or name in FOR_GOOD)
        for node in module.tree.body
    )
