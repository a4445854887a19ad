"""What a Django project says: its settings module, its static files, the path to ask."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.init.ecosystems.python.modules import Module, assignments, literal
from debwright.init.ecosystems.python.routes import HEALTH
from debwright.init.model import Guess

MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
WRAPPER = "packaged_settings"
"""The settings module of the package, which imports the project's own."""
MAX_DEPTH = 6


@dataclass(frozen=True, kw_only=True)
class Django:
    settings: str
    """The project's settings module."""
    top: str
    """The directory of manage.py, below the top of the project."""
    static: bool
    """Whether it has static files to collect."""
    asynchronous: bool
    """Whether it is served as ASGI."""
    health: Guess
    notes: tuple[str, ...]


def read_django(modules: Sequence[Module], asked: frozenset[str]) -> Django | None:
    """The Django project among `modules`, with the requirements `asked`; None without manage.py."""
    manage = sorted((m for m in modules if Path(m.path).name == "manage.py"),
                    key=lambda m: m.path.count("/"))  # fmt: skip
    if not manage or manage[0].path.count("/") > 1:
        return None
    top = manage[0].path.rpartition("/")[0]
    inside = {_name_below(m, top): m for m in modules}
    said = [(m, *found) for m in _deployed(modules, manage[0]) if (found := _settings_of(m))]
    if not said:
        return None
    module, settings, forced = said[0]
    values = _values(inside, settings)
    notes = []
    if forced:
        notes.append(
            f"{module.path} sets DJANGO_SETTINGS_MODULE whatever the environment has: with "
            "os.environ.setdefault the package's own settings apply"
        )
    if len({s for _, s, _ in said}) > 1:
        notes.append(f"the settings are {settings}, as {module.path} has them")
    installed = _strings(values.get("INSTALLED_APPS"))
    servers = {"daphne", "uvicorn", "hypercorn", "channels", "granian"}
    return Django(
        settings=settings, top=top,
        static="django.contrib.staticfiles" in installed or not installed,
        asynchronous=bool(asked & servers) and "gunicorn" not in asked,
        health=_health(inside, values), notes=tuple(notes),
    )  # fmt: skip


def _name_below(module: Module, top: str) -> str:
    prefix = top.replace("/", ".") + "." if top else ""
    return module.name.removeprefix(prefix)


def _deployed(modules: Sequence[Module], manage: Module) -> list[Module]:
    """Modules that name the settings: what a server loads comes before manage.py."""
    names = [m for m in modules if Path(m.path).name in ("wsgi.py", "asgi.py")]
    return [*sorted(names, key=lambda m: (m.path.count("/"), m.path), reverse=True), manage]


def _settings_of(module: Module) -> tuple[str, bool] | None:
    for name, call in module.calls():
        if name == "os.environ.setdefault" and len(call.args) == 2:
            key, value = literal(call.args[0]), literal(call.args[1])
            if key == "DJANGO_SETTINGS_MODULE" and _is_module(value):
                return str(value), False
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            key, value = literal(node.targets[0].slice), literal(node.value)
            if key == "DJANGO_SETTINGS_MODULE" and _is_module(value):
                return str(value), True
    return None


def _is_module(value: object) -> bool:
    return isinstance(value, str) and MODULE.fullmatch(value) is not None


def _values(inside: Mapping[str, Module], name: str, depth: int = 0) -> dict[str, ast.expr]:
    """What the settings module and those it imports with `*` assign."""
    module = inside.get(name)
    if module is None or depth > MAX_DEPTH:
        return {}
    found: dict[str, ast.expr] = {}
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
            base = name.split(".")
            package = base if module.path.endswith("__init__.py") else base[:-1]
            kept = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*kept, *([node.module] if node.module else [])])
            found |= _values(inside, target, depth + 1)
    return {**found, **dict(assignments(module.tree.body))}


def _strings(node: ast.expr | None) -> set[str]:
    if node is None:
        return set()
    return {
        n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }


def _health(inside: Mapping[str, Module], values: Mapping[str, ast.expr]) -> Guess:
    """A path made for it, else the first page, else the form to log in to the administration."""
    urls = literal(values.get("ROOT_URLCONF"))
    routes = list(_routes(inside, str(urls), "/", 0))
    plain = [(p, seen) for p, seen in routes if re.fullmatch(r"/[A-Za-z0-9/._~-]*", p)]
    for path, seen in plain:
        if HEALTH.fullmatch(path):
            return Guess(value=path, seen=seen)
    for path, seen in plain:
        if path == "/":
            return Guess(value=path, seen=seen)
    administration = [(p, s) for p, s in plain if p.endswith("/admin.site.urls")]
    for path, seen in administration:
        return Guess(value=path.removesuffix("admin.site.urls") + "login/", seen=seen)
    for path, seen in plain:
        return Guess(value=path, seen=seen)
    return Guess(value="/", seen=None)


def _routes(
    inside: Mapping[str, Module], name: str, prefix: str, depth: int
) -> Iterator[tuple[str, str]]:
    module = inside.get(name)
    if module is None or depth > MAX_DEPTH:
        return
    for called, call in module.calls():
        if called.rpartition(".")[2] not in ("path", "re_path", "url") or len(call.args) < 2:
            continue
        route, view = literal(call.args[0]), call.args[1]
        if not isinstance(route, str):
            continue
        path = prefix + _plain(route)
        included = _included(module, view)
        if included is not None:
            yield from _routes(inside, included, path, depth + 1)
        elif module.full(view) == "django.contrib.admin.site.urls":
            yield f"{path}admin.site.urls", module.at(call)
        elif not _is_include(module, view) and not _guarded(module, view):
            yield path, module.at(call)


def _plain(route: str) -> str:
    """A route; of a regular expression what stands for itself."""
    return route.removeprefix("^").removesuffix("$")


def _included(module: Module, view: ast.expr) -> str | None:
    if not _is_include(module, view) or not isinstance(view, ast.Call) or not view.args:
        return None
    first = view.args[0]
    if isinstance(first, ast.Tuple) and first.elts:
        first = first.elts[0]
    said = literal(first)
    return said if isinstance(said, str) else module.full(first) or None


def _is_include(module: Module, view: ast.expr) -> bool:
    return isinstance(view, ast.Call) and module.full(view.func).endswith("include")


def _guarded(module: Module, view: ast.expr) -> bool:
    """Whether the route itself says that only people who have logged in see it."""
    return isinstance(view, ast.Call) and module.full(view.func).endswith("login_required")
