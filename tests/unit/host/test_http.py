"""Requests to a server of one's own: what is tried again, what is refused, and what is limited."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from debwright.host import process
from debwright.host.http import (
    InvalidAddress,
    NotThere,
    Refused,
    ask,
    client,
    download,
    read,
    retry_after,
)
from debwright.host.process import Interrupted
from debwright.host.retry import RetryPolicy, Unreachable
from debwright.model.errors import DebwrightError

CONTENT = b"a package" * 1000
Respond = Callable[[BaseHTTPRequestHandler], None]


def with_status(status: int, **headers: str) -> Respond:
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(CONTENT)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(CONTENT)

    return respond


def cut(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(CONTENT)))
    request.end_headers()
    request.wfile.write(CONTENT[:100])
    request.close_connection = True


def dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    for _ in range(1000):
        try:
            request.wfile.write(b"x")
        except OSError:
            return
        time.sleep(0.05)


@contextmanager
def server(*responses: Respond) -> Iterator[tuple[str, list[str]]]:
    """Answers with these, then with the content for ever; yields its URL and what was asked."""
    asked: list[str] = []
    left = list(responses)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Accept-Encoding", ""))
            (left.pop(0) if left else with_status(200))(self)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/p.deb", asked
        running.shutdown()


def got(
    target: Path, url: str, *, limit: int = 10**6, seconds: float = 60
) -> tuple[int, list[float]]:
    pauses: list[float] = []
    with client() as http:
        policy = RetryPolicy(seconds=seconds)
        done = download(http, url, target, limit=limit, policy=policy, sleep=pauses.append)
    return done, pauses


@pytest.mark.parametrize("failure", [with_status(500), with_status(429), cut])
def test_what_may_pass_is_tried_again(tmp_path: Path, failure: Respond) -> None:
    with server(failure, failure) as (url, asked):
        assert got(tmp_path / "p.deb", url) == (len(CONTENT), [0.5, 1.0])
    assert (tmp_path / "p.deb").read_bytes() == CONTENT
    assert asked == ["identity"] * 3, "a file is wanted as it is, not compressed for the way"


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    with server(with_status(503, Retry_After="3")) as (url, _):
        assert got(tmp_path / "p.deb", url)[1] == [3.0]


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotThere), (410, NotThere), (403, Refused), (401, Refused)]
)
def test_a_refusal_is_final(tmp_path: Path, status: int, kind: type[DebwrightError]) -> None:
    with server(with_status(status)) as (url, asked), pytest.raises(kind):
        got(tmp_path / "p.deb", url)
    assert len(asked) == 1


def test_a_server_that_never_answers_well_is_unreachable(tmp_path: Path) -> None:
    with server(*[with_status(502)] * 9) as (url, asked), pytest.raises(Unreachable) as caught:
        got(tmp_path / "p.deb", url)
    assert len(asked) == 4
    assert caught.value.exit_code == 5
    assert "HTTP status 502" in caught.value.render()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/p.deb", "no address", "http://[::1/p.deb"])
def test_an_address_that_cannot_be_asked_is_not_asked_again(tmp_path: Path, url: str) -> None:
    pauses: list[float] = []
    with client() as http, pytest.raises(InvalidAddress):
        download(http, url, tmp_path / "p.deb", limit=10, sleep=pauses.append)
    assert pauses == []


def test_a_secret_address_is_in_no_message() -> None:
    with client() as http:
        for url in ("http://127.0.0.1:9/SECRET", "ftp://SECRET", "http://[SECRET"):
            with pytest.raises(DebwrightError) as caught:
                ask(
                    http, "GET", url, partial(read, limit=10), shown="the address in HOOK",
                    policy=RetryPolicy(attempts=1),
                )  # fmt: skip
            assert "SECRET" not in caught.value.render()
            assert "the address in HOOK" in caught.value.render()


def test_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    with server() as (url, asked), pytest.raises(DebwrightError, match="larger than 100 bytes"):
        got(tmp_path / "p.deb", url, limit=100)
    assert len(asked) == 1
    with server() as (url, _), client() as http, pytest.raises(DebwrightError, match="more than"):
        ask(http, "GET", url, partial(read, limit=100))


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(tmp_path: Path) -> None:
    started = time.monotonic()
    with server(dripping) as (url, _), pytest.raises(DebwrightError, match="takes too long"):
        got(tmp_path / "p.deb", url, seconds=0.3)
    assert time.monotonic() - started < 20


def dripping_headers(request: BaseHTTPRequestHandler) -> None:
    for piece in (b"HTTP/1.1 200 OK\r\nX-", *[b"a"] * 1000):
        try:
            request.wfile.write(piece)
        except OSError:
            return
        time.sleep(0.02)


def dripping_chunks(request: BaseHTTPRequestHandler) -> None:
    """The size of a chunk with an extension that does not end (RFC 9112, 7.1.1)."""
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    for piece in (b"5;x=", *[b"a"] * 1000):
        try:
            request.wfile.write(piece)
        except OSError:
            return
        time.sleep(0.02)


@pytest.mark.parametrize("way", [dripping, dripping_headers, dripping_chunks])
def test_a_request_as_a_whole_has_an_end(way: Respond) -> None:
    policy = RetryPolicy(seconds=0.3)
    with (
        server(way) as (url, asked),
        client() as http,
        pytest.raises(DebwrightError, match="takes too long"),
    ):
        ask(http, "GET", url, partial(read, limit=10**6), policy=policy)
    assert len(asked) == 1


def test_a_request_that_drips_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_to_stop = threading.Event()

    def go_on() -> None:
        if asked_to_stop.is_set():
            raise Interrupted("stopped before it was finished")

    def way(request: BaseHTTPRequestHandler) -> None:
        asked_to_stop.set()
        dripping_headers(request)

    monkeypatch.setattr(process, "go_on", go_on)
    with server(way) as (url, _), client() as http, pytest.raises(Interrupted):
        ask(http, "GET", url, partial(read, limit=10**6))


def test_connections_by_a_proxy_have_an_end_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(dripping_headers) as (url, _):
        monkeypatch.setenv("http_proxy", url.removesuffix("/p.deb"))
        monkeypatch.delenv("no_proxy", raising=False)
        with client() as http, pytest.raises(DebwrightError, match="takes too long"):
            ask(
                http, "GET", "http://192.0.2.1/x", partial(read, limit=100),
                policy=RetryPolicy(seconds=0.3),
            )  # fmt: skip


def test_what_retry_after_says() -> None:
    def said(value: str | None) -> float | None:
        return retry_after(httpx.Response(503, headers={"Retry-After": value} if value else {}))

    assert said("120") == 120
    assert said(None) is None
    assert said("soon") is None
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90 < (said(date) or 0) <= 100
    assert said("Wed, 21 Oct 2015 07:28:00 GMT") == 0
