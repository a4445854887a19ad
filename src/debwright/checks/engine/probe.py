"""Ask a URL once, or until it answers as it should. Run as a script; standard library only.

Its argument is a JSON object: `url`, `seconds`, and what `Question` has besides. It prints one JSON
object, as session.Answer has it. It is run on this machine but in
the network namespace of the system under test, which therefore needs no HTTP client. Where there is
no such namespace, DEBWRIGHT_RELAY holds a command (JSON) that connects its standard input and
output to a host and port of the system, and says NUL once it has.
"""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from typing import Any, TypedDict
from urllib.parse import urlsplit

LIMIT = 4 * 1024 * 1024


class Question(TypedDict):
    """What is asked, for at most `seconds`."""

    url: str
    seconds: float
    method: str
    body: str | None
    """It is sent as JSON."""
    status: int | None
    """The status to wait for; None: ask once, and take what comes."""
    contains: str
    """A text that the body must have."""


def ask(url: str, method: str, content: str | None, timeout: float) -> tuple[int, str]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    secure = parts.scheme == "https"
    # The certificate is the package's own; what is tested is that the service answers.
    context = ssl._create_unverified_context() if secure else None
    connection: http.client.HTTPConnection
    if context:
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    if relay := os.environ.get("DEBWRIGHT_RELAY"):
        plain = connect(json.loads(relay), host, port or (443 if secure else 80), timeout)
        connection.sock = context.wrap_socket(plain, server_hostname=host) if context else plain
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"User-Agent": "debwright"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(LIMIT).decode("utf-8", "replace")
    finally:
        connection.close()


def connect(relay: list[str], host: str, port: int, timeout: float) -> socket.socket:
    """A connection by way of the relay's standard input and output."""
    ours, theirs = socket.socketpair()
    ours.settimeout(timeout)
    with theirs:
        process = subprocess.Popen(
            [*relay, host, str(port)], stdin=theirs.fileno(), stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
        )  # fmt: skip
    try:
        if ours.recv(1) == b"\0":
            return ours
    except TimeoutError:
        process.kill()
    ours.close()
    said = process.communicate()[1].decode("utf-8", "replace").strip().splitlines()
    raise ConnectionError(said[-1][:200] if said else "no connection")


def main() -> None:
    question: Question = json.loads(sys.argv[1])
    seconds, expected = question["seconds"], question["status"]
    started = time.monotonic()
    result: dict[str, Any] = {
        "ok": False, "attempts": 0, "status": None, "body": "", "error": None,
    }  # fmt: skip
    while True:
        result["attempts"] += 1
        asked = time.monotonic()
        left = max(0.2, seconds - (asked - started))
        # One of many attempts must not take all the time: a service that comes up may drop it.
        patience = left if expected is None else min(left, 30)
        try:
            status, body = ask(question["url"], question["method"], question["body"], patience)
            result.update(status=status, body=body, error=None)
            result["ok"] = expected in (None, status) and question["contains"] in body
        except (OSError, http.client.HTTPException, ValueError) as error:
            result["error"] = f"{type(error).__name__}: {error}"
        now = time.monotonic()
        result["latency"] = now - asked
        result["seconds"] = now - started
        if result["ok"] or expected is None or now - started >= seconds:
            break
        time.sleep(0.02 if now - started < 2 else 0.1)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
