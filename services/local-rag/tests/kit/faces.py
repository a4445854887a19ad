"""A whole service for tests of its faces: real store, real jobs, small stand-ins for the models.

The stand-ins keep these tests to seconds; tests/integration and tests/browser use real models.
"""

import hashlib
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from local_rag.api.app import create_app
from local_rag.config.settings import Settings
from local_rag.core.types import Message
from local_rag.run.service import Service

API = "/api/v1"
LEASE = "The lease of the garden ends on 31 March 2031. Notice must be given three months before."
BREAD = "Rye bread needs a sourdough starter, salt and patience. Bake it for fifty minutes."
BEES = "A bee colony needs about fifteen kilograms of honey to live through the winter."


class WordEmbedder:
    """Vectors from hashed words: texts that share words are near each other."""

    dimensions = 64
    max_tokens = 256

    def __init__(self, model_id: str = "words@1") -> None:
        self.model_id = model_id

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        out = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                if len(word) > 2:
                    digest = hashlib.sha256(word.encode()).digest()
                    out[row, digest[0] % self.dimensions] += 1
            out[row, 0] += 1e-3
            out[row] /= np.linalg.norm(out[row])
        return out

    def embed_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.embed(texts)

    def close(self) -> None:
        pass


class HeldEmbedder(WordEmbedder):
    """Waits, when it is to embed more than a question, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.entered = threading.Event()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.entered.set()
        assert self.go.wait(30)
        return super().embed(texts)


class QuotingGenerator:
    """Writes the first words of the prompt's last message back, piece by piece, with a [1]."""

    model_id = "quoting@1"
    context_tokens = 2048

    def __init__(self, *, delay_s: float = 0.0, pieces: Sequence[str] | None = None) -> None:
        self.delay_s = delay_s
        self.pieces = pieces
        # Cleared, it holds the answer back after its first piece.
        self.go = threading.Event()
        self.go.set()
        self.calls = 0
        self.stopped = threading.Event()

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        stop: threading.Event,
    ) -> Iterator[str]:
        self.calls += 1
        pieces = self.pieces or ["It ", "ends ", "in ", "2031 ", "[1]."]
        for piece in pieces:
            time.sleep(self.delay_s)
            if stop.is_set():
                self.stopped.set()
                return
            yield piece
            assert self.go.wait(60)

    def close(self) -> None:
        pass


def settings_for(folder: Path, **sections: dict[str, Any]) -> Settings:
    values: dict[str, Any] = {
        "storage": {"data_dir": folder / "data"},
        "server": {"port": 0},
        "limits": {"disk_stop_percent": 0, "disk_resume_percent": 1},
    }
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    return Settings.model_validate(values)


def make_service(
    folder: Path,
    *,
    embedder: Any = None,
    generator: Any = None,
    **sections: dict[str, Any],
) -> Service:
    """Return a service that is not started.

    `generator=False` means that there is none; a model that is an error fails to load with it.
    """
    if generator is None:
        generator = QuotingGenerator()
    return Service(
        settings_for(folder, **sections),
        load_embedder=lambda: _loaded(embedder or WordEmbedder()),
        load_generator=(lambda: _loaded(generator)) if generator else None,
    )


def _loaded(model: Any) -> Any:
    if isinstance(model, Exception):
        raise model
    return model


def client_for(service: Service, **headers: str) -> TestClient:
    """Return a client that starts the service when it is entered."""
    return TestClient(
        create_app(service),
        base_url="http://127.0.0.1:8080",
        headers=headers,
        raise_server_exceptions=False,
    )


def wait_for_job(client: Any, job_id: str, *, timeout_s: float = 20) -> dict[str, Any]:
    deadline = time.monotonic() + timeout_s
    while True:
        job = client.get(f"{API}/imports/{job_id}").json()
        if job["state"] in ("done", "failed", "cancelled"):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.02)


def add(client: Any, name: str, text: str | bytes, **fields: str) -> dict[str, Any]:
    """Upload a file, wait for it, and return its document."""
    content = text.encode() if isinstance(text, str) else text
    answer = client.post(f"{API}/documents", files={"file": (name, content)}, data=fields)
    assert answer.status_code == 202, answer.text
    job = wait_for_job(client, answer.json()["id"])
    assert job["state"] == "done", job
    items = client.get(f"{API}/imports/{job['id']}/items").json()["items"]
    assert items[0]["error"] is None, items
    return client.get(f"{API}/documents/{items[0]['document_id']}").json()


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    from local_rag.cli.client import parse_events

    return list(parse_events(iter(text.split("\n"))))


class LiveServer:
    """The service under uvicorn in a thread, on a free port."""

    def __init__(self, service: Service) -> None:
        from local_rag.api.server import bind

        self.service = service
        self._socket = bind(service.settings)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            create_app(service), log_config=None, timeout_graceful_shutdown=1, lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> "LiveServer":
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < deadline
            assert self._thread.is_alive()
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
