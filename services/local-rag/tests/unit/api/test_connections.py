"""Clients that say half of what they want, or nothing, keep nobody else out."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from local_rag.api.connections import Connections

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    body = True
    while body:
        body = (await receive()).get("more_body", False)
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def serving(table: Connections) -> Iterator[int]:
    config = uvicorn.Config(
        application, http=table.protocol, ws="none", lifespan="off", log_config=None,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        work = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        work.start()
        eventually(lambda: server.started)
        yield listener.getsockname()[1]
        server.should_exit = True
        work.join(20)


def eventually(what: Callable[[], bool]) -> None:
    for _ in range(2000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")


def connect(port: int, send: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=20)
    made.sendall(send)
    return made


def ended(one: socket.socket) -> bool:
    try:
        return one.recv(1000) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("half", [b"", b"GET / HTTP/1.1\r\nX: "])
def test_many_half_requests_keep_nobody_out(half: bytes) -> None:
    table = Connections(most=10, header_s=60)
    with serving(table) as port, ExitStack() as stack:
        held = [stack.enter_context(connect(port, half)) for _ in range(40)]
        with connect(port, ASK) as good:
            assert b"200 OK" in good.recv(1000)
        assert ended(held[0])  # the oldest went first
        eventually(lambda: table.ended >= 30)


def test_half_a_request_does_not_last() -> None:
    table = Connections(header_s=0.2)
    with serving(table) as port, connect(port) as nothing, connect(port, ASK[:-2]) as half:
        assert ended(nothing)
        assert ended(half)
        assert table.ended == 2


def test_half_a_body_does_not_last() -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
    with serving(Connections(body_idle_s=0.2)) as port, connect(port, post) as half:
        assert ended(half)


def test_requests_one_after_another_are_answered() -> None:
    with serving(Connections(most=1)) as port, connect(port) as one:
        said = b""
        for number in range(1, 4):
            one.sendall(ASK)
            while said.count(b"ok") < number:
                said += one.recv(1000)
        one.sendall(ASK * 3)
        while said.count(b"ok") < 6:
            said += one.recv(1000)
        assert said.count(b"200 OK") == 6
