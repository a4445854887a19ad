"""Retrieval and answers on public sets that nobody here wrote.

Run: python bench/sets.py --sets DIRECTORY [--languages en,de] [--parts retrieval,names,answers]

The directory ($LOCAL_RAG_BENCH_SETS) holds `xquad_LANGUAGE.json` (`ps` paragraphs, `qs` lists of
question, number of its paragraph, answer; google-deepmind/xquad, CC BY-SA 4.0) and `cran.json`
(`docs`, `qs`, `qrel`: the Cranfield collection). Nothing of it is kept here. `--cache FILE` keeps
vectors between runs, `--questions N` takes a seeded choice. What is measured:

- retrieval: MRR@10 by paragraph or document of hybrid, vector and keyword search, no cut-off;
- names: words with a capital that stand in one paragraph alone, asked for by themselves;
- answers: half of the paragraphs are in the index. How many questions about the other half are
  answered as fact, and how often the first sentence quoted holds the answer of the others.
"""

import argparse
import hashlib
import json
import os
import random
import re
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local_rag.ask.answer import Answerer
from local_rag.config.settings import ChunkingSettings, Settings
from local_rag.core.types import Chunk, Embedder, Passage, SearchMode, Section
from local_rag.index import Incoming, SourceFacts, Store
from local_rag.index.search import Searcher
from local_rag.run.evidence import LiveEvidence
from local_rag.text.chunking import chunk_sections, embedding_text
from local_rag.text.hashing import content_hash, embedding_hash
from models import embedder

MODES: tuple[SearchMode, ...] = ("hybrid", "vector", "keyword")
DEPTH = 10
SEED = 7
Floats = NDArray[np.float32]


class Cached:
    """An embedding model that looks into a file first."""

    def __init__(self, model: Embedder, file: Path | None) -> None:
        self._model = model
        self.model_id, self.dimensions = model.model_id, model.dimensions
        self.max_tokens = model.max_tokens
        self._db = sqlite3.connect(file or ":memory:", check_same_thread=False)
        self._db.execute("CREATE TABLE IF NOT EXISTS v (k BLOB PRIMARY KEY, v BLOB)")

    def count_tokens(self, text: str) -> int:
        return self._model.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Floats:
        return self._look("p", texts, self._model.embed)

    def embed_questions(self, texts: Sequence[str]) -> Floats:
        return self._look("q", texts, self._model.embed_questions)

    def _look(self, kind: str, texts: Sequence[str], embed: Callable[..., Floats]) -> Floats:
        keys = [
            hashlib.blake2b(f"{self.model_id}\0{kind}\0{text}".encode(), digest_size=16).digest()
            for text in texts
        ]
        known = {
            key: row[0]
            for key in set(keys)
            if (row := self._db.execute("SELECT v FROM v WHERE k=?", (key,)).fetchone())
        }
        missing = [index for index, key in enumerate(keys) if key not in known]
        for begin in range(0, len(missing), 32):
            part = missing[begin : begin + 32]
            vectors = embed([texts[index] for index in part])
            for index, vector in zip(part, vectors, strict=True):
                known[keys[index]] = vector.astype("<f4").tobytes()
                row = (keys[index], known[keys[index]])
                self._db.execute("INSERT OR REPLACE INTO v VALUES (?,?)", row)
            self._db.commit()
        return np.stack([np.frombuffer(known[key], "<f4") for key in keys])


@dataclass(frozen=True)
class Asked:
    """A question, the documents that answer it (by name), and the words of the answer."""

    text: str
    documents: frozenset[str]
    answer: str = ""


@dataclass(frozen=True)
class Collection:
    """Documents by name (title, text), and the questions about them."""

    name: str
    documents: dict[str, tuple[str, str]]
    questions: list[Asked]


def xquad(folder: Path, language: str, count: int | None) -> Collection:
    data = json.loads((folder / f"xquad_{language}.json").read_text(encoding="utf-8"))
    rows = data["qs"]
    if count is not None and count < len(rows):
        rows = [rows[i] for i in sorted(random.Random(SEED).sample(range(len(rows)), count))]
    return Collection(
        name=f"xquad {language}",
        documents={str(i): ("", text) for i, text in enumerate(data["ps"])},
        questions=[Asked(q, frozenset({str(p)}), answer) for q, p, answer in rows],
    )


def cranfield(folder: Path) -> Collection:
    data = json.loads((folder / "cran.json").read_text(encoding="utf-8"))
    relevant = {
        number: frozenset(name for name, grade in found.items() if grade > 0)
        for number, found in data["qrel"].items()
    }
    return Collection(
        name="cranfield",
        documents={name: (title, text) for name, (title, text) in data["docs"].items() if text},
        questions=[Asked(text, relevant[number]) for number, text in data["qs"]],
    )


def fill(store: Store, model: Embedder, documents: dict[str, tuple[str, str]]) -> None:
    sizes = ChunkingSettings()
    for name, (title, text) in documents.items():
        sections = (Section(text=text),)
        chunks: list[Chunk] = chunk_sections(
            sections, model, max_tokens=sizes.max_tokens, overlap_tokens=sizes.overlap_tokens,
            title=title,
        )  # fmt: skip
        texts = [embedding_text(title, chunk) for chunk in chunks]
        digest = content_hash(f"{name}\n{text}")
        store.documents.put(
            Incoming(
                source=SourceFacts(uri=name, source_hash=digest, size=len(text), metadata={}),
                title=title,
                media_type="text/plain",
                metadata={},
                content_hash=digest,
                sections=sections,
                chunks=chunks,
                embedding_hashes=[embedding_hash(text) for text in texts],
                vectors=model.embed(texts),
                embedder_id=model.model_id,
            )
        )


