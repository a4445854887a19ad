"""Downloads from a real server that misbehaves in every way."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local_rag.core.errors import Conflict, Forbidden, InvalidInput, ModelError, Unavailable
from local_rag.core.files import write_atomically
from local_rag.models import download as module
from local_rag.models.download import check_url

DATA = os.urandom(3_000_000)
SUM = hashlib.sha256(DATA).hexdigest()
download = partial(module.download, allow_private=True)


class Shop:
    """What the server has and how it behaves."""

    def __init__(self) -> None:
        self.data = DATA
        self.etag: str | None = '"v1"'
        self.ranges = True
        self.cuts: list[int] = []  # end the next answers after so many bytes
        self.statuses: list[int] = []  # answer the next requests with these
        self.redirect: str | None = None
        self.length = True
        self.hold = threading.Event()
        self.hold.set()
        self.asked: list[tuple[str | None, str | None]] = []
        self.url = ""


class Handler(BaseHTTPRequestHandler):
    shop: Shop

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        shop = self.shop
        asked = self.headers.get("Range")
        shop.asked.append((asked, self.headers.get("If-Range")))
        if shop.statuses:
            self.send_error(shop.statuses.pop(0))
            return
        if shop.redirect:
            target, shop.redirect = shop.redirect, None
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
            return
        start = 0
        fresh = self.headers.get("If-Range") in (None, shop.etag)
        if asked and shop.ranges and fresh:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(shop.data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(shop.data)}")
                self.end_headers()
                return
            self.send_response(206)
            last = len(shop.data) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(shop.data)}")
        else:
            self.send_response(200)
        if shop.etag:
            self.send_header("ETag", shop.etag)
        if shop.length:
            self.send_header("Content-Length", str(len(shop.data) - start))
        self.end_headers()
        body = shop.data[start:]
        if shop.cuts:
            body = body[: shop.cuts.pop(0)]
        self.wfile.write(body[:1000])
        self.wfile.flush()
        shop.hold.wait(10)
        self.wfile.write(body[1000:])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave in the middle are what these tests are about."""


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    shop = Shop()
    server = Server(("127.0.0.1", 0), type("H", (Handler,), {"shop": shop}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    shop.url = f"http://127.0.0.1:{server.server_address[1]}/model.gguf"
    yield shop
    shop.hold.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "model.gguf"


def only(target: Path) -> bool:
    """Whether nothing but the finished file lies there."""
    return [p.name for p in target.parent.iterdir()] == [target.name]


def test_a_file_arrives_whole_and_alone(shop: Shop, target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    size = download(shop.url, target, SUM, progress=lambda got, all_: seen.append((got, all_)))
    assert size == len(DATA)
    assert target.read_bytes() == DATA
    assert only(target)
    assert seen[-1] == (len(DATA), len(DATA))
    assert [got for got, _ in seen] == sorted(got for got, _ in seen)


def test_a_broken_connection_goes_on_where_it_was(shop: Shop, target: Path) -> None:
    shop.cuts = [1_000_000, 500_000]
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA
    assert shop.asked == [
        (None, None), ("bytes=1000000-", '"v1"'), ("bytes=1500000-", '"v1"'),
    ]  # fmt: skip


def test_progress_keeps_a_bad_line_going(shop: Shop, target: Path) -> None:
    shop.cuts = [250_000] * 11
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA
    assert len(shop.asked) == 12


def test_it_goes_on_in_another_process_life(shop: Shop, target: Path) -> None:
    shop.cuts = [1_200_000]
    shop.statuses = []
    stop = threading.Event()

    def watch(got: int, total: int | None) -> None:
        if got >= 1_000_000:
            stop.set()

    with pytest.raises(Unavailable, match="stopped") as caught:
        download(shop.url, target, SUM, progress=watch, stop=stop)
    assert "where it was" in (caught.value.hint or "")
    assert not target.exists()
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA
    assert (shop.asked[-1][0] or "").startswith("bytes=")
    assert only(target)


def test_a_changed_file_at_the_server_begins_anew(shop: Shop, target: Path) -> None:
    shop.cuts = [1_000_000]
    shop.statuses = []
    old, new = bytes(len(DATA)), DATA
    shop.data = old

    def swap(got: int, total: int | None) -> None:
        if got >= 900_000:
            shop.data, shop.etag = new, '"v2"'

    download(shop.url, target, SUM, progress=swap)
    assert target.read_bytes() == new


def test_a_server_without_ranges_begins_anew(shop: Shop, target: Path) -> None:
    shop.ranges = False
    shop.cuts = [1_000_000]
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA


def test_without_a_length_the_checksum_decides(shop: Shop, target: Path) -> None:
    shop.length = False
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA


def test_a_wrong_checksum_leaves_nothing(shop: Shop, target: Path) -> None:
    with pytest.raises(ModelError, match="the checksum is") as caught:
        download(shop.url, target, "0" * 64)
    assert "publisher" in (caught.value.hint or "")
    assert list(target.parent.iterdir()) == []


def test_a_part_that_is_whole_already_is_only_checked(shop: Shop, target: Path) -> None:
    target.parent.mkdir()
    (target.parent / ".model.gguf.part").write_bytes(DATA)
    (target.parent / ".model.gguf.part.json").write_text(
        f'{{"url": "{shop.url}", "sha256": "{SUM}", "validator": "\\"v1\\""}}'
    )
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA
    assert only(target)


@pytest.mark.parametrize("note", ["", "{}", "[1]", '{"url": 1}', None])
def test_a_part_nobody_can_explain_is_not_used(shop: Shop, target: Path, note: str | None) -> None:
    target.parent.mkdir()
    (target.parent / ".model.gguf.part").write_bytes(b"something else")
    if note is not None:
        (target.parent / ".model.gguf.part.json").write_text(note)
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA


def test_a_tired_server_is_asked_again(shop: Shop, target: Path) -> None:
    shop.statuses = [503, 429, 500]
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA


def test_a_dead_server_is_given_up(shop: Shop, target: Path) -> None:
    shop.statuses = [503] * 20
    with pytest.raises(Unavailable, match="503"):
        download(shop.url, target, SUM)
    assert len(shop.asked) == module.ATTEMPTS


def test_nobody_listening(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    with pytest.raises(Unavailable, match="cannot be fetched"):
        download("http://127.0.0.1:9/x.gguf", target, SUM)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_final(shop: Shop, target: Path, status: int) -> None:
    shop.statuses = [status] * 2
    with pytest.raises(ModelError, match=str(status)):
        download(shop.url, target, SUM)
    assert len(shop.asked) == 1


def test_redirects_are_followed(shop: Shop, target: Path) -> None:
    shop.redirect = "/elsewhere.gguf"
    download(shop.url, target, SUM)
    assert target.read_bytes() == DATA


def test_too_large_is_refused_before_it_is_fetched(shop: Shop, target: Path) -> None:
    with pytest.raises(ModelError, match="more than 1000"):
        download(shop.url, target, SUM, max_bytes=1000)


def test_an_endless_file_is_cut_off(shop: Shop, target: Path) -> None:
    shop.length = False
    with pytest.raises(ModelError, match="more than it said"):
        download(shop.url, target, SUM, max_bytes=500_000)
    assert not target.exists()


def test_a_full_disk_is_told_before(
    shop: Shop, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP_FREE_BYTES", 1 << 60)
    with pytest.raises(ModelError, match="are free") as caught:
        download(shop.url, target, SUM)
    assert "free some space" in (caught.value.hint or "")


def test_two_downloads_of_one_file_do_not_mix(shop: Shop, target: Path) -> None:
    shop.hold.clear()
    begun = threading.Event()
    first = threading.Thread(
        target=download, args=(shop.url, target, SUM),
        kwargs={"progress": lambda *_: begun.set()}, daemon=True,
    )  # fmt: skip
    first.start()
    assert begun.wait(10)
    with pytest.raises(Conflict, match="being downloaded"):
        download(shop.url, target, SUM)
    shop.hold.set()
    first.join(10)
    assert target.read_bytes() == DATA


@pytest.mark.parametrize(
    "url",
    [
        "",
        "model.gguf",
        "file:///etc/passwd",
        "ftp://host/x",
        "http://",
        "https://u:p@host/x",
        "a\n",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url)


def test_a_small_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "selected.json"
    write_atomically(path, "old")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["selected.json"]


def test_only_public_addresses_unless_the_service_is_told_otherwise(
    shop: Shop, target: Path
) -> None:
    with pytest.raises(Forbidden, match="not a public address"):
        module.download(shop.url, target, SUM)
    assert shop.asked == []
    assert not target.exists()


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server whose headers never end."""

    class Drip(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            try:
                for piece in (b"HTTP/1.1 200 OK\r\nX-", *[b"a"] * 200):
                    self.wfile.write(piece)
                    time.sleep(0.02)
            except OSError:
                pass
            self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Drip) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/m.gguf"
        server.shutdown()


def test_a_server_that_drips_is_given_up(
    dripping: str, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PATIENCE_S", 0.2), ("PAUSE_S", 0.01), ("ATTEMPTS", 2)):
        monkeypatch.setattr(module, name, value)
    with pytest.raises(Unavailable, match="cannot be fetched"):
        download(dripping, target, SUM)


def test_a_download_that_drips_is_stopped_at_once(dripping: str, target: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(Unavailable, match="was stopped"):
        download(dripping, target, SUM, stop=stop)


def test_a_byte_now_and_then_is_no_progress(
    shop: Shop, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request brings something, so that none of them would ever count as failed."""
    monkeypatch.setattr(module, "PAUSE_S", 0)
    shop.cuts = [10] * 100
    with pytest.raises(Unavailable):
        download(shop.url, target, SUM)
    assert len(shop.asked) == module.ATTEMPTS
