"""Retrieval over 100,000 chunks: time, recall, memory.

Run: python bench/retrieval.py [--chunks N] [--keep DIR]. "End to end" is from the text of a
question to its passages, the embedding by the real model included; "http" is the same asked of
the whole service. The memory is that of a process with the index and the embedding model.

Vectors are drawn from clusters within clusters (subjects, documents, chunks) in a space whose
directions matter unequally, as those of sentence embeddings do; words follow Zipf's law and are
shared within a subject. Questions are made from chunks: a few of their rarer words, and a vector
near theirs.
"""

import argparse
import http.client
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from local_rag.core.types import Chunk, Section
from local_rag.index import Incoming, SourceFacts, Store
from local_rag.index.search import Searcher

DIMENSIONS = 384
SUBJECTS = 200
CHUNKS_A_DOCUMENT = 25
VOCABULARY = 60_000
WORDS_A_CHUNK = 150
QUESTIONS = 200
Floats = NDArray[np.float32]


class Corpus:
    """Made-up vectors and words; the same for the same seed."""

    def __init__(self, chunks: int, seed: int = 1) -> None:
        self.random = np.random.default_rng(seed)
        self.chunks = chunks
        self.documents = chunks // CHUNKS_A_DOCUMENT
        # Measured on MiniLM, the spectrum falls about like this; a flat one would be easier.
        self.spectrum = ((1 + np.arange(DIMENSIONS) / 8) ** -0.65).astype(np.float32)
        basis, _ = np.linalg.qr(self.random.standard_normal((DIMENSIONS, DIMENSIONS)))
        self.basis = basis.astype(np.float32)
        self.mean = self.noise(1)[0] * 0.15
        self.subject_of = self.random.integers(0, SUBJECTS, self.documents)
        self.subjects = self.noise(SUBJECTS) * 0.6
        self.weights = 1 / np.arange(1, VOCABULARY + 1) ** 1.05
        self.cumulated = np.cumsum(self.weights / self.weights.sum())

    def noise(self, count: int) -> Floats:
        return self.random.standard_normal((count, DIMENSIONS)).astype(np.float32) * self.spectrum

    def document_vectors(self, document: int) -> Floats:
        centre = self.subjects[self.subject_of[document]] + self.noise(1)[0] * 0.6
        rows = (centre + self.noise(CHUNKS_A_DOCUMENT) * 0.6 + self.mean) @ self.basis
        return unit(rows)

    def words(self, subject: int) -> list[str]:
        common = np.searchsorted(self.cumulated, self.random.random(WORDS_A_CHUNK))
        # A subject has words of its own: the same ranks, moved by the subject's number.
        own = self.random.random(WORDS_A_CHUNK) < 0.3
        numbers = np.where(own & (common > 100), (common + 97 * subject) % VOCABULARY, common)
        return [f"w{number:x}" for number in numbers]


def unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


class ReadyVectors:
    """Stands for the model: its time is not what is measured here."""

    model_id = "bench@0"
    dimensions = DIMENSIONS
    max_tokens = 256

    def __init__(self) -> None:
        self.by_text: dict[str, Floats] = {}

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def embed(self, texts: Sequence[str]) -> Floats:
        return np.stack([self.by_text[text] for text in texts])

    def embed_questions(self, texts: Sequence[str]) -> Floats:
        return self.embed(texts)


class Asked(ReadyVectors):
    """Runs the real model on a real question each time, and answers with the ready vector."""

    def __init__(self, ready: ReadyVectors) -> None:
        super().__init__()
        from models import embedder

        self.by_text = ready.by_text
        self._model = embedder()
        self._texts = asked_texts()
        self._turn = 0

    def embed(self, texts: Sequence[str]) -> Floats:
        self._turn += 1
        self._model.embed([self._texts[self._turn % len(self._texts)]])
        return super().embed(texts)

    def close(self) -> None:
        self._model.close()