def place(asked: Asked, passages: Sequence[Passage]) -> int | None:
    names = list(dict.fromkeys(passage.uri for passage in passages))[:DEPTH]
    return next((i for i, name in enumerate(names, start=1) if name in asked.documents), None)


def retrieval(store: Store, model: Embedder, sets: Collection) -> None:
    searcher = Searcher(store, model)
    cells = []
    for mode in MODES:
        places = [place(q, searcher.search(q.text, 3 * DEPTH, mode)) for q in sets.questions]
        mrr = sum(1 / p for p in places if p) / len(places)
        cells.append(f"{mode} {mrr:.3f} (first {sum(p == 1 for p in places) / len(places):.3f})")
    print(f"{sets.name}: MRR@10 of {len(sets.questions)} questions: {', '.join(cells)}", flush=True)


def names(store: Store, model: Embedder, sets: Collection) -> None:
    """Ask for words with a capital that stand in one document alone."""
    seen: dict[str, set[str]] = {}
    for name, (_, text) in sets.documents.items():
        for word in set(re.findall(r"(?<=[\w,;] )[A-ZÄÖÜÀ-ÝА-ЯΑ-Ω][\w]{3,}", text)):
            seen.setdefault(word, set()).add(name)
        for word in set(re.findall(r"\w+", text)):
            if word in seen:
                seen[word].add(name)
    every = {name: text.casefold() for name, (_, text) in sets.documents.items()}
    rare = [
        (word, next(iter(found)))
        for word, found in sorted(seen.items())
        if len(found) == 1 and sum(word.casefold() in text for text in every.values()) == 1
    ]
    chosen = random.Random(SEED).sample(rare, min(100, len(rare)))
    if not chosen:
        return
    answerer = answerer_of(store, model)
    shown = first = denied = 0
    for word, name in chosen:
        answer = answerer.answer(f"{word}?")
        uris = [passage.uri for passage in answer.passages]
        shown += name in uris
        first += uris[:1] == [name]
        denied += answer.mode == "not-found"
    count = len(chosen)
    print(
        f"{sets.name}: {count} rare names: found {shown / count:.3f}, first {first / count:.3f}, "
        f"said not to be there {denied}",
        flush=True,
    )


class Open:
    def may_generate(self) -> tuple[bool, str | None]:
        return True, None


def answerer_of(store: Store, model: Embedder) -> Answerer:
    return Answerer(
        Searcher(store, model), lambda: None, Settings(), Open(),
        evidence=LiveEvidence(lambda: store, lambda: model),
    )  # fmt: skip


def answers(store: Store, model: Embedder, sets: Collection) -> None:
    """Ask questions of which half have no answer in the index."""
    answerer = answerer_of(store, model)
    held = {document.uri for document in store.documents.list(limit=100_000)}
    modes: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    right = Counter[str]()
    for asked in sets.questions:
        answerable = bool(asked.documents & held)
        answer = answerer.answer(asked.text)
        modes[answerable][answer.mode] += 1
        if answerable and answer.quotes:
            quote = answer.quotes[0]
            key = answer.passages[quote.number - 1].text[quote.key_start : quote.key_end]
            right["sentence"] += asked.answer in key
            right["quote"] += asked.answer in quote.text
            right["fact"] += asked.answer in quote.text and answer.mode == "extracted"
            right["cited"] += quote.text in answer.passages[quote.number - 1].text
    there, gone = modes[True].total(), modes[False].total()
    print(
        f"{sets.name}: {gone} questions without an answer: told as fact "
        f"{modes[False]['extracted'] / gone:.3f} {dict(modes[False])}\n"
        f"{sets.name}: {there} with one: the first quote holds it {right['quote'] / there:.3f} "
        f"(its first sentence {right['sentence'] / there:.3f}), told as fact and right "
        f"{right['fact'] / there:.3f}; cited where it stands {right['cited']} {dict(modes[True])}",
        flush=True,
    )


PARTS: dict[str, Callable[[Store, Embedder, Collection], None]] = {
    "retrieval": retrieval, "names": names, "answers": answers,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="Retrieval and answers on public sets.")
    parser.add_argument("--sets", type=Path, default=os.environ.get("LOCAL_RAG_BENCH_SETS"))
    parser.add_argument("--languages", default="en,de,zh")
    parser.add_argument("--cranfield", action="store_true")
    parser.add_argument("--parts", default=",".join(PARTS), help="of cranfield, retrieval only")
    parser.add_argument("--questions", type=int)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    if options.sets is None:
        parser.error("--sets or $LOCAL_RAG_BENCH_SETS must name the directory of the sets")
    model = Cached(embedder(), options.cache)
    chosen = [
        xquad(options.sets, language, options.questions)
        for language in options.languages.split(",")
        if language
    ]
    for sets in [*chosen, *([cranfield(options.sets)] if options.cranfield else [])]:
        for part in options.parts.split(","):
            measure(part, model, sets)
    return 0


def halved(documents: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return a seeded half of the documents: neighbours of what is asked for stay."""
    chosen = random.Random(SEED).sample(sorted(documents), len(documents) // 2)
    return {name: documents[name] for name in chosen}


def measure(part: str, model: Embedder, sets: Collection) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "index.sqlite3"
        with Store(path, embedder_id=model.model_id, dimensions=model.dimensions) as store:
            fill(store, model, halved(sets.documents) if part == "answers" else sets.documents)
            PARTS[part](store, model, sets)


if __name__ == "__main__":
    sys.exit(main())
