"""URL import: real servers on the loopback address, and addresses that must not be reached."""

import gzip
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.core import network
from local_rag.core.errors import Forbidden, InvalidInput, NotFound, RagError, TooLarge, Unavailable
from local_rag.core.network import Stopped, is_public
from local_rag.documents.fetch import Fetcher, check_url


class Pages(BaseHTTPRequestHandler):
    """A small web server with good and bad habits."""

    hits: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        Pages.hits.append(self.path)
        name = self.path.strip("/").partition("?")[0]
        getattr(self, f"page_{name}", self.page_missing)()

    def page_ok(self) -> None:
        if self.headers.get("If-None-Match") == '"v1"':
            self.reply(304, b"")
            return
        self.reply(
            200,
            "grüße".encode("latin-1"),
            ("Content-Type", "text/HTML; charset=latin-1"),
            ("ETag", '"v1"'),
        )

    def page_gzip(self) -> None:
        self.reply(200, gzip.compress(b"packed"), ("Content-Encoding", "gzip"))

    def page_badgzip(self) -> None:
        self.reply(200, b"not gzip", ("Content-Encoding", "gzip"))

    def page_bomb(self) -> None:
        self.reply(200, gzip.compress(b"0" * 50_000_000), ("Content-Encoding", "gzip"))

    def page_brotli(self) -> None:
        self.reply(200, b"x", ("Content-Encoding", "br"))

    def page_big(self) -> None:
        self.reply(200, b"x" * 2_000_000)

    def page_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(1000):
                self.wfile.write(b"x" * 10_000)
        except OSError:
            pass

    def page_slow(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(50):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    def drip(self, *begin: bytes) -> None:
        """Send the beginning, then a byte now and then that ends nothing."""
        try:
            for piece in (*begin, *[b"a"] * 200):
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(0.02)
        except OSError:
            pass
        self.close_connection = True

    def page_dripheaders(self) -> None:
        self.drip(b"HTTP/1.1 200 OK\r\nX-")

    def page_dripchunks(self) -> None:
        self.drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=")

    def page_loop(self) -> None:
        self.reply(302, b"", ("Location", "/loop"))

    def page_hop(self) -> None:
        self.reply(301, b"", ("Location", "ok"))

    def page_tofile(self) -> None:
        self.reply(302, b"", ("Location", "file:///etc/passwd"))

    def page_tometadata(self) -> None:
        self.reply(302, b"", ("Location", "http://169.254.169.254/latest"))

    def page_secret(self) -> None:
        self.reply(403, b"")

    def page_broken(self) -> None:
        self.reply(500, b"")

    def page_missing(self) -> None:
        self.reply(404, b"")

    def reply(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Says nothing when a client hangs up, which the tests make happen."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetcher(**more: Any) -> Fetcher:
    return Fetcher(**({"max_bytes": 1_000_000, "timeout_s": 5, "allow_private": True} | more))


def test_a_page(site: str) -> None:
    found = fetcher().fetch(f"{site}/ok#part")
    assert found.data == "grüße".encode("latin-1")
    assert (found.media_type, found.charset, found.etag) == ("text/html", "latin-1", '"v1"')
    assert (found.name, found.url) == ("ok", f"{site}/ok")


def test_an_unchanged_page_is_not_sent_again(site: str) -> None:
    found = fetcher().fetch(f"{site}/ok", etag='"v1"')
    assert (found.not_modified, found.data) == (True, b"")


@pytest.mark.parametrize("page", ["slow", "dripheaders", "dripchunks"])
def test_a_transfer_as_a_whole_has_an_end(site: str, page: str) -> None:
    with pytest.raises(Unavailable, match="did not arrive within"):
        fetcher(timeout_s=0.2).fetch(f"{site}/{page}")


def test_a_transfer_that_drips_is_stopped_at_once(site: str) -> None:
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(Stopped):
        fetcher(timeout_s=60, stop=stop).fetch(f"{site}/dripheaders")


def test_redirects_are_followed(site: str) -> None:
    assert fetcher().fetch(f"{site}/hop").url == f"{site}/ok"


def test_packed_pages_are_unpacked(site: str) -> None:
    assert fetcher().fetch(f"{site}/gzip").data == b"packed"


@pytest.mark.parametrize(
    ("page", "kind", "says"),
    [
        ("loop", InvalidInput, "redirects more than"),
        ("tofile", InvalidInput, "only http"),
        ("badgzip", InvalidInput, "damaged"),
        ("brotli", InvalidInput, "br"),
        ("bomb", TooLarge, "larger"),
        ("big", TooLarge, "larger"),
        ("endless", TooLarge, "larger"),
        ("nothere", NotFound, "404"),
        ("secret", Forbidden, "403"),
        ("broken", Unavailable, "500"),
    ],
)
def test_bad_answers(site: str, page: str, kind: type[RagError], says: str) -> None:
    with pytest.raises(kind, match=says):
        fetcher().fetch(f"{site}/{page}")


def test_a_slow_page_is_given_up(site: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="did not arrive"):
        fetcher(timeout_s=0.3).fetch(f"{site}/slow")
    assert time.monotonic() - begun < 2


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="cannot be fetched"):
            fetcher().fetch(f"http://127.0.0.1:{taken.getsockname()[1]}/")


def test_private_addresses_are_refused_before_anything_is_sent(site: str) -> None:
    Pages.hits.clear()
    with pytest.raises(Forbidden, match="not a public address"):
        fetcher(allow_private=False).fetch(f"{site}/ok")
    assert Pages.hits == []


def test_a_name_that_leads_home_is_refused(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(site.rpartition(":")[2])
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(network.socket, "getaddrinfo", lambda *a, **k: answers)
    with pytest.raises(Forbidden, match=r"evil\.example leads to 127\.0\.0\.1"):
        fetcher(allow_private=False).fetch(f"http://evil.example:{port}/ok")


def test_one_private_address_among_public_ones_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("93.184.216.34", "10.0.0.1")
    ]
    monkeypatch.setattr(network.socket, "getaddrinfo", lambda *a, **k: answers)
    with pytest.raises(Forbidden, match=r"10\.0\.0\.1"):
        fetcher(allow_private=False).fetch("http://mixed.example/")


def test_a_redirect_to_a_private_address_is_refused(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first server counts as public here, so that only the redirect is judged.
    monkeypatch.setattr(network, "is_public", lambda address: str(address) == "127.0.0.1")
    with pytest.raises(Forbidden, match=r"169\.254\.169\.254"):
        fetcher(allow_private=False).fetch(f"{site}/tometadata")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fec0::1",
        "3fff::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_hides_nothing(address: ipaddress.IPv4Address) -> None:
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert is_public(ipaddress.ip_address(wrapped)) <= is_public(address)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("http://example.org/a?b=c#d", "http://example.org/a?b=c"),
        ("https://example.org:8443/x", "https://example.org:8443/x"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://[::1]:80/", "http://[::1]:80/"),
    ],
)
def test_urls_have_one_form(url: str, expected: str) -> None:
    assert check_url(url) == expected
    assert check_url(check_url(url)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://x/",
        "javascript:alert(1)",
        "http://",
        "http:///x",
        "http://user:pw@example.org/",
        "http://user@example.org/",
        "http://example.org/a b",
        "http://example.org/\r\nHost: x",
        "http://[::1/",
        "//x/y",
        "http://example.org:99999/",
        "http://" + "a" * 5000,
        "http://exa\x00mple.org/",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://[::]/",
    ],
)
def test_odd_spellings_of_the_loopback_address_do_not_help(url: str) -> None:
    with pytest.raises((Forbidden, Unavailable)):
        fetcher(allow_private=False).fetch(url)


@given(st.text(max_size=80))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        form = check_url(text)
    except InvalidInput:
        return
    assert form.startswith(("http://", "https://"))
