"""The application objects of a project: which framework made them, and who can serve them."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from debwright.init.ecosystems.python.modules import Module, assignments

Interface = Literal["wsgi", "asgi", "aiohttp"]


@dataclass(frozen=True, kw_only=True)
class Framework:
    title: str
    interface: Interface
    made_by: tuple[str, ...]
    """Full names of what makes an application."""
    served: str = ""
    """The attribute that a server is given instead of the object itself."""


FRAMEWORKS = (
    Framework(title="FastAPI", interface="asgi",
              made_by=("fastapi.FastAPI", "fastapi.applications.FastAPI")),
    Framework(title="Flask", interface="wsgi",
              made_by=("flask.Flask", "flask.app.Flask", "apiflask.APIFlask",
                       "flask_openapi3.OpenAPI")),
    Framework(title="Starlette", interface="asgi",
              made_by=("starlette.applications.Starlette",)),
    Framework(title="Quart", interface="asgi", made_by=("quart.Quart",)),
    Framework(title="Litestar", interface="asgi", made_by=("litestar.Litestar",)),
    Framework(title="BlackSheep", interface="asgi", made_by=("blacksheep.Application",)),
    Framework(title="Sanic", interface="asgi", made_by=("sanic.Sanic",)),
    Framework(title="Falcon", interface="asgi", made_by=("falcon.asgi.App",)),
    Framework(title="Falcon", interface="wsgi", made_by=("falcon.App", "falcon.API")),
    Framework(title="Bottle", interface="wsgi",
              made_by=("bottle.Bottle", "bottle.default_app", "bottle.app")),
    Framework(title="Dash", interface="wsgi", made_by=("dash.Dash",), served="server"),
    Framework(title="Connexion", interface="asgi",
              made_by=("connexion.AsyncApp", "connexion.FlaskApp", "connexion.App")),
    Framework(title="Pyramid", interface="wsgi", made_by=("*.make_wsgi_app",)),
    Framework(title="aiohttp", interface="aiohttp", made_by=("aiohttp.web.Application",)),
    Framework(title="Socket.IO", interface="asgi", made_by=("socketio.ASGIApp",)),
    Framework(title="Socket.IO", interface="wsgi", made_by=("socketio.WSGIApp",)),
    Framework(title="Django", interface="wsgi",
              made_by=("django.core.wsgi.get_wsgi_application",)),
    Framework(title="Django", interface="asgi",
              made_by=("django.core.asgi.get_asgi_application",)),
)  # fmt: skip
NAMES = ("app", "application", "api", "server", "asgi", "wsgi")
MODULES = ("wsgi", "asgi", "main", "app", "server", "run", "api", "application", "web")
FACTORIES = ("create_app", "make_app", "build_app", "get_app", "create_application", "app_factory")


@dataclass(frozen=True, kw_only=True)
class App:
    framework: Framework
    module: str
    name: str
    factory: bool
    """Whether `name` is a function without arguments that makes the application."""
    seen: str

    @property
    def target(self) -> str:
        """`module:name` as servers are given it; a factory is called by whoever starts it."""
        served = self.framework.served
        return f"{self.module}:{self.name}{f'.{served}' if served else ''}"


def find_apps(modules: Sequence[Module]) -> list[App]:
    """Every application at the top of a module, or made by a factory; the likeliest first."""
    factories = {f"{m.name}.{name}": found for m in modules for name, found in _factories(m)}
    apps = [app for m in modules for app in _variables(m, factories)]
    apps += [
        App(framework=framework, module=m.name, name=name, factory=True, seen=m.at(node))
        for m in modules
        for name, (framework, node) in _factories(m)
        if not _needs_arguments(node)
    ]
    return sorted(apps, key=_likely)


def _likely(app: App) -> tuple[int, ...]:
    last = app.module.rpartition(".")[2]
    names = FACTORIES if app.factory else NAMES
    return (
        app.factory,
        names.index(app.name) if app.name in names else len(names),
        MODULES.index(last) if last in MODULES else len(MODULES),
        app.module.count("."),
    )


Made = tuple[Framework, ast.FunctionDef | ast.AsyncFunctionDef]


def _variables(module: Module, factories: Mapping[str, Made]) -> Iterator[App]:
    for name, value in assignments(module.tree.body):
        if not isinstance(value, ast.Call):
            continue
        framework = framework_of(module, value)
        if framework is None:
            called = module.full(value.func)
            made = factories.get(called) or factories.get(f"{module.name}.{called}")
            framework = made[0] if made else None
        if framework is not None:
            yield App(
                framework=framework, module=module.name, name=name, factory=False,
                seen=module.at(value),
            )  # fmt: skip


def _factories(module: Module) -> Iterator[tuple[str, Made]]:
    """Functions that return an application they have made."""
    for node in module.tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        made = {
            name: framework
            for name, value in assignments(node.body)
            if isinstance(value, ast.Call)
            if (framework := framework_of(module, value)) is not None
        }
        for inner in ast.walk(node):
            if not isinstance(inner, ast.Return) or inner.value is None:
                continue
            value = inner.value
            framework = made.get(value.id) if isinstance(value, ast.Name) else None
            if framework is None and isinstance(value, ast.Call):
                framework = framework_of(module, value)
            if framework is not None:
                yield node.name, (framework, node)
                break


def framework_of(module: Module, call: ast.Call) -> Framework | None:
    """The framework whose application a call makes."""
    name = module.full(call.func)
    for framework in FRAMEWORKS:
        for made in framework.made_by:
            if name == made or (made.startswith("*.") and name.endswith(made[1:])):
                return framework
    return None


def _needs_arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = node.args
    required = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    return required > 0 or any(d is None for d in given.kw_defaults)