def fill(store: Store, corpus: Corpus) -> tuple[list[str], Floats]:
    """Store every document; return questions with their vectors."""
    asked = set(corpus.random.choice(corpus.chunks, QUESTIONS, replace=False).tolist())
    questions: list[str] = []
    probes: list[Floats] = []
    for document in range(corpus.documents):
        vectors = corpus.document_vectors(document)
        texts = [corpus.words(int(corpus.subject_of[document])) for _ in vectors]
        for offset, words in enumerate(texts):
            if document * CHUNKS_A_DOCUMENT + offset in asked:
                questions.append("what is the " + question_words(corpus, words))
                probes.append(vectors[offset] + corpus.noise(1)[0] @ corpus.basis * 0.25)
        store.documents.put(incoming(document, [" ".join(words) for words in texts], vectors))
    return questions, unit(np.stack(probes))


def question_words(corpus: Corpus, words: list[str]) -> str:
    """Three common content words and three rarer ones of a chunk."""
    ranked = sorted(set(words), key=lambda word: int(word[1:], 16))
    middle = [word for word in ranked if int(word[1:], 16) > 30]
    return " ".join([*middle[:3], *corpus.random.choice(middle[3:], 3, replace=False)])


def incoming(document: int, texts: list[str], vectors: Floats) -> Incoming:
    chunks = [
        Chunk(ordinal=i, text=text, page=None, heading=None, start=0, end=0, token_count=200)
        for i, text in enumerate(texts)
    ]
    return Incoming(
        source=SourceFacts(uri=f"bench:{document}", source_hash=str(document), size=1, metadata={}),
        title=f"Document {document}",
        media_type="text/plain",
        metadata={},
        content_hash=str(document),
        sections=[Section(text="x")],
        chunks=chunks,
        embedding_hashes=[f"{document}/{i}".encode() for i in range(len(chunks))],
        vectors=vectors,
        embedder_id=ReadyVectors.model_id,
    )


