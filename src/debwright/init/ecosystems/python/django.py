"""What a Django project says: its settings module, its static files, the path to ask."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.init.ecosystems.python import django_urls
from debwright.init.ecosystems.python.modules import Module, assignments, literal
from debwright.init.ecosystems.python.variables import MADE_UP
from debwright.init.model import Guess

MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
WRAPPER = "packaged_settings"
"""The settings module of the package, which imports the project's own."""
MAX_DEPTH = 6
AT_A_DESK = re.compile(r"dev|devel|develop|development|local|test|testing|debug")
DEPLOYED = re.compile(r"prod|production|deploy|deployment|live|heroku")
"""Names of settings modules."""


@dataclass(frozen=True, kw_only=True)
class Django:
    settings: str
    """The project's settings module."""
    top: str
    """The directory of manage.py, below the top of the project."""
    static: bool
    """Whether it has static files to collect."""
    gives_out: bool
    """Whether something of the project gives them out, as WhiteNoise."""
    secret: bool
    """Whether SECRET_KEY is a variable of the environment that `made_up` knows."""
    server: str
    """The engine of a database that is a server's, and that the settings name themselves."""
    forced: bool
    """Whether what a server loads sets the settings module, whatever the environment has."""
    unused: frozenset[str]
    """Modules of settings that are not those of the package, as of development."""
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
    said = said or [(manage[0], name, False) for name in _like_settings(inside)]
    if not said:
        return None
    module, named, forced = said[0]
    settings = _of_production(inside, named)
    values = _values(inside, settings)
    notes = []
    if settings != named:
        notes.append(f"{module.path} names {named}, of a desk: the package has {settings}")
    elif len({s for _, s, _ in said}) > 1:
        notes.append(f"the settings are {settings}, as {module.path} has them")
    installed = _strings(values.get("INSTALLED_APPS"))
    servers = {"daphne", "uvicorn", "hypercorn", "channels", "granian"}
    return Django(
        settings=settings, top=top,
        static="django.contrib.staticfiles" in installed or not installed,
        gives_out=_gives_out(inside, settings), secret=_secret(values),
        server=_server(values), forced=forced, unused=_unused(inside, settings),
        asynchronous=bool(asked & servers) and "gunicorn" not in asked,
        health=django_urls.health(inside, values), notes=tuple(notes),
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


def _like_settings(inside: Mapping[str, Module]) -> list[str]:
    """Modules that say which applications are installed; those of production come first."""
    found = [n for n, m in inside.items() if "INSTALLED_APPS" in dict(assignments(m.tree.body))]
    near = [n for n in inside if DEPLOYED.fullmatch(n.rpartition(".")[2])]
    near = [n for n in near if set(inside[n].starred) & set(found)]
    return [*near, *found]


def _is_module(value: object) -> bool:
    return isinstance(value, str) and MODULE.fullmatch(value) is not None


def _values(inside: Mapping[str, Module], name: str, depth: int = 0) -> dict[str, ast.expr]:
    """What the settings module and those it imports with `*` assign."""
    module = inside.get(name)
    if module is None or depth > MAX_DEPTH:
        return {}
    found: dict[str, ast.expr] = {}
    for starred in module.starred:
        found |= _values(inside, django_urls.located(inside, starred), depth + 1)
    return {**found, **dict(assignments(module.tree.body))}


def _gives_out(inside: Mapping[str, Module], settings: str, depth: int = 0) -> bool:
    """Whether the settings name a middleware for static files, however they put it there."""
    module = inside.get(settings)
    if module is None or depth > MAX_DEPTH:
        return False
    names = _strings(module.tree)
    if any(n.startswith(("whitenoise.middleware", "servestatic.middleware")) for n in names):
        return True
    starred = (django_urls.located(inside, name) for name in module.starred)
    return any(_gives_out(inside, name, depth + 1) for name in starred)


def _secret(values: Mapping[str, ast.expr]) -> bool:
    return any(MADE_UP.search(text) for text in _strings(values.get("SECRET_KEY")))


def _of_production(inside: Mapping[str, Module], named: str) -> str:
    """The settings for production, where those that are `named` are for a desk."""
    package, _, last = named.rpartition(".")
    if not package or not AT_A_DESK.fullmatch(last):
        return named
    siblings = sorted(n for n in inside if n.rpartition(".")[0] == package)
    return next((n for n in siblings if DEPLOYED.fullmatch(n.rpartition(".")[2])), named)


def _unused(inside: Mapping[str, Module], settings: str) -> frozenset[str]:
    """Full names of modules next to the settings that these do not import."""
    package, _, last = settings.rpartition(".")
    siblings = {n: m for n, m in inside.items() if n.rpartition(".")[0] == package and package}
    if last == "settings" or settings not in siblings:
        siblings = {}  # its neighbours are urls.py and the like
    reached, waiting = set[str](), [settings]
    while waiting:
        name = waiting.pop()
        if name not in reached and name in siblings:
            reached.add(name)
            module = siblings[name]
            waiting += [django_urls.located(inside, n) for n in (*module.starred, *module.imported)]
            waiting += [django_urls.located(inside, n.rpartition(".")[0]) for n in module.imported]
    return frozenset(m.name for n, m in siblings.items() if n not in reached)


def _server(values: Mapping[str, ast.expr]) -> str:
    """The engine of the default database, where its settings are a dictionary and it is no file."""
    databases = values.get("DATABASES")
    for node in ast.walk(databases) if databases is not None else ():
        if not isinstance(node, ast.Dict):
            continue
        for key, value in zip(node.keys, node.values, strict=True):
            engine = literal(value) if literal(key) == "ENGINE" else None
            if isinstance(engine, str) and not engine.endswith(("sqlite3", "spatialite")):
                return engine
    return ""


def _strings(node: ast.AST | None) -> set[str]:
    if node is None:
        return set()
    return {
        n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
