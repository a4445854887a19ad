"""Asking a URL: once or until it answers, in this network or through a relay into another."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from debwright.checks.engine.session import PROBE


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
        **other,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-I", "-S", PROBE, json.dumps(question)], check=True, text=True,
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
