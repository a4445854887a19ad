"""The whole service with real models, as its own process, without any network."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from kit.command import invoke
from kit.faces import API, BEES, BREAD, LEASE, LiveServer, events, make_service, wait_for_job
from local_rag.run.service import Service

pytestmark = pytest.mark.slow

QUESTION = "When does the lease of the garden end?"
FOREIGN = "What is the boiling point of tungsten?"


@pytest.fixture
def models(tmp_path: Path, embedding_gguf: Path, generator_gguf: Path) -> Path:
    """A directory of models as the packages install it, checksums included."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name, source in (("all-MiniLM-L6-v2", embedding_gguf), ("SmolLM2-135M", generator_gguf)):
        (folder / f"{name}.gguf").symlink_to(source)
    return folder


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "Garden lease.md").write_text(f"# Garden lease\n\n{LEASE}\n")
    (folder / "Rye bread.txt").write_text(BREAD)
    (folder / "Bees.html").write_text(f"<html><title>Bees</title><p>{BEES}</p></html>")
    return folder


def real_service(folder: Path, models: Path, **sections: dict[str, Any]) -> Service:
    from local_rag.run.service import Service

    template = make_service(folder, storage={"model_dirs": [str(models)]}, **sections)
    return Service(template.settings)


def trust_language_models(service: Service) -> None:
    """Note that the models passed their test, as `models verify` does."""
    for info in service.models.registry.list():
        if info.kind == "llm":
            service.models.registry.note_exam(info, passed=True, summary="all right")


@pytest.fixture
def server(tmp_path: Path, models: Path) -> Iterator[LiveServer]:
    service = real_service(tmp_path, models)
    trust_language_models(service)
    with LiveServer(service) as server:
        yield server


@pytest.fixture
def client(server: LiveServer, notes: Path) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=600) as client:
        job = client.post(f"{API}/imports", json={"sources": [str(notes)]}).json()
        assert wait_for_job(client, job["id"], timeout_s=60)["done"] == 3
        yield client


def test_a_real_answer_is_streamed_and_cites_its_source(client: httpx.Client) -> None:
    body = {"question": QUESTION, "stream": True, "max_tokens": 60}
    found = events(client.post(f"{API}/query", json=body).text)
    names = [name for name, _ in found]
    assert names[0] == "passages"
    assert names[-1] == "done"
    assert names.count("token") >= 1
    done = found[-1][1]
    assert done["mode"] in ("generated", "extracted")
    assert "31 March 2031" in done["quotes"][0]["text"]
    assert done["tokens"] > 1
    assert done["citations"][0]["title"].startswith("Garden lease")
    assert done["passages"][0]["vector_score"] > 0.25
    health = client.get("/health").json()
    assert health["status"] == "ok", health


def test_what_is_not_there_is_not_invented(client: httpx.Client) -> None:
    answer = client.post(f"{API}/query", json={"question": FOREIGN}).json()
    assert answer["mode"] in ("not-found", "uncertain")
    assert answer["tokens"] == 0


def test_the_language_model_is_not_loaded_before_it_is_asked(client: httpx.Client) -> None:
    part = next(p for p in client.get("/health").json()["components"] if p["name"] == "llm")
    assert part["state"] == "ok"
    assert part["details"]["load"] == "unloaded"
    client.post(f"{API}/query", json={"question": QUESTION, "max_tokens": 5})
    part = next(p for p in client.get("/health").json()["components"] if p["name"] == "llm")
    assert part["details"]["load"] == "loaded"


def test_twelve_questions_at_once(client: httpx.Client) -> None:
    def ask(_: int) -> str:
        body = {"question": QUESTION, "max_tokens": 8}
        answer = client.post(f"{API}/query", json=body)
        assert answer.status_code == 200, answer.text
        mode: str = answer.json()["mode"]
        return mode

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(ask, range(12))) <= {"generated", "extracted"}


def test_a_truncated_language_model_leaves_passages_and_a_reason(
    tmp_path: Path, models: Path, notes: Path
) -> None:
    whole = (models / "SmolLM2-135M.gguf").resolve()
    (models / "SmolLM2-135M.gguf").unlink()
    with whole.open("rb") as stream:
        (models / "SmolLM2-135M.gguf").write_bytes(stream.read(5_000_000))
    with (
        LiveServer(real_service(tmp_path, models, llm={"model": "SmolLM2-135M"})) as server,
        httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client,
    ):
        job = client.post(f"{API}/imports", json={"sources": [str(notes)]}).json()
        wait_for_job(client, job["id"], timeout_s=60)
        answer = client.post(f"{API}/query", json={"question": QUESTION}).json()
        assert answer["mode"] == "extracted"
        assert "SmolLM2-135M" in answer["reason"]
        health = client.get("/health")
        assert health.status_code == 200
        assert health.json()["status"] == "degraded"
        part = next(p for p in health.json()["components"] if p["name"] == "llm")
        assert part["state"] == "degraded"
        assert part["hint"]
        listed = client.get(f"{API}/models").json()["items"]
        broken = next(m for m in listed if m["name"] == "SmolLM2-135M")
        assert broken["problem"]


