"""The dashboard over HTTP, kept up to date: `debwright dashboard --serve`.

Only what is listed is served, and only for reading; a request for another host's name is refused,
so that a page of somebody else's cannot read it through a name it has made point here.
"""

import hashlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from debwright.model.errors import DebwrightError, UsageError
from debwright.model.fix import Command, Correction

FRESH_SECONDS = 2.0
"""How long an answer is kept: many readers cost no more than one."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """What is served under one path."""

    content_type: str
    make: Callable[[], str]


@dataclass
class _Kept:
    """The last answer under each path."""

    documents: Mapping[str, Document]
    _answers: dict[str, tuple[float, bytes, str]] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path: str) -> tuple[bytes, str]:
        """Content and its tag."""
        with self._turn:
            at, body, tag = self._answers.get(path, (float("-inf"), b"", ""))
            if time.monotonic() - at > FRESH_SECONDS:
                body = self.documents[path].make().encode()
                tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
                self._answers[path] = (time.monotonic(), body, tag)
            return body, tag


def server(
    address: tuple[str, int], documents: Mapping[str, Document], say: Callable[[str], None]
) -> ThreadingHTTPServer:
    """A server that is bound but does not serve yet. Raises DebwrightError."""
    kept = _Kept(documents)

    class Handler(BaseHTTPRequestHandler):
        server_version = "debwright"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            if not _is_own(self.headers.get("Host", ""), address[0]):
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
                return
            path = self.path.partition("?")[0]
            if path not in documents:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            try:
                content, tag = kept.get(path)
            except DebwrightError as error:
                say(error.render())
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
                return
            same = self.headers.get("If-None-Match") == tag
            self.send_response(HTTPStatus.NOT_MODIFIED if same else HTTPStatus.OK)
            self.send_header("ETag", tag)
            self.send_header("Cache-Control", "no-cache")
            self.send_header("X-Content-Type-Options", "nosniff")
            if not same:
                self.send_header("Content-Type", documents[path].content_type)
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body and not same:
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Nothing for each request: the page asks every few seconds."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

    try:
        return Server(address, Handler)
    except OSError as error:
        raise DebwrightError(
            f"{address[0]}:{address[1]} cannot be served on: {error.strerror}",
            fix=Command("debwright", "dashboard", "--serve", "127.0.0.1:8765"),
        ) from error


def _is_own(host: str, bound: str) -> bool:
    """Whether a request's Host is an address, or the name that was bound."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name in ("localhost", bound):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def parse_address(text: str) -> tuple[str, int]:
    """`PORT`, `HOST:PORT` or `[::1]:PORT`; without a host this machine alone. Raises UsageError."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) < 65536:
        raise UsageError(
            f"{text!r} is no address to serve on",
            fix=Correction("127.0.0.1:8765", wrong=text, option="--serve"),
        )
    return host.strip("[]") or "127.0.0.1", int(port)
