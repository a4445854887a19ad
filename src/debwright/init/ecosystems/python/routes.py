"""Which path an application answers when it is well, from the routes that its source declares."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from debwright.init.ecosystems.python.modules import Module, argument, keyword, literal
from debwright.init.model import Guess

HEALTH = re.compile(
    r"/(?:.*/)?_?(?:healthz?|health[-_]?check|ready|readyz|livez?|ping|status|up)/?"
)
DECORATORS = frozenset({"route", "get", "api_route"})
CALLS = frozenset({"add_url_rule", "add_get", "add_route", "add_api_route", "Route", "get"})
PREFIXED = frozenset({"Blueprint", "APIRouter"})


@dataclass(frozen=True, kw_only=True)
class Route:
    path: str
    seen: str


def health_path(modules: Sequence[Module]) -> Guess:
    """A path made for it, else `/`, else the first one that has no parameter.

    Without any the path is `/`, seen nowhere.
    """
    found = [r for m in modules for r in routes(m) if re.fullmatch(r"/[A-Za-z0-9/._~-]*", r.path)]
    named = [r for r in found if HEALTH.fullmatch(r.path)]
    named.sort(key=lambda r: ("health" not in r.path, r.path.count("/")))
    for route in (*named, *(r for r in found if r.path == "/"), *found):
        return Guess(value=route.path, seen=route.seen)
    return Guess(value="/", seen=None)


def routes(module: Module) -> Iterator[Route]:
    """Routes that GET is allowed on, as decorators and calls declare them."""
    prefixes = dict(_prefixes(module))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call):
                    yield from _route(module, decorator, prefixes, DECORATORS)
        elif isinstance(node, ast.Call):
            yield from _route(module, node, prefixes, CALLS)


def _route(
    module: Module, call: ast.Call, prefixes: dict[str, str | None], names: frozenset[str]
) -> Iterator[Route]:
    full = module.full(call.func)
    owner, _, method = full.rpartition(".")
    if method not in names or (names is CALLS and method == "get" and owner != "aiohttp.web"):
        return
    if method == "add_url_rule" and argument(call, "view_func", 2) is None:
        return  # another name for a route that is declared elsewhere
    path = literal(argument(call, "path", 0)) or literal(keyword(call, "rule"))
    methods = literal(keyword(call, "methods"))
    if not isinstance(path, str) or not path.startswith("/"):
        return
    if isinstance(methods, list | tuple | set) and "GET" not in {str(m).upper() for m in methods}:
        return
    prefix = prefixes.get(owner, "")
    if prefix is not None:
        yield Route(path=prefix + path if prefix else path, seen=module.at(call))


def _prefixes(module: Module) -> Iterator[tuple[str, str | None]]:
    """Names of blueprints and routers, with their prefix; None where it is given elsewhere."""
    for node in module.tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if module.full(node.value.func).rpartition(".")[2] not in PREFIXED:
            continue
        prefix = literal(keyword(node.value, "url_prefix") or keyword(node.value, "prefix"))
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, prefix if isinstance(prefix, str) else None
