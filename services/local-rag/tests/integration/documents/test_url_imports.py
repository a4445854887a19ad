"""Importing from a web server, and asking it later what changed."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kit.fakes import HashEmbedder, OpenGate
from kit.files import pdf
from local_rag.config.settings import Settings
from local_rag.core.types import ImportItemState, ImportJob, JobState
from local_rag.documents.imports import ImportJobs, check_updates
from local_rag.index import Store
from local_rag.index.search import Searcher


class Site(ThreadingHTTPServer):
    """Serves what is in `pages`, with an ETag where one is given."""

    pages: dict[str, tuple[bytes, str, str | None]]
    answers: list[int]
    dripping: threading.Event

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        if self.path == "/drip":
            self.drip()
            return
        page = self.server.pages.get(self.path)
        status, body = 404, b""
        if page:
            known = page[2] is not None and self.headers.get("If-None-Match") == page[2]
            status, body = (304, b"") if known else (200, page[0])
        self.server.answers.append(status)
        self.send_response(status)
        if page:
            self.send_header("Content-Type", page[1])
            if page[2]:
                self.send_header("ETag", page[2])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self) -> None:
        """Begin headers that never end, which once kept all imports waiting."""
        try:
            for piece in (b"HTTP/1.1 200 OK\r\nX-", *[b"a"] * 500):
                self.wfile.write(piece)
                self.server.dripping.set()
                time.sleep(0.02)
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        pass


class Bench:
    def __init__(self, root: Path) -> None:
        self.site = Site(("127.0.0.1", 0), Handler)
        self.site.pages, self.site.answers = {}, []
        self.site.dripping = threading.Event()
        threading.Thread(target=self.site.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.site.server_port}"
        self.settings = Settings.model_validate(
            {"storage": {"data_dir": root}, "imports": {"allow_private_urls": True}}
        )
        self.words = HashEmbedder()
        self.store = Store(self.settings.storage.database)
        self.jobs = ImportJobs(self.store, lambda: self.words, self.settings, OpenGate())
        self.jobs.start()

    def run(self, path: str) -> ImportJob:
        return self.jobs.wait(self.jobs.submit([self.base + path]).id)

    def changes(self, *, urls: bool = True) -> list[str]:
        return [c.kind for c in check_updates(self.store, self.settings, urls=urls)]

    def close(self) -> None:
        self.jobs.stop()
        self.site.shutdown()
        self.site.server_close()
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_page_and_a_pdf(bench: Bench) -> None:
    bench.site.pages["/guide"] = (b"<title>Guide</title><p>about moss", "text/html", None)
    bench.site.pages["/paper.pdf?v=2"] = (pdf(["about lichen"]), "application/pdf", None)
    assert bench.run("/guide#top").done == 1
    assert bench.run("/paper.pdf?v=2").done == 1
    found = Searcher(bench.store, bench.words).search("moss")[0]
    assert (found.title, found.uri) == ("Guide", f"{bench.base}/guide")
    assert Searcher(bench.store, bench.words).search("lichen")[0].page == 1


def test_the_declared_encoding_counts(bench: Bench) -> None:
    bench.site.pages["/x"] = ("Grüße".encode("cp1252"), "text/plain; charset=cp1252", None)
    bench.run("/x")
    assert bench.store.documents.text(1) == "Grüße"


def test_an_unchanged_page_is_not_fetched_twice(bench: Bench) -> None:
    bench.site.pages["/x"] = (b"some words", "text/plain", '"1"')
    bench.run("/x")
    assert bench.run("/x").unchanged == 1
    assert bench.site.answers == [200, 304]


def test_changes_of_pages_are_asked_for_only_when_wanted(bench: Bench) -> None:
    bench.site.pages["/x"] = (b"some words", "text/plain", '"1"')
    bench.site.pages["/y"] = (b"without a tag", "text/plain", None)
    bench.run("/x")
    bench.run("/y")
    asked = len(bench.site.answers)
    assert bench.changes(urls=False) == ["unchanged", "unchanged"]
    assert len(bench.site.answers) == asked
    assert bench.changes() == ["unchanged", "unchanged"]
    bench.site.pages["/x"] = (b"other words", "text/plain", '"2"')
    del bench.site.pages["/y"]
    assert bench.changes() == ["changed", "missing"]
    job = bench.jobs.wait(bench.jobs.update().id)
    assert job.done == 1
    assert [d.uri for d in bench.store.documents.list()] == [f"{bench.base}/x"]
    assert bench.store.documents.text(1) == "other words"


def test_a_server_that_is_down_loses_no_document(bench: Bench) -> None:
    bench.site.pages["/x"] = (b"some words", "text/plain", None)
    bench.run("/x")
    bench.site.shutdown()
    bench.site.server_close()
    assert bench.changes() == ["unchanged"]
    job = bench.run("/x")
    (item,) = bench.jobs.items(job.id, state=ImportItemState.FAILED)
    assert "cannot be fetched" in str(item.error)
    assert bench.store.documents.count() == 1


def test_a_server_that_drips_keeps_no_other_import_waiting(bench: Bench) -> None:
    bench.site.pages["/ok"] = (b"Nothing waits.", "text/plain", None)
    slow = bench.jobs.submit([bench.base + "/drip"])
    assert bench.site.dripping.wait(20)
    bench.jobs.cancel(slow.id)
    # The limit of a whole transfer is 20 s, and the server goes on for longer.
    assert bench.run("/ok").state is JobState.DONE
    assert bench.jobs.wait(slow.id).state is JobState.CANCELLED
