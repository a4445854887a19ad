"""Ask a service once, or until it answers as it should. Run as a script; standard library only.

Its standard input is one JSON object, a Question. It prints one JSON object, as probes.Answer has
it. It is run on this machine but in the network namespace of the system under test, which therefore
needs no HTTP client. Where there is no such namespace, DEBWRIGHT_RELAY holds a command (JSON) that
connects its standard input and output to a host and port of the system, and says NUL once it has.
DEBWRIGHT_SOCKET_RELAY does so for the path of a Unix socket, which is always one of the system's.
"""

import base64
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from typing import Any, TypedDict
from urllib.parse import unquote, urlsplit

LIMIT = 4 * 1024 * 1024


class Question(TypedDict):
    """What is asked, for at most `seconds`."""

    url: str
    seconds: float
    method: str
    body: str | None
    """It is sent as JSON."""
    status: int | None
    """The status to wait for; 0 where there is none; None: ask once, and take what comes."""
    contains: str
    """A text that the answer must have."""
    send: str | None
    """What is sent over a plain connection."""
    authorization: str | None
    """USER:PASSWORD for HTTP's basic authentication (RFC 7617)."""


Said = dict[str, Any]


def ask(question: Question, timeout: float) -> Said:
    """The status, body and location of an answer over HTTP, or what a plain connection said."""
    scheme = urlsplit(question["url"]).scheme
    if scheme in ("tcp", "unix"):
        return {"body": talk(question, timeout)}
    return browse(question, timeout)


def browse(question: Question, timeout: float) -> Said:
    parts = urlsplit(question["url"])
    connection = http.client.HTTPConnection("localhost", timeout=timeout)
    if parts.scheme == "http+unix":
        connection.sock = reach(None, None, unquote(parts.netloc), timeout)
    else:
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
        if secure:
            # The certificate is the package's own; what is tested is that the service answers.
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection(host, parts.port, context=context)
            plain = reach(host, port, None, timeout)
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        else:
            connection.sock = reach(host, port, None, timeout)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(question["method"], path, question["body"], headers(question))
        answer = connection.getresponse()
        return {
            "status": answer.status, "location": answer.getheader("Location"),
            "body": answer.read(LIMIT).decode("utf-8", "replace"),
        }  # fmt: skip
    finally:
        connection.close()


def headers(question: Question) -> dict[str, str]:
    made = {"User-Agent": "debwright"}
    if question["body"] is not None:
        made["Content-Type"] = "application/json"
    if secret := question["authorization"]:
        made["Authorization"] = f"Basic {encoded(secret)}"
    return made


def encoded(secret: str) -> str:
    return base64.b64encode(secret.encode()).decode()


def talk(question: Question, timeout: float) -> str:
    """Connect, send, and read until the text is there, or the other side has said all."""
    parts = urlsplit(question["url"])
    wanted, end = question["contains"].encode(), time.monotonic() + timeout
    path = unquote(parts.path) if parts.scheme == "unix" else None
    with reach(parts.hostname, parts.port, path, timeout) as there:
        if question["send"]:
            there.sendall(question["send"].encode())
        said = b""
        while wanted not in said or (question["send"] and not said):
            there.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = there.recv(65536)
            except TimeoutError:
                break
            if not more or len(said) > LIMIT:
                break
            said += more
    return said.decode("utf-8", "replace")


def reach(host: str | None, port: int | None, path: str | None, timeout: float) -> socket.socket:
    """A connection to the host and port, or to the socket of that path."""
    if path is not None:
        return connect(json.loads(os.environ["DEBWRIGHT_SOCKET_RELAY"]), [path], timeout)
    if relay := os.environ.get("DEBWRIGHT_RELAY"):
        return connect(json.loads(relay), [host or "", str(port)], timeout)
    return socket.create_connection((host, port or 0), timeout)


def connect(relay: list[str], to: list[str], timeout: float) -> socket.socket:
    """A connection by way of the relay's standard input and output."""
    ours, theirs = socket.socketpair()
    ours.settimeout(timeout)
    with theirs:
        process = subprocess.Popen(
            [*relay, *to], stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE,
        )  # fmt: skip
    try:
        if ours.recv(1) == b"\0":
            return ours
    except TimeoutError:
        process.kill()
    ours.close()
    said = process.communicate()[1].decode("utf-8", "replace").strip().splitlines()
    raise ConnectionError(said[-1][:200] if said else "no connection")


def hidden(text: str, secret: str | None) -> str:
    """The text without the password, which a service may send back."""
    for part in (secret, encoded(secret), secret.partition(":")[2]) if secret else ():
        text = text.replace(part, "***") if part else text
    return text


def main() -> None:
    question: Question = json.load(sys.stdin)
    seconds, expected = question["seconds"], question["status"]
    started = time.monotonic()
    result: Said = {
        "ok": False, "attempts": 0, "status": None, "body": "", "error": None, "location": None,
    }  # fmt: skip
    while True:
        result["attempts"] += 1
        asked = time.monotonic()
        left = max(0.2, seconds - (asked - started))
        # One of many attempts must not take all the time: a service that comes up may drop it.
        patience = left if expected is None else min(left, 30)
        try:
            result.update({"error": None, "location": None, **ask(question, patience)})
            result["ok"] = (
                expected in (None, 0, result["status"])
                and question["contains"] in result["body"]
                and not (question["send"] and not result["body"])
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            result["error"] = f"{type(error).__name__}: {error}"
        now = time.monotonic()
        result["latency"] = now - asked
        result["seconds"] = now - started
        if result["ok"] or expected is None or now - started >= seconds:
            break
        time.sleep(0.02 if now - started < 2 else 0.1)
    for name in ("body", "error", "location"):
        if result[name]:
            result[name] = hidden(result[name], question["authorization"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
