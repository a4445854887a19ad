"""Import against the pure embedding of the same texts.

Run: python bench/import_.py [--documents N]. Both use the real model with the same number of
threads. They take turns, so that a busy machine slows both; the ratio of the sums counts.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from local_rag.config import Settings
from local_rag.ingest import ImportJobs
from local_rag.store import Store
from local_rag.text.chunking import embedding_text
from local_rag.types import Embedder
from models import embedder

HERE = Path(__file__).parent


class AlwaysOpen:
    def may_import(self) -> tuple[bool, str | None]:
        return True, None


def write_documents(folder: Path, count: int, turn: int) -> None:
    """Write documents of a page or three from sentences of the corpus, all different."""
    dice = random.Random(turn)
    sentences = [
        sentence.strip()
        for path in sorted((HERE / "corpus").glob("*.md"))
        for line in path.read_text().splitlines()
        if line and not line.startswith("#")
        for sentence in line.split(". ")
    ]
    folder.mkdir()
    for number in range(count):
        parts = [f"# Document {turn}-{number}"]
        for part in range(dice.randint(2, 6)):
            body = ". ".join(dice.sample(sentences, dice.randint(8, 16)))
            parts.append(f"## Part {part}\n\n{body}.")
        (folder / f"{number:04}.md").write_text("\n\n".join(parts) + "\n")


def run_import(folder: Path, data: Path, model: Embedder) -> tuple[float, list[str]]:
    """Return seconds of the import, and the texts that were embedded."""
    settings = Settings.model_validate({"storage": {"data_dir": data}})
    with Store(settings.storage.database) as store:
        jobs = ImportJobs(store, lambda: model, settings, AlwaysOpen())
        jobs.start()
        begun = time.perf_counter()
        job = jobs.wait(jobs.submit([str(folder)]).id, 3600)
        seconds = time.perf_counter() - begun
        jobs.stop()
        if job.failed or not job.done:
            raise SystemExit(f"import: {job}")
        texts = [
            embedding_text(document.title, chunk)
            for document in reversed(store.documents.list(limit=100_000))
            for chunk in store.chunks.of_document(document.id)
        ]
    return seconds, texts


def run_embedding(texts: list[str], model: Embedder, batch: int) -> float:
    """Return seconds of embedding in batches, as fast as the model takes them."""
    texts = sorted(texts, key=len)
    begun = time.perf_counter()
    for start in range(0, len(texts), batch):
        model.embed(texts[start : start + batch])
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description="Import against pure embedding.")
    parser.add_argument("--documents", type=int, default=40, help="documents a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    model = embedder(options.threads)
    model.embed(["warm up"] * 8)
    batch = Settings().embedding.batch_size
    imported = embedded = 0.0
    chunks = 0
    for turn in range(options.turns):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "in"
            write_documents(folder, options.documents, turn)
            seconds, texts = run_import(folder, Path(scratch) / "data", model)
        pure = run_embedding(texts, model, batch)
        print(
            f"turn {turn}: {len(texts)} chunks, import {seconds:.2f} s, embedding {pure:.2f} s, "
            f"ratio {seconds / pure:.3f}"
        )
        imported, embedded, chunks = imported + seconds, embedded + pure, chunks + len(texts)
    print(f"{options.turns * options.documents} documents, {chunks} chunks, {model.model_id}")
    print(f"import / embedding  {imported / embedded:.3f}   <= 1.15")
    return 0


if __name__ == "__main__":
    sys.exit(main())
