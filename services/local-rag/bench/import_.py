"""Import against the pure embedding of the same texts.

Run: python bench/import_.py [--documents N]. Both use the real model with the same number of
threads. The embedding runs before and after each import and the mean of the two counts, so that a
machine that gets busier or hotter does not favour either; how far the two differ is the noise.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from local_rag.config.settings import Settings
from local_rag.core.types import Embedder
from local_rag.documents.imports import ImportJobs
from local_rag.index import Store
from models import embedder

HERE = Path(__file__).parent


class AlwaysOpen:
    def may_import(self) -> tuple[bool, str | None]:
        return True, None


@dataclass(frozen=True)
class Cost:
    wall_s: float
    processor_s: float


class Clock:
    """Wall and processor time since its making."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def read(self) -> Cost:
        return Cost(time.perf_counter() - self._wall, time.process_time() - self._processor)


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


class Blank:
    """Counts tokens as the model does, and embeds nothing: tells what an import would embed."""

    def __init__(self, model: Embedder) -> None:
        self.model_id, self.dimensions = model.model_id, model.dimensions
        self.max_tokens, self.count_tokens = model.max_tokens, model.count_tokens
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return np.ones((len(texts), self.dimensions), dtype=np.float32)


class Counted:
    """The model, and the texts it was given: both sides must embed the very same ones."""

    def __init__(self, model: Embedder) -> None:
        self.model_id, self.dimensions = model.model_id, model.dimensions
        self.max_tokens, self.count_tokens = model.max_tokens, model.count_tokens
        self._embed = model.embed
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return self._embed(texts)


def run_import(folder: Path, data: Path, model: Embedder) -> Cost:
    settings = Settings.model_validate({"storage": {"data_dir": data}})
    with Store(settings.storage.database) as store:
        jobs = ImportJobs(store, lambda: model, settings, AlwaysOpen())
        jobs.start()
        clock = Clock()
        job = jobs.wait(jobs.submit([str(folder)]).id, 3600)
        cost = clock.read()
        jobs.stop()
        if job.failed or not job.done:
            raise SystemExit(f"import: {job}")
    return cost


def run_embedding(texts: list[str], model: Embedder, batch: int) -> Cost:
    """Embed in batches, as fast as the model takes them."""
    texts = sorted(texts, key=len)
    clock = Clock()
    for start in range(0, len(texts), batch):
        model.embed(texts[start : start + batch])
    return clock.read()


def main() -> int:
    parser = argparse.ArgumentParser(description="Import against pure embedding.")
    parser.add_argument("--documents", type=int, default=20, help="documents a turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    model = embedder(options.threads)
    model.embed(["warm up"] * 8)
    batch = Settings().embedding.batch_size
    ratios: list[float] = []
    spreads: list[float] = []
    processor: list[float] = []
    for turn in range(options.turns):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "in"
            write_documents(folder, options.documents, turn)
            blank = Blank(model)
            run_import(folder, Path(scratch) / "blank", blank)
            before = run_embedding(blank.texts, model, batch)
            counted = Counted(model)
            imported = run_import(folder, Path(scratch) / "data", counted)
            after = run_embedding(blank.texts, model, batch)
        if sorted(counted.texts) != sorted(blank.texts):
            raise SystemExit("the import embedded other texts than were embedded alone")
        pure = (before.wall_s + after.wall_s) / 2
        ratios.append(imported.wall_s / pure)
        spreads.append(abs(before.wall_s - after.wall_s) / pure)
        processor.append(2 * imported.processor_s / (before.processor_s + after.processor_s))
        print(
            f"turn {turn}: {len(blank.texts)} chunks, embedding {before.wall_s:.2f} s, import "
            f"{imported.wall_s:.2f} s, embedding {after.wall_s:.2f} s, ratio {ratios[-1]:.3f}"
        )
    ratio, noise = median(ratios), median(spreads)
    print(f"import / embedding  {ratio:.3f}   <= 1.15   (processor time {median(processor):.3f})")
    print(f"the same embedding done twice differs by {100 * noise:.1f} %")
    if ratio < 1 or noise > 0.1:
        print("the machine was not quiet: no import takes less time than its own embedding")
    return 0 if ratio <= 1.15 else 1


if __name__ == "__main__":
    sys.exit(main())
