"""Retrieval quality: hybrid against vectors alone and keywords alone.

Run: python bench/quality.py. Imports the documents of bench/corpus with the real embedding model
and asks the questions of bench/questions.yaml. A passage counts when it is of the right document
and holds the text that answers.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from local_rag.config import Settings
from local_rag.ingest import ImportJobs
from local_rag.search import Searcher
from local_rag.store import Store
from local_rag.types import Passage, SearchMode
from models import embedder

HERE = Path(__file__).parent
DEPTH = 10
MODES: tuple[SearchMode, ...] = ("hybrid", "vector", "keyword")


class AlwaysOpen:
    def may_import(self) -> tuple[bool, str | None]:
        return True, None


@dataclass(frozen=True)
class Question:
    q: str
    doc: str
    has: str

    def answered_by(self, passage: Passage) -> bool:
        text = " ".join(passage.text.split())
        return passage.uri.endswith(f"/{self.doc}") and self.has in text


def rank(question: Question, passages: list[Passage]) -> int | None:
    for place, passage in enumerate(passages, start=1):
        if question.answered_by(passage):
            return place
    return None


def scores(ranks: list[int | None]) -> dict[str, float]:
    count = len(ranks)
    found = [place for place in ranks if place]
    return {
        "MRR@10": sum(1 / place for place in found) / count,
        "hit@1": sum(place == 1 for place in found) / count,
        "hit@3": sum(place <= 3 for place in found) / count,
        "hit@5": sum(place <= 5 for place in found) / count,
        "hit@10": len(found) / count,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Hybrid against vector and keyword search.")
    parser.add_argument("--max-tokens", type=int, default=64, help="size of a chunk")
    parser.add_argument("--rrf-k", type=int, default=60)
    parser.add_argument("--misses", action="store_true", help="list what hybrid gets wrong")
    options = parser.parse_args()
    questions = [Question(**row) for row in yaml.safe_load((HERE / "questions.yaml").read_text())]
    model = embedder()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings.model_validate(
            {
                "storage": {"data_dir": scratch},
                # Short documents are cut small, so that the choice among chunks is a real one.
                "chunking": {"max_tokens": options.max_tokens, "overlap_tokens": 8},
            }
        )
        with Store(settings.storage.database) as store:
            jobs = ImportJobs(store, lambda: model, settings, AlwaysOpen())
            jobs.start()
            job = jobs.wait(jobs.submit([str(HERE / "corpus")]).id, 600)
            jobs.stop()
            if job.failed or not job.done:
                print(f"import: {job}")
                return 1
            searcher = Searcher(store, model, rrf_k=options.rrf_k)
            found = {
                mode: [searcher.search(row.q, DEPTH, mode) for row in questions] for mode in MODES
            }
            chunks = store.stats()["chunks"]
    ranks = {
        mode: [rank(row, hits) for row, hits in zip(questions, found[mode], strict=True)]
        for mode in MODES
    }
    print(f"{job.done} documents, {chunks} chunks, {len(questions)} questions, {model.model_id}")
    table = {mode: scores(ranks[mode]) for mode in MODES}
    names = list(table["hybrid"])
    print(f"{'':10}" + "".join(f"{name:>9}" for name in names))
    for mode in MODES:
        print(f"{mode:10}" + "".join(f"{table[mode][name]:9.3f}" for name in names))
    for mode in MODES[1:]:
        print(f"hybrid / {mode}: {table['hybrid']['MRR@10'] / table[mode]['MRR@10']:.3f} (MRR@10)")
    if options.misses:
        for index, row in enumerate(questions):
            if ranks["hybrid"][index] != 1:
                print([ranks[mode][index] for mode in MODES], row.q)
    return 0


if __name__ == "__main__":
    sys.exit(main())
