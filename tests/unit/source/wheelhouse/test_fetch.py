"""Fetching from a server of one's own: hashes, attempts, and what is kept."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from debwright.host.retry import RetryPolicy
from debwright.model.errors import MissingError
from debwright.source.wheelhouse import fetch
from debwright.source.wheelhouse.fetch import fetch_all
from debwright.source.wheelhouse.resolve import Chosen, WheelhouseError

CONTENT = b"a wheel, in a way" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@contextmanager
def server(*answers: int) -> Iterator[tuple[str, list[str]]]:
    """Answers with these statuses, then with 200 for ever; yields its URL and what was asked."""
    asked: list[str] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status = left.pop(0) if left else 200
            self.send_response(status)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "INDEX", RetryPolicy(attempts=3, first_pause=0.01))


def chosen(url: str, *hashes: str) -> Chosen:
    return Chosen(
        name="w", version="1", file="w-1-py3-none-any.whl", url=url, hashes=hashes or (DIGEST,),
        use="run", interpreters=("amd64/3.11",),
    )  # fmt: skip


def test_a_file_is_fetched_once(tmp_path: Path) -> None:
    with server() as (url, asked):
        for _ in range(2):
            (got,) = fetch_all([chosen(f"{url}/w.whl")], tmp_path)
            assert got.path.read_bytes() == CONTENT
            assert got.sha256 == DIGEST
    assert asked == ["/w.whl"]
    (got,) = fetch_all([chosen("http://127.0.0.1:9/gone")], tmp_path)
    assert got.path == tmp_path / DIGEST / "w-1-py3-none-any.whl"


def test_a_kept_file_that_another_project_or_a_pack_has_put_there_is_not_believed(
    tmp_path: Path,
) -> None:
    place = tmp_path / DIGEST / "w-1-py3-none-any.whl"
    place.parent.mkdir()
    place.write_bytes(b"x" * len(CONTENT))
    with server() as (url, asked):
        (got,) = fetch_all([chosen(f"{url}/w.whl")], tmp_path)
    assert asked == ["/w.whl"]
    assert got.path.read_bytes() == CONTENT
    place.unlink()
    place.symlink_to("/etc/hostname")
    with server() as (url, _):
        (got,) = fetch_all([chosen(f"{url}/w.whl")], tmp_path)
    assert not got.path.is_symlink()


def test_a_server_that_fails_is_asked_three_times(tmp_path: Path) -> None:
    notes: list[str] = []
    with server(503, 502) as (url, asked):
        (got,) = fetch_all([chosen(f"{url}/w.whl")], tmp_path, note=notes.append)
    assert got.sha256 == DIGEST
    assert len(asked) == 3
    assert [n.split("; ")[1][:15] for n in notes] == ["attempt 2 of 3 ", "attempt 3 of 3 "]


@contextmanager
def cutting_server(*headers: str, body: bytes) -> Iterator[str]:
    """A server that closes its first connection before all is said; then it answers in full."""
    whole = (f"Content-Length: {len(CONTENT)}", CONTENT)
    answers = [("\r\n".join(headers), body), whole]
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for head, content in answers:
                connection, _ = listening.accept()
                with connection:
                    while b"\r\n\r\n" not in connection.recv(1 << 16):
                        pass
                    connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + content)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((f"Content-Length: {len(CONTENT)}",), CONTENT[:100]),
        (("Transfer-Encoding: chunked",), b"1000\r\n" + CONTENT[:100]),
        (("Transfer-Encoding: chunked",), b"no number\r\n"),
    ],
    ids=("counted", "in a piece", "between pieces"),
)
def test_a_connection_that_is_cut_is_no_other_file(
    tmp_path: Path, headers: tuple[str, ...], body: bytes
) -> None:
    notes: list[str] = []
    with cutting_server(*headers, body=body) as url:
        (got,) = fetch_all([chosen(f"{url}/w.whl")], tmp_path, note=notes.append)
    assert got.sha256 == DIGEST
    assert len(notes) == 1, notes
    assert "attempt 2 of 3" in notes[0]
    assert not list(tmp_path.glob(".fetch-*"))


def test_out_of_reach_is_exit_code_5(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="could not be fetched") as caught:
        fetch_all([chosen("http://user:secret@127.0.0.1:9/w.whl?token=x")], tmp_path)
    assert caught.value.exit_code == 5
    shown = caught.value.render()
    assert "secret" not in shown and "token" not in shown
    assert not list(tmp_path.glob(".fetch-*"))


def test_another_file_than_the_locked_one_is_refused(tmp_path: Path) -> None:
    with server() as (url, asked), pytest.raises(WheelhouseError, match="not the file that") as bad:
        fetch_all([chosen(f"{url}/w.whl", "0" * 64)], tmp_path)
    assert bad.value.code == "wheelhouse/hash"
    assert asked == ["/w.whl"], "a wrong hash is no fault of the network"
    assert any(DIGEST in e.text for e in bad.value.evidence)
    assert not list(tmp_path.iterdir())


def test_a_directory_serves_as_an_index(tmp_path: Path) -> None:
    (tmp_path / "w.whl").write_bytes(CONTENT)
    (got,) = fetch_all([chosen((tmp_path / "w.whl").as_uri())], tmp_path / "store")
    assert got.path.read_bytes() == CONTENT


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WheelhouseError, match="not fetched"):
        fetch_all([chosen("ftp://127.0.0.1/w.whl")], tmp_path)