def timed(
    run: Callable[[int], object], count: int, clock: Callable[[], float] = time.perf_counter
) -> Floats:
    """Return milliseconds of each call; the first few warm up and do not count."""
    for index in range(min(10, count // 4)):
        run(index)
    times = []
    for index in range(count):
        begun = clock()
        run(index)
        times.append((clock() - begun) * 1000)
    return np.asarray(times, dtype=np.float32)


def resident_mb() -> float:
    with Path("/proc/self/statm").open() as stream:
        return int(stream.read().split()[1]) * resource.getpagesize() / 1e6


def exact_top(store: Store, probes: Floats, k: int) -> list[set[int]]:
    """Return the true k nearest chunks of every probe, from the vectors as stored."""
    with store.connections.read() as db:
        rows = db.execute("SELECT chunk_id, vector FROM vectors ORDER BY chunk_id").fetchall()
    ids = np.asarray([row[0] for row in rows])
    everything = np.frombuffer(b"".join(row[1] for row in rows), "<f2").reshape(len(rows), -1)
    scores = np.concatenate(
        [unit(part.astype(np.float32)) @ probes.T for part in np.array_split(everything, 20)]
    )
    return [
        set(ids[np.argpartition(-scores[:, column], k)[:k]].tolist())
        for column in range(len(probes))
    ]


def measure(folder: Path) -> dict[str, float]:
    """Measure in a process of its own that has done nothing but open the index."""
    questions = json.loads((folder / "questions.json").read_text())
    probes = np.load(folder / "probes.npy")
    model = ReadyVectors()
    model.by_text = dict(zip(questions, probes, strict=True))
    with Store(folder / "index.sqlite3") as store:
        store.bind_embedder(model.model_id, DIMENSIONS)
        count = len(questions)
        whole = Searcher(store, Asked(model))
        end_to_end = timed(lambda i: whole.search(questions[i], 8), count)
        with_model = resident_mb()
        searcher = Searcher(store, model)
        hybrid = timed(lambda i: searcher.search(questions[i], 8), count)
        processor = timed(lambda i: searcher.search(questions[i], 8), count, time.process_time)
        vector = timed(lambda i: store.search_vectors(probes[i], 50), count)
        keyword = timed(lambda i: store.search_keywords(questions[i], 50), count)
        # Exact search reads all vectors into memory, which must not count as the service's.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        exact = timed(lambda i: store.vectors.exact(probes[i], 10), 3)
        truth = exact_top(store, probes, 10)
        found = [{hit[0] for hit in store.search_vectors(probe, 10)} for probe in probes]
    asked = over_http(folder, model, questions)
    recall = np.mean([len(a & b) / 10 for a, b in zip(found, truth, strict=True)])
    return {
        "end_to_end_p50_ms": float(np.median(end_to_end)),
        "http_p50_ms": float(np.median(asked)),
        "hybrid_p50_ms": float(np.median(hybrid)),
        "hybrid_cpu_p50_ms": float(np.median(processor)),
        "hybrid_p95_ms": float(np.percentile(hybrid, 95)),
        "vector_p50_ms": float(np.median(vector)),
        "keyword_p50_ms": float(np.median(keyword)),
        "exact_ms": float(np.median(exact)),
        "recall_at_10": float(recall),
        "rss_mb": with_model,
        "peak_rss_mb": peak,
    }


def over_http(folder: Path, model: ReadyVectors, questions: list[str]) -> Floats:
    """Ask the whole service for passages, as any client does; milliseconds of each answer."""
    import models  # noqa: F401 - it puts the helpers of the tests on the path
    from kit.faces import LiveServer, settings_for
    from local_rag.run.service import Service

    settings = settings_for(folder, storage={"data_dir": folder})
    service = Service(settings, load_embedder=lambda: Asked(model))
    with LiveServer(service) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

        def ask(index: int) -> None:
            body = {"question": questions[index], "k": 8, "passages_only": True}
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/api/v1/query", json.dumps(body), headers)
            answer = connection.getresponse()
            found = json.load(answer)
            if answer.status != 200:
                raise SystemExit(f"query: {found}")

        times = timed(ask, len(questions))
        connection.close()
    return times


def asked_texts() -> list[str]:
    """Return questions of some ten words."""
    asked = yaml.safe_load((Path(__file__).parent / "questions.yaml").read_text())
    return [f"{row['q']}, and what else is there to know" for row in asked]


def asking(count: int = 40) -> dict[str, float]:
    """Measure what is before the search: the real model on such questions."""
    from models import embedder

    model = embedder()
    texts = asked_texts()[:count]
    return {
        "question_p50_ms": float(np.median(timed(lambda i: model.embed([texts[i]]), count))),
        "question_cpu_p50_ms": float(
            np.median(timed(lambda i: model.embed([texts[i]]), count, time.process_time))
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Retrieval: time, recall, memory.")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="use and keep the index in this directory")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "probes.npy").exists():
            begun = time.perf_counter()
            corpus = Corpus(options.chunks)
            with Store(folder / "index.sqlite3") as store:
                store.bind_embedder(ReadyVectors.model_id, DIMENSIONS)
                questions, probes = fill(store, corpus)
            (folder / "questions.json").write_text(json.dumps(questions))
            np.save(folder / "probes.npy", probes)
            print(f"filled in {time.perf_counter() - begun:.0f} s")
        command = [sys.executable, __file__, "--measure", str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, env=os.environ)
        result = json.loads(done.stdout) | asking()
        size = (folder / "index.sqlite3").stat().st_size / 1e6
    print(f"{options.chunks} chunks x {DIMENSIONS}, index of {size:.0f} MB, {QUESTIONS} questions")
    for name, limit in (
        ("end_to_end_p50_ms", "<= 30"),
        ("http_p50_ms", "<= 30, client and service in one process"),
        ("question_p50_ms", ""),
        ("question_cpu_p50_ms", ""),
        ("hybrid_p50_ms", ""),
        ("hybrid_cpu_p50_ms", ""),
        ("hybrid_p95_ms", ""),
        ("vector_p50_ms", ""),
        ("keyword_p50_ms", ""),
        ("exact_ms", ""),
        ("recall_at_10", ">= 0.98"),
        ("rss_mb", "<= 250"),
        ("peak_rss_mb", ""),
    ):
        print(f"  {name:18} {result[name]:9.3f}   {limit}")
    print(f"  exact / vector     {result['exact_ms'] / result['vector_p50_ms']:9.1f}")
    print(f"  hybrid / vector    {result['hybrid_p50_ms'] / result['vector_p50_ms']:9.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