def test_models_are_verified_and_chosen(client: httpx.Client, server: LiveServer) -> None:
    names = {m["name"]: m for m in client.get(f"{API}/models").json()["items"]}
    assert names["all-MiniLM-L6-v2"]["kind"] == "embedding"
    assert names["SmolLM2-135M"]["kind"] == "llm"
    assert all(model["active"] for model in names.values())
    check = client.post(f"{API}/models/verify", json={"name": "SmolLM2-135M"}).json()
    assert check["ok"], check
    said = client.post(f"{API}/models/use", json={"kind": "llm", "name": "SmolLM2-135M"})
    assert said.status_code == 200, said.text
    wrong = client.post(f"{API}/models/use", json={"kind": "embedding", "name": "SmolLM2-135M"})
    assert wrong.status_code == 503
    assert "llm" in wrong.json()["error"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


OFFLINE = """
set -eu
ip link set lo up
{python} -m local_rag serve --port {port} &
service=$!
trap 'kill $service; wait $service || true' EXIT
for i in $(seq 100); do
  {python} -m local_rag --url http://127.0.0.1:{port} list >/dev/null 2>&1 && break
  sleep 0.2
done
{python} -m local_rag --url http://127.0.0.1:{port} import {notes} >&2
{python} -m local_rag --url http://127.0.0.1:{port} query --json {question}
"""


def test_import_and_answer_where_there_is_no_network(
    tmp_path: Path, models: Path, notes: Path
) -> None:
    """In a network namespace that has nothing but its own loopback."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("unshare and ip are needed for a network namespace")
    tried = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"network namespaces are not possible here: {tried.stderr.decode().strip()}")
    script = OFFLINE.format(
        python=sys.executable, port=free_port(), notes=f"'{notes}'", question=f"'{QUESTION}'"
    )
    environment = {
        **os.environ,
        "LOCAL_RAG__STORAGE__DATA_DIR": str(tmp_path / "data"),
        "LOCAL_RAG__STORAGE__MODEL_DIRS": json.dumps([str(models)]),
        "LOCAL_RAG__LLM__MAX_TOKENS": "40",
    }
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["mode"] == "extracted"
    assert "has not been tested" in answer["reason"]
    assert answer["citations"][0]["title"].startswith("Garden lease")


def test_a_kill_in_mid_answer_loses_no_document(tmp_path: Path, models: Path, notes: Path) -> None:
    environment = {
        **os.environ,
        "LOCAL_RAG__STORAGE__DATA_DIR": str(tmp_path / "data"),
        "LOCAL_RAG__STORAGE__MODEL_DIRS": json.dumps([str(models)]),
    }
    port = free_port()
    command = [sys.executable, "-m", "local_rag", "serve", "--port", str(port)]

    def begin() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False, timeout=60)
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return process

    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        process = begin()
        job = client.post(f"{API}/imports", json={"sources": [str(notes)]}).json()
        wait_for_job(client, job["id"], timeout_s=60)
        body = {"question": QUESTION, "stream": True}
        with (  # noqa: PT012 - it ends somewhere in the stream
            pytest.raises(httpx.TransportError),
            client.stream("POST", f"{API}/query", json=body) as answer,
        ):
            for line in answer.iter_lines():
                if line.startswith("event: passages"):
                    process.send_signal(signal.SIGKILL)
        process.wait(30)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        process = begin()
        try:
            assert client.get(f"{API}/documents").json()["total"] == 3
            again = client.post(f"{API}/query", json={"question": QUESTION, "max_tokens": 8})
            assert again.json()["mode"] == "extracted"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def shop(embedding_gguf: Path) -> Iterator[str]:
    """A server that has one model; returns its address."""
    content = embedding_gguf.read_bytes()

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/MiniLM.gguf"
        server.shutdown()


def test_a_model_is_pulled_verified_used_and_answers(
    tmp_path: Path, shop: str, embedding_gguf: Path, notes: Path
) -> None:
    digest = hashlib.sha256(embedding_gguf.read_bytes()).hexdigest()
    empty = tmp_path / "empty"
    empty.mkdir()
    # The shop is on this machine, which is no public address: without this it is refused.
    private = {"allow_private_urls": True}
    with LiveServer(real_service(tmp_path, empty, imports=private)) as server:
        to = ("--url", server.url)
        assert invoke(*to, "status").code == 4
        wrong = invoke(*to, "models", "pull", shop, "--sha256", "0" * 64)
        assert wrong.code == 1
        assert "checksum" in wrong.err
        assert "No models" in invoke(*to, "models", "list").out
        done = invoke(*to, "models", "pull", shop, "--sha256", digest)
        assert done.code == 0, done.err
        assert "models use embedding MiniLM" in done.out
        assert "ok" in invoke(*to, "models", "verify").out
        assert invoke(*to, "models", "use", "embedding", "MiniLM").code == 0
        assert "in use" in invoke(*to, "models", "list").out
        assert invoke(*to, "import", notes).code == 0
        answer = invoke(*to, "query", "--json", QUESTION).json
        assert answer["mode"] == "extracted"
        assert answer["citations"][0]["title"].startswith("Garden lease")
        assert invoke(*to, "status").code == 4
