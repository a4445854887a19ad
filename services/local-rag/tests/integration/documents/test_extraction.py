"""The process in which documents are parsed: its limits, and what happens when it dies."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest.mock import patch

import psutil
import pytest

import local_rag
from kit.files import docx, paragraph, pdf
from local_rag.core.errors import InvalidInput, LeftOut, TooLarge, Unavailable
from local_rag.core.network import Stopped
from local_rag.documents import extraction as isolated
from local_rag.documents import worker
from local_rag.documents.extraction import Extraction
from local_rag.documents.formats import Source
from local_rag.documents.worker import answer


def worker_pid(extraction: Extraction) -> int:
    assert extraction.pid is not None
    return extraction.pid


def test_documents_are_read_in_another_process() -> None:
    with Extraction() as extraction:
        found = extraction.extract(Source(data=pdf(["hello", "wörld"]), name="x.pdf"))
        assert [section.page for section in found.sections] == [1, 2]
        first = worker_pid(extraction)
        assert first != os.getpid()
        assert extraction.extract(Source(data=b"<p>x", name="x.html")).sections[0].text == "x"
        assert worker_pid(extraction) == first
    assert not Path(f"/proc/{first}").exists()


def test_errors_come_back_with_their_kind_and_hint() -> None:
    with Extraction() as extraction:
        with pytest.raises(LeftOut, match="no text"):
            extraction.extract(Source(data=pdf([""]), name="x.pdf"))
        with pytest.raises(InvalidInput, match="old binary") as caught:
            extraction.extract(Source(data=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", name="x.doc"))
        assert "--convert-to docx" in str(caught.value.hint)
        assert extraction.extract(Source(data=b"<p>x", name="x.html"))


def test_a_document_that_comes_page_by_page_has_time_for_each(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    stop = threading.Event()

    def alive(done: int, total: int) -> None:
        told.append((done, total))
        if done == 8:
            stop.set()

    slow = (
        "import sys, time; from local_rag.documents.worker import read_frame, write_frame\n"
        "write_frame(sys.stdout.buffer, b'{}')\n"
        "while read_frame(sys.stdin.buffer):\n"
        "    for page in range(1000):\n"
        "        time.sleep(0.1)\n"
        '        write_frame(sys.stdout.buffer, b\'{"done": %d, "of": 1000}\' % page)\n'
    )
    command = [sys.executable, "-c", slow]
    with patch.object(isolated.child, "python", lambda *_: command):
        source = Source(data=b"%PDF-1.4", name="x.pdf", alive=alive)
        with Extraction(timeout_s=0.5, stop=stop) as extraction, pytest.raises(Stopped):
            # Eight pages take longer than one may, and a cancelled import ends at once.
            extraction.extract(source)
        # Pages that were under way when it was cancelled may still be told of.
        assert 8 <= told[-1][0] < 100
        with Extraction(timeout_s=0.5, total_s=1) as extraction, pytest.raises(TooLarge):
            extraction.extract(source)


def test_small_texts_need_no_process() -> None:
    with Extraction() as extraction:
        assert extraction.extract(Source(data=b"hello", name="x.txt")).title == "hello"
        assert extraction.pid is None


def test_large_texts_are_read_outside() -> None:
    with Extraction() as extraction:
        data = b"word " * 500_000
        assert len(extraction.extract(Source(data=data, name="x.txt")).sections[0].text) > 2e6
        assert extraction.pid is not None


def test_a_document_that_takes_too_long_is_given_up() -> None:
    slow = docx("".join(paragraph(f"p{i}") for i in range(200_000)))
    with Extraction(timeout_s=0.15) as extraction:
        with pytest.raises(TooLarge, match="took longer"):
            extraction.extract(Source(data=slow, name="x.docx"))
        assert extraction.pid is None


def test_a_document_that_takes_too_much_memory_is_given_up() -> None:
    # A deflated part of 60 MB needs several times that as a tree.
    hungry = docx("".join(paragraph("x") for _ in range(600_000)))
    with Extraction(memory_bytes=250_000_000) as extraction:
        with pytest.raises((TooLarge, InvalidInput), match="memory"):
            extraction.extract(Source(data=hungry, name="x.docx"))
        assert extraction.extract(Source(data=b"<p>fine", name="x.html"))


def test_a_worker_that_died_is_replaced() -> None:
    with Extraction() as extraction:
        extraction.extract(Source(data=b"<p>x", name="x.html"))
        os.kill(worker_pid(extraction), 9)
        while psutil.Process(worker_pid(extraction)).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        with pytest.raises(InvalidInput, match="made the reader fail"):
            extraction.extract(Source(data=b"<p>x", name="x.html"))
        assert extraction.extract(Source(data=b"<p>y", name="x.html")).sections[0].text == "y"


def test_a_python_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with Extraction() as extraction, pytest.raises(Unavailable, match="can be started"):
        extraction.extract(Source(data=b"<p>x", name="x.html"))


def test_a_python_that_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Extraction() as extraction, pytest.raises(Unavailable, match="ends at once"):
        extraction.extract(Source(data=b"<p>x", name="x.html"))


def test_the_worker_sees_no_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RAG__SERVER__TOKEN", "0123456789abcdef")
    with Extraction() as extraction:
        extraction.extract(Source(data=b"<p>x", name="x.html"))
        environment = Path(f"/proc/{worker_pid(extraction)}/environ").read_bytes()
    assert b"0123456789abcdef" not in environment


def test_many_threads_share_one_worker() -> None:
    found: list[str] = []
    with Extraction() as extraction:

        def read(number: int) -> None:
            source = Source(data=f"<p>page {number}".encode(), name="x.html")
            found.append(extraction.extract(source).sections[0].text)

        threads = [threading.Thread(target=read, args=(i,)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == sorted(f"page {i}" for i in range(12))


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (MemoryError(), "too-large"),
        (RecursionError(), "invalid-input"),
        (InvalidInput("x"), "invalid-input"),
    ],
)
def test_what_the_worker_answers(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, code: str
) -> None:
    def fail(source: Source) -> None:
        raise raised

    monkeypatch.setattr("local_rag.documents.worker.extract", fail)
    assert answer({"name": "x"}, b"")["error"] == code


def test_nonsense_from_the_worker_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nonsense"):
        isolated.extracted({"title": "", "sections": 3, "metadata": 4, "media_type": ""}, "x")


def frames(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(worker.LENGTH, "big") + part for part in parts)


def served(monkeypatch: pytest.MonkeyPatch, requests: bytes) -> list[dict[str, object]]:
    """Return what the worker answers to a stream, without its limits on this process."""
    answers = io.BytesIO()
    limits: list[int] = []
    monkeypatch.setattr(worker, "limit", limits.append)
    monkeypatch.setattr(worker, "limit_time", limits.append)
    monkeypatch.setattr(sys, "argv", ["worker", "123456789", "7"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(requests)))
    # Kept, as sys.__stdout__ keeps the real one: collected, it would close what is below it.
    kept = io.TextIOWrapper(answers)
    monkeypatch.setattr(sys, "stdout", kept)
    assert worker.main() == 0
    assert limits[0] == 123456789
    assert set(limits[1:]) <= {7}
    answers.seek(0)
    return [json.loads(frame) for frame in iter(lambda: worker.read_frame(kept.buffer), None)]


def test_the_worker_answers_one_document_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    name = json.dumps({"name": "x.html"}).encode()
    ready, first, broken, last = served(
        monkeypatch,
        frames(name, b"<title>One</title><p>1", b"no JSON", b"data", name, b"<title>Two</title>2"),
    )
    assert ready == {}
    assert first["title"] == "One"
    assert broken["error"] == "invalid-input"
    assert "JSONDecodeError" in str(broken["message"])
    assert last["title"] == "Two"


@pytest.mark.parametrize("torn", [b"", b"\0\0", frames(b"{}")[:-1], frames(b"{}")])
def test_the_worker_ends_with_its_input(monkeypatch: pytest.MonkeyPatch, torn: bytes) -> None:
    assert served(monkeypatch, torn) == [{}]


def test_the_worker_gives_up_what_parsing_needs_not() -> None:
    code = (
        "import resource; from local_rag.documents.worker import limit; limit(2_000_000_000); "
        "print(*[resource.getrlimit(k)[0] for k in "
        "(resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)])"
    )
    where = {"PYTHONPATH": str(Path(local_rag.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=where, check=True)
    assert done.stdout.split() == [b"2000000000", b"0", b"0"]


def test_the_worker_ends_by_itself_when_nobody_is_left_to_end_it() -> None:
    code = "from local_rag.documents.worker import limit_time; limit_time(1)\nwhile True: pass"
    where = {"PYTHONPATH": str(Path(local_rag.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=where, timeout=120, check=False)
    assert done.returncode == -signal.SIGXCPU


def test_the_time_of_the_worker_counts_for_each_document() -> None:
    with Extraction(timeout_s=30) as extraction:
        limits = set()
        for _ in range(2):
            extraction.extract(Source(data=b"<p>words", name="x.html"))
            lines = Path(f"/proc/{worker_pid(extraction)}/limits").read_text().splitlines()
            limits.add(int(next(line.split()[3] for line in lines if line.startswith("Max cpu"))))
        assert all(31 <= limit <= 60 for limit in limits), limits
