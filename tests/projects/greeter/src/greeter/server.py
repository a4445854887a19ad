"""The HTTP side: /greet and /health."""

import json
import logging
import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from greeter import __version__, _tally
from greeter.config import Config
from greeter.state import Memory

log = logging.getLogger("greeter")

# hash64 of a fixed text: a miscompiled extension, or one for another byte order, differs.
PROBE = b"greeter"
PROBE_HASH = 0x49078A9FA4DDC39E


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, config: Config, memory: Memory) -> None:
        self.config = config
        self.memory = memory
        super().__init__((config.server.host, config.server.port), Handler)

    def server_bind(self) -> None:
        # HTTPServer looks up the host's full name here, which may wait for a name server.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]


class Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = f"greeter/{__version__}"
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        try:
            url = urlsplit(self.path)
            query = parse_qs(url.query, max_num_fields=10)
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})
            return
        if url.path == "/health":
            self._health()
        elif url.path == "/greet":
            self._greet(query)
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"nothing at {url.path}"})

    def _health(self) -> None:
        count, names = self.server.memory.summary()
        ok = _tally.hash64(PROBE) == PROBE_HASH
        self._answer(
            HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE,
            {
                "status": "ok" if ok else "failed",
                "version": __version__,
                "architecture": _tally.MACHINE,
                "count": count,
                "names": names,
            },
        )

    def _greet(self, query: dict[str, list[str]]) -> None:
        greeting = self.server.config.greeting
        name = query.get("name", [""])[0].strip()
        if not name:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "give a name: /greet?name=Ada"})
        elif len(name) > greeting.max_name_length:
            self._answer(
                HTTPStatus.BAD_REQUEST,
                {"error": f"a name may have {greeting.max_name_length} characters"},
            )
        else:
            count = self.server.memory.meet(name)
            text = greeting.template.replace("{name}", name)
            self._answer(HTTPStatus.OK, {"greeting": text, "count": count})

    def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        # repr keeps control characters of a request out of the journal.
        log.info("%s %r", self.client_address[0], format % args)
