"""Questions to a whole service with the real models: from a file to a cited answer."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kit import gguf as make
from kit.faces import add, client_for, settings_for
from local_rag.ask.answer import Answerer, Done, Passages, Token
from local_rag.run.evidence import LiveEvidence
from local_rag.run.service import Service

pytestmark = pytest.mark.slow

MANUALS = {
    "boiler.md": "# Boiler\n\nThe boiler pressure must stay between 1.2 and 1.8 bar. Refill it "
    "with the blue tap when it is lower. Error E-117 means that the flame went out.",
    "lease.txt": "The lease of the garden ends on 31 March 2031. Notice must be given in writing "
    "three months before. The yearly rent is 240 euros.",
    "bees.txt": "A bee colony needs about fifteen kilograms of honey to live through the winter. "
    "The beekeeper feeds sugar syrup in September when the combs are light.",
    "bread.txt": "Rye bread needs a sourdough starter, salt and patience. Bake it for fifty "
    "minutes at 210 degrees and let it cool before cutting.",
}
INSIDE = {
    "What pressure should the boiler have?": "boiler.md",
    "When does the garden lease end?": "lease.txt",
    "How much is the rent per year?": "lease.txt",
    "How much honey do bees need in winter?": "bees.txt",
    "How long do I bake rye bread?": "bread.txt",
    "what is E-117": "boiler.md",
    "What colour is the tap?": "boiler.md",
}
OUTSIDE = [
    "Who won the football world cup in 1954?",
    "How do I install a printer driver on Windows?",
    "What is the boiling point of tungsten in kelvin?",
    "Explain the offside rule.",
    "What are the symptoms of measles?",
    "How do I cook pasta?",
]


@pytest.fixture(scope="module")
def models(
    tmp_path_factory: pytest.TempPathFactory, embedding_gguf: Path, generator_gguf: Path
) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "all-minilm-l6-v2.gguf").symlink_to(embedding_gguf)
    (folder / "smollm2.gguf").symlink_to(generator_gguf)
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Service:
    return Service(
        settings_for(
            tmp_path_factory.mktemp("service"),
            storage={"model_dirs": [models]},
            llm={"max_tokens": 40, "threads": 1},
            embedding={"threads": 1},
        )
    )


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[TestClient]:
    with client_for(service) as client:
        for name, text in MANUALS.items():
            add(client, name, text)
        yield client


@pytest.fixture(scope="module")
def answerer(service: Service, client: TestClient) -> Answerer:
    evidence = LiveEvidence(service.engine.store, service.engine.embedder)
    return Answerer(
        service.engine,
        service.models.get_generator,
        service.settings,
        service.governor,
        evidence=evidence,
    )


@pytest.mark.parametrize(("question", "name"), INSIDE.items())
def test_the_right_document_comes_first(
    client: TestClient, service: Service, question: str, name: str
) -> None:
    evidence = LiveEvidence(service.engine.store, service.engine.embedder)
    retrieval = Answerer(
        service.engine, lambda: None, service.settings, service.governor, evidence=evidence
    )
    answer = retrieval.answer(question)
    assert answer.mode in ("extracted", "uncertain")
    assert name in answer.passages[0].uri or name in answer.passages[0].title


@pytest.mark.parametrize("question", OUTSIDE)
def test_what_is_not_in_the_documents_is_not_answered(answerer: Answerer, question: str) -> None:
    answer = answerer.answer(question)
    assert answer.mode in ("not-found", "uncertain")
    assert answer.tokens == 0


def test_an_answer_is_written_and_cites_its_document(answerer: Answerer) -> None:
    events = list(answerer.stream("When does the garden lease end?"))
    assert isinstance(events[0], Passages)
    assert isinstance(events[-1], Done)
    answer = events[-1].answer
    assert answer.mode in ("generated", "extracted")
    assert "2031" in answer.text
    assert answer.text == "".join(e.text for e in events if isinstance(e, Token)).strip()
    assert answer.citations
    assert "lease" in answer.citations[0].uri + answer.citations[0].title
    assert "31 March 2031" in answer.citations[0].snippet
    assert answer.tokens > 0


def test_over_http_with_its_citation(client: TestClient) -> None:
    body = client.post("/api/v1/query", json={"question": "When does the garden lease end?"}).json()
    assert body["mode"] == "extracted"
    assert "has not been tested" in body["reason"]
    assert "2031" in body["text"]
    assert body["citations"][0]["number"] >= 1


def test_stop_leaves_the_model_ready(answerer: Answerer) -> None:
    stop = threading.Event()
    tokens = 0
    for event in answerer.stream("How long do I bake rye bread?", stop=stop):
        if isinstance(event, Token):
            tokens += 1
            stop.set()
    assert tokens <= 2
    assert answerer.answer("When does the garden lease end?").mode in ("generated", "extracted")


def test_health_names_the_models(client: TestClient, answerer: Answerer) -> None:
    answerer.answer("When does the garden lease end?")
    body = client.get("/health").json()
    parts = {part["name"]: part for part in body["components"]}
    assert parts["embedding"]["message"] == "all-minilm-l6-v2 is loaded"
    assert parts["llm"]["details"]["model_id"].startswith("smollm2@")


def test_a_broken_language_model_degrades_and_never_invents(
    tmp_path: Path, embedding_gguf: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "minilm.gguf").symlink_to(embedding_gguf)
    make.write(folder / "broken.gguf")
    service = Service(settings_for(tmp_path, storage={"model_dirs": [folder]}))
    info = service.models.registry.get("broken")
    service.models.registry.note_exam(info, passed=True, summary="it was whole once")
    with client_for(service) as client:
        add(client, "lease.txt", MANUALS["lease.txt"])
        body = client.post("/api/v1/query", json={"question": "When does the lease end?"}).json()
        assert body["mode"] in ("extracted", "uncertain")
        assert "cannot load broken.gguf" in body["reason"]
        assert body["passages"][0]["text"].startswith("The lease")
        health = client.get("/health")
        assert health.json()["status"] == "degraded"
        llm = next(p for p in health.json()["components"] if p["name"] == "llm")
        assert "cannot load broken.gguf" in llm["message"]
        assert llm["hint"]
