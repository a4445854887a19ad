"""Waiting until a server has what was brought to its store."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from debwright.model.errors import DebwrightError
from debwright.repository.model import PublicationRecord, RepositorySettings
from debwright.repository.verify.serving import wait_until_served


def record(number: int) -> PublicationRecord:
    settings = RepositorySettings(origin="Demo", label="Demo", description="Packages of Demo")
    return PublicationRecord(
        number=number, created="2026-12-01", fingerprint="A" * 40, settings=settings,
        suites=("bookworm",),
    )  # fmt: skip


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes | int], list[str]]]:
    """What it answers one after the other (the last for ever), and what it was asked."""
    answers: list[bytes | int] = []
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else b"")

        def log_message(self, *_: object) -> None:
            """Nothing: the test has its own list."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}/apt/", answers, asked
    made.shutdown()
    thread.join()
    made.server_close()


def test_it_returns_when_the_publication_is_there(
    server: tuple[str, list[bytes | int], list[str]],
) -> None:
    url, answers, asked = server
    wanted = record(2)
    answers += [404, record(1).model_dump_json().encode(), wanted.model_dump_json().encode()]
    said: list[str] = []
    pauses: list[float] = []
    wait_until_served(url, wanted, seconds=60, say=said.append, pause=pauses.append)
    assert len(asked) == 3
    assert len(set(asked)) == 3, "no cache between answers with what it had"
    assert all(path.startswith("/apt/publication.json?") for path in asked)
    assert said == [f"{url} has HTTP status 404; waiting for publication 2"]
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("answer", "there"),
    [(503, "HTTP status 503"), (b"<html>", "of something else"),
     (record(1).model_dump_json().encode(), "publication 1")],
)  # fmt: skip
def test_what_is_there_instead_is_said_when_time_is_up(
    server: tuple[str, list[bytes | int], list[str]], answer: bytes | int, there: str
) -> None:
    url, answers, _ = server
    answers.append(answer)
    with pytest.raises(DebwrightError, match="does not serve publication 2") as caught:
        wait_until_served(url, record(2), seconds=0, say=lambda _: None)
    assert there in caught.value.evidence[0].text
