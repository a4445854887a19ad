"""Retrieval quality: hybrid against vectors alone and keywords alone.

Run: python bench/quality.py [--set tuning|heldout]. Imports the documents of bench/corpus and
bench/heldout with the real embedding model and asks the questions about one of them. A passage
counts when it is of the right document and holds the text that answers. The parameters of the
fusion were chosen with the questions of `tuning` (bench/corpus); those of `heldout` were written
afterwards, about documents of their own, and nothing was chosen by them.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from local_rag.config.settings import Settings
from local_rag.core.types import Embedder, Passage, SearchMode
from local_rag.documents.imports import ImportJobs
from local_rag.index import Store
from local_rag.index.search import Searcher
from models import embedder

HERE = Path(__file__).parent
DEPTH = 10
SETS = {"tuning": ("corpus", "questions.yaml"), "heldout": ("heldout", "heldout.yaml")}
MODES: tuple[SearchMode, ...] = ("hybrid", "vector", "keyword")


class AlwaysOpen:
    def may_import(self) -> tuple[bool, str | None]:
        return True, None


@dataclass(frozen=True)
class Question:
    q: str
    doc: str
    has: str
    kind: str = ""

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


def table(rows: dict[str, list[int | None]]) -> None:
    names = list(scores(next(iter(rows.values()))))
    print(f"{'':22}" + "".join(f"{name:>9}" for name in names))
    for label, ranks in rows.items():
        found = scores(ranks)
        print(f"{label:22}" + "".join(f"{found[name]:9.3f}" for name in names))


def interval(first: list[int | None], second: list[int | None]) -> tuple[float, float, float]:
    """Return the mean difference of reciprocal ranks and its 95 % bounds (paired bootstrap)."""
    gain = np.asarray(
        [(1 / a if a else 0) - (1 / b if b else 0) for a, b in zip(first, second, strict=True)]
    )
    dice = np.random.default_rng(1)
    means = gain[dice.integers(0, len(gain), (10_000, len(gain)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(gain.mean()), float(low), float(high)


def tune(store: Store, model: Embedder, questions: list[Question]) -> None:
    """Print what each pair of parameters gives; for the questions that may be tuned on."""
    print("MRR@10 by what is enough of the words (down) and the share of the meaning (across)")
    choices = (0.3, 0.4, 0.5, 0.6, 0.7)
    print(f"{'':6}" + "".join(f"{share:8}" for share in choices))
    for enough in (0.01, 0.2, 0.3, 0.4, 0.5, 0.7):
        cells = []
        for share in choices:
            searcher = Searcher(store, model, vector_share=share, enough_words=enough)
            ranks = [rank(row, searcher.search(row.q, DEPTH)) for row in questions]
            cells.append(f"{scores(ranks)['MRR@10']:8.3f}")
        print(f"{enough:6.2f}" + "".join(cells))


def report(store: Store, model: Embedder, questions: list[Question], misses: bool) -> bool:
    """Print the tables; return whether hybrid is best."""
    searcher = Searcher(store, model)
    ranks = {
        mode: [rank(row, searcher.search(row.q, DEPTH, mode)) for row in questions]
        for mode in MODES
    }
    table(ranks)
    for kind in sorted({row.kind for row in questions if row.kind}):
        chosen = [index for index, row in enumerate(questions) if row.kind == kind]
        print(f"only the {len(chosen)} questions of kind {kind!r}")
        table({mode: [ranks[mode][index] for index in chosen] for mode in MODES})
    best = True
    for mode in MODES[1:]:
        mean, low, high = interval(ranks["hybrid"], ranks[mode])
        best = best and mean > 0
        print(f"hybrid - {mode}: {mean:+.3f} MRR@10, 95 % between {low:+.3f} and {high:+.3f}")
    if misses:
        for index, row in enumerate(questions):
            if ranks["hybrid"][index] != 1:
                print([ranks[mode][index] for mode in MODES], row.q)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description="Hybrid against vector and keyword search.")
    parser.add_argument("--set", choices=SETS, default="heldout", help="which questions")
    parser.add_argument("--max-tokens", type=int, default=64, help="size of a chunk")
    parser.add_argument("--tune", action="store_true", help="compare parameters (only on tuning)")
    parser.add_argument("--misses", action="store_true", help="list what hybrid gets wrong")
    options = parser.parse_args()
    if options.tune and options.set != "tuning":
        parser.error("--tune needs --set tuning: what is held out is not to be tuned on")
    folder, file = SETS[options.set]
    questions = [Question(**row) for row in yaml.safe_load((HERE / file).read_text())]
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
            # Both folders, so that each question has many passages to be lost among.
            job = jobs.wait(jobs.submit([str(HERE / name) for name, _ in SETS.values()]).id, 600)
            jobs.stop()
            if job.failed or not job.done:
                print(f"import: {job}")
                return 1
            print(
                f"{options.set}: {len(questions)} questions about {folder}, among {job.done} "
                f"documents, {store.stats()['chunks']} chunks, {model.model_id}"
            )
            if options.tune:
                tune(store, model, questions)
            best = report(store, model, questions, options.misses)
    return 0 if best else 1


if __name__ == "__main__":
    sys.exit(main())
