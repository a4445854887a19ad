"""Whether a program takes connections, so that no port is invented for one that does not."""

import ast
import re
from collections.abc import Collection, Iterable, Sequence

from debwright.init.ecosystems.python.modules import Module

# Modules that only a program which takes connections has a use for.
SERVERS = frozenset({
    "http.server", "socketserver", "wsgiref.simple_server", "xmlrpc.server", "aiohttp.web",
    "flask", "fastapi", "starlette", "quart", "litestar", "sanic", "bottle", "falcon", "pyramid",
    "cherrypy", "tornado.web", "tornado.httpserver", "uvicorn", "hypercorn", "waitress", "gunicorn",
    "daphne", "granian", "twisted.web", "web", "blacksheep", "robyn", "dash", "connexion",
    "aiosmtpd", "websockets.server", "streamlit", "gradio", "nicegui", "cheroot",
    "apiflask", "emmett", "masonite", "responder", "molten", "hug", "mcp.server",
})  # fmt: skip
CALLS = frozenset({
    "asyncio.start_server", "asyncio.start_unix_server", "websockets.serve", "grpc.server",
    "grpc.aio.server", "prometheus_client.start_http_server", "socket.create_server",
})  # fmt: skip
NOT_HTTP = frozenset({"socketserver", "aiosmtpd", "websockets.server", "mcp.server"})
"""Those of SERVERS that wait for something else."""
_HTTP = re.compile(r"(?i)\bHTTP/1|https?://(?:0\.0\.0\.0|127\.0\.0\.1|localhost)|\bhttp server\b")
METHODS = frozenset({"create_server", "listen", "serve_forever", "create_datagram_endpoint"})


def listens(modules: Iterable[Module]) -> bool:
    """Whether any of the project's modules imports a server, or calls what listens."""
    return any(_listens(module) for module in modules)


def speaks_http(modules: Sequence[Module]) -> bool:
    """Whether one of the modules of a server is one of HTTP's, or it writes HTTP itself."""
    for module in modules:
        if any(is_server(name) and not _among(name, NOT_HTTP) for name in module.imported):
            return True
        if any("http" in name.lower() for name, _ in module.calls()):
            return True
        if any(isinstance(n, ast.Constant) and _HTTP.search(_text(n.value))
               for n in ast.walk(module.tree)):  # fmt: skip
            return True
    return not modules


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _listens(module: Module) -> bool:
    if any(is_server(name) for name in module.imported):
        return True
    if any(name in CALLS for name, _ in module.calls()):
        return True
    return any(
        isinstance(node, ast.Attribute) and node.attr in METHODS for node in ast.walk(module.tree)
    )


def is_server(name: str) -> bool:
    """Whether a module, by its full name, is one that takes connections."""
    return _among(name, SERVERS)


def _among(name: str, known: Collection[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[: n + 1]) in known for n in range(len(parts)))
