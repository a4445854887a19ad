"""Servers made for production: which one serves an application, and what it is told."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from debwright.init.ecosystems.python.apps import App, Interface

LOCAL = "127.0.0.1"
PORT = "8000"
Words = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Server:
    name: str
    """Of its program."""
    distribution: str
    interfaces: frozenset[Interface]
    words: Callable[[App, str, str], Words]
    """The command line for an application, an address and a port."""
    brought_by: frozenset[str] = frozenset()
    """Requirements that depend on it."""


def _called(app: App) -> str:
    """A factory as gunicorn and hypercorn are given it."""
    return f"{app.target}()" if app.factory else app.target


def _gunicorn(app: App, host: str, port: str) -> Words:
    worker = {
        "wsgi": (),
        "asgi": ("--worker-class", "uvicorn.workers.UvicornWorker"),
        "aiohttp": ("--worker-class", "aiohttp.GunicornWebWorker"),
    }[app.framework.interface]
    target = app.target if app.framework.interface == "aiohttp" else _called(app)
    return ("gunicorn", "--bind", f"{host}:{port}", *worker, target)


def _uvicorn(app: App, host: str, port: str) -> Words:
    factory = ("--factory",) if app.factory else ()
    return ("uvicorn", "--host", host, "--port", port, *factory, app.target)


def _hypercorn(app: App, host: str, port: str) -> Words:
    return ("hypercorn", "--bind", f"{host}:{port}", _called(app))


def _daphne(app: App, host: str, port: str) -> Words:
    return ("daphne", "-b", host, "-p", port, app.target)


def _waitress(app: App, host: str, port: str) -> Words:
    call = ("--call",) if app.factory else ()
    return ("waitress-serve", f"--listen={host}:{port}", *call, app.target)


def _granian(app: App, host: str, port: str) -> Words:
    factory = ("--factory",) if app.factory else ()
    kind = app.framework.interface
    return ("granian", "--interface", kind, "--host", host, "--port", port, *factory, app.target)


SERVERS = (
    Server(name="gunicorn", distribution="gunicorn", words=_gunicorn,
           interfaces=frozenset({"wsgi", "aiohttp"})),
    Server(name="uvicorn", distribution="uvicorn", words=_uvicorn, interfaces=frozenset({"asgi"}),
           brought_by=frozenset({"fastapi[standard]", "fastapi[all]", "litestar[standard]"})),
    Server(name="hypercorn", distribution="hypercorn", words=_hypercorn,
           interfaces=frozenset({"asgi"}), brought_by=frozenset({"quart"})),
    Server(name="waitress-serve", distribution="waitress", words=_waitress,
           interfaces=frozenset({"wsgi"}), brought_by=frozenset({"pyramid"})),
    Server(name="daphne", distribution="daphne", words=_daphne, interfaces=frozenset({"asgi"}),
           brought_by=frozenset({"channels[daphne]"})),
    Server(name="granian", distribution="granian", words=_granian,
           interfaces=frozenset({"asgi", "wsgi"})),
)  # fmt: skip
"""In the order in which they are taken when a project asks for several."""

MODULES: Mapping[str, str] = {
    "gunicorn": "gunicorn", "uvicorn": "uvicorn", "hypercorn": "hypercorn", "daphne": "daphne",
    "waitress-serve": "waitress", "granian": "granian", "celery": "celery", "flask": "flask",
    "django-admin": "django", "streamlit": "streamlit", "dramatiq": "dramatiq", "rq": "rq.cli",
    "alembic": "alembic", "huey_consumer.py": "huey.bin.huey_consumer", "arq": "arq",
}  # fmt: skip
"""Modules that are the programs of these names, for an interpreter to run with -m."""


def choose(app: App, asked: Collection[str]) -> tuple[Server, bool]:
    """The server for `app`, and whether the requirements `asked` do not have it yet.

    `asked` are requirements without limits: `name` and `name[extra]`, normalised.
    """
    fitting = [s for s in SERVERS if app.framework.interface in s.interfaces]
    for server in fitting:
        if {server.distribution, *server.brought_by} & set(asked):
            return server, False
    return fitting[0], True


def bound(words: Sequence[str]) -> tuple[str, str] | None:
    """The address and the port that a server's command line names; None when it names none."""
    host = port = None
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if not equals:
            value = words[place + 1] if place + 1 < len(words) else ""
        if re.fullmatch(r"-b\S+", word):
            option, value = "-b", word[2:]
        if option in ("--bind", "--listen", "-b", "--http-socket", "--http"):
            both = re.fullmatch(r"(?:\[(.*)\]|([^:]*)):([^:/]+)", value)
            if both:
                host, port = both[1] or both[2] or host, both[3]
            elif option == "-b" and re.fullmatch(r"[\d.]+|localhost|[^:/\s]+", value):
                host = value
        elif option in ("--host", "-h", "--server.address", "-H"):
            host = value
        elif option in ("--port", "-p", "-P", "--server.port"):
            port = value
    if host is None and port is None:
        return None
    return (host or LOCAL).replace("localhost", LOCAL).replace("*", "0.0.0.0"), port or PORT  # noqa: S104


def is_server(words: Sequence[str]) -> bool:
    """Whether a command line starts a server that waits for connections."""
    return program_of(words) in {*(s.name for s in SERVERS), "streamlit"}


def program_of(words: Sequence[str]) -> str:
    """The name of the program that a command line starts, by a module as well."""
    if list(words[1:2]) == ["-m"] and len(words) > 2:
        return next((n for n, module in MODULES.items() if module == words[2]), words[2])
    return words[0].rpartition("/")[2]


def is_development(words: Sequence[str]) -> bool:
    """Whether it is a server that its own documentation keeps from production."""
    line = list(words)
    if line[1:2] == ["-m"]:
        line = line[2:]
    return bool(
        ("runserver" in line[:4] and any("manage" in w or "django" in w for w in line[:3]))
        or (line[:1] == ["flask"] and "run" in line)
        or line[:2] == ["fastapi", "dev"]
        or (line[:1] == ["uvicorn"] and "--reload" in line)
    )
