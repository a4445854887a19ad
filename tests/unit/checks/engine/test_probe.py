"""Asking a URL: once or until it answers, in this network or through a relay into another."""

import base64
import json
import os
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from debwright.checks.engine.probes import SCRIPT, Answer
from debwright.systems.remote import RELAY


class Service(BaseHTTPRequestHandler):
    """Starting at first; then it says what it was sent."""

    asked = 0

    def _answer(self) -> None:
        type(self).asked += 1
        status = 503 if type(self).asked < 3 and self.path == "/health" else 200
        length = int(self.headers.get("Content-Length") or 0)
        said = {
            "method": self.command, "path": self.path, "type": self.headers.get("Content-Type"),
            "body": self.rfile.read(length).decode(),
        }  # fmt: skip
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Service.asked = 0
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_port)
        server.shutdown()


def ask(url: str, *, env: Mapping[str, str] | None = None, **other: Any) -> dict[str, Any]:
    question = {
        "url": url, "seconds": 10.0, "method": "GET", "body": None, "status": None, "contains": "",
        "send": None, "authorization": None, **other,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-I", "-S", SCRIPT], check=True, text=True, input=json.dumps(question),
        capture_output=True, env={**os.environ, **(env or {})},
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_it_waits_for_the_status_and_the_text(port: int) -> None:
    answer = ask(f"http://127.0.0.1:{port}/health", status=200, contains="/health")
    assert answer["ok"]
    assert answer["attempts"] == 3


def test_it_asks_once_where_any_answer_will_do(port: int) -> None:
    answer = ask(f"http://127.0.0.1:{port}/health")
    assert (answer["attempts"], answer["status"]) == (1, 503)
    assert ask("http://127.0.0.1:1/")["error"].startswith("ConnectionRefusedError")


def test_a_question_reaches_a_system_through_its_relay(port: int) -> None:
    """Questions of [equivalence] went to this machine's own port in containers and by ssh."""
    relay = (
        "import socket, sys, threading\n"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "there = socket.socket(fileno=0)\n"
        "there.send(b'\\0')\n"
        "def copy(a, b):\n"
        "    while data := a.recv(65536): b.sendall(data)\n"
        "threading.Thread(target=copy, args=(there, s), daemon=True).start()\n"
        "copy(s, there)\n"
    )
    command = [sys.executable, "-c", relay, str(port)]
    answer = ask(
        "http://127.0.0.1:1/ask?q=1", method="POST", body='{"question": "why"}',
        env={"DEBWRIGHT_RELAY": json.dumps(command)},
    )  # fmt: skip
    assert json.loads(answer["body"]) == {
        "method": "POST", "path": "/ask?q=1", "type": "application/json",
        "body": '{"question": "why"}',
    }  # fmt: skip


class Guarded(Service):
    """Wants a name and a password, and sends them back; / leads elsewhere."""

    def do_GET(self) -> None:
        given = self.headers.get("Authorization") or ""
        right = given == "Basic " + base64.b64encode(b"keeper:geheim").decode()
        self.send_response(302 if self.path == "/" else 200 if right else 401)
        self.send_header("Location", "/login")
        self.end_headers()
        self.wfile.write(f"welcome keeper:geheim, {given}, geheim".encode())


@pytest.fixture
def guarded() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_password_is_sent_and_never_comes_back(guarded: HTTPServer) -> None:
    url = f"http://127.0.0.1:{guarded.server_port}/x"
    assert ask(url)["status"] == 401
    answer = ask(url, status=200, contains="welcome", authorization="keeper:geheim")
    assert answer["ok"]
    said = json.dumps(answer)
    assert "geheim" not in said
    assert base64.b64encode(b"keeper:geheim").decode() not in said


def test_a_redirection_says_where_it_leads(guarded: HTTPServer) -> None:
    answer = ask(f"http://127.0.0.1:{guarded.server_port}/")
    assert (answer["status"], answer["location"]) == (302, "/login")
    assert "which leads to '/login'" in Answer(**answer).describe()


def test_any_certificate_will_do(guarded: HTTPServer, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=elsewhere", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    guarded.socket = context.wrap_socket(guarded.socket, server_side=True)
    answer = ask(f"https://localhost:{guarded.server_port}/x", authorization="keeper:geheim")
    assert answer["status"] == 200, answer


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Path]:
    """A Unix socket that greets, and answers a line with what it was."""

    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 hello\n")
            if line := self.rfile.readline():
                self.wfile.write(b"you said " + line)

    path = tmp_path / "s"
    with socketserver.ThreadingUnixStreamServer(str(path), Line) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield path
        server.shutdown()


def test_a_unix_socket_is_reached_by_perl_which_every_system_has(echo: Path) -> None:
    env = {"DEBWRIGHT_SOCKET_RELAY": json.dumps(RELAY)}
    url = f"unix://{echo}"
    assert ask(url, env=env, status=0, seconds=2.0)["ok"], "a connection is enough"
    assert ask(url, env=env, status=0, contains="220", seconds=2.0)["ok"]
    answer = ask(url, env=env, status=0, send="ping\n", contains="you said ping", seconds=2.0)
    assert answer["ok"], answer["error"]
    assert not ask(url, env=env, status=0, send="a\n", contains="you said b", seconds=0.3)["ok"]
    missing = ask(f"unix://{echo}-not", env=env, status=0, seconds=0.3)
    assert "No such file or directory" in missing["error"]


def test_http_over_a_unix_socket(tmp_path: Path) -> None:
    Service.asked = 9

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

        def get_request(self) -> tuple[Any, Any]:
            return self.socket.accept()[0], ("local", 0)

    path = str(tmp_path / "h")
    with Server(path, Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answer = ask(
            f"http+unix://{quote(path, safe='')}/health", status=200, seconds=2.0,
            env={"DEBWRIGHT_SOCKET_RELAY": json.dumps(RELAY)},
        )  # fmt: skip
        server.shutdown()
    assert answer["ok"], answer["error"]
    assert json.loads(answer["body"])["path"] == "/health"


def test_a_port_that_takes_a_connection(port: int) -> None:
    assert ask(f"tcp://127.0.0.1:{port}", status=0)["ok"]
    refused = ask("tcp://127.0.0.1:1", status=0, seconds=0.2)
    assert not refused["ok"]
    assert "refused" in refused["error"]


def test_an_answer_without_a_length_ends_when_the_service_closes(guarded: HTTPServer) -> None:
    """Through the relay it never ended: the half that sends kept the connection open."""
    answer = ask(
        f"http://127.0.0.1:{guarded.server_port}/x", status=401, seconds=3.0,
        env={"DEBWRIGHT_RELAY": json.dumps(RELAY)},
    )  # fmt: skip
    assert answer["ok"], answer["error"]
