"""From a question to passages."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, replace
from typing import TypeVar

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Embedder, Passage, SearchMode
from local_rag.index import Store

MAX_QUESTION_CHARS = 8_000
# Some chunk is always the best match of the words, however bad; a vote by rank alone would let
# "the" and "house" outvote the meaning. Squared, a chunk with half of what the words can give
# counts a quarter (bench/quality.py --tune compares powers).
WORD_POWER = 2.0


@dataclass(slots=True)
class Searcher:
    """Vector search and keyword search, and the two fused. Thread-safe.

    Without an embedder only keyword search works, and hybrid search is keyword search.
    `word_power` 0 makes the ranks alone count.
    """

    store: Store
    embedder: Embedder | None
    _: KW_ONLY
    candidates: int = 50
    rrf_k: int = 60
    word_power: float = WORD_POWER

    def search(self, question: str, k: int = 8, mode: SearchMode = "hybrid") -> list[Passage]:
        """Return up to k passages, best first.

        `score` is the fused score scaled to at most 1 in hybrid mode, the cosine in vector mode
        and 1/rank in keyword mode; `vector_score` is the cosine wherever an embedder is there.
        Raises InvalidInput for an empty or overlong question, or vector mode without a model.
        """
        text = _checked(question)
        if k < 1:
            raise InvalidInput("k must be at least 1")
        depth = max(self.candidates, k)
        if mode == "vector" and self.embedder is None:
            raise InvalidInput(
                "vector search needs an embedding model", hint="local-rag models list"
            )
        # SQLite and llama.cpp let other threads run, so words are looked up meanwhile.
        with ThreadPoolExecutor(1, thread_name_prefix="keywords") as pool:
            look = self.store.keywords.scored
            finding = None if mode == "vector" else pool.submit(look, text, depth)
            vector = None
            if self.embedder is not None and mode != "keyword":
                vector = self.embedder.embed([text])[0]
            near = [] if vector is None else self.store.search_vectors(vector, depth)
            words = [] if finding is None else finding.result()
        cosines = dict(near)
        ranks = {key: rank for rank, (key, _) in enumerate(words, start=1)}
        scores = self._scores(near, words, mode)
        chosen = [key for key, _ in scores[: k + _SPARE]]
        missing = [key for key in chosen if key not in cosines]
        if vector is not None and missing:
            cosines |= self.store.vectors.cosines(vector, missing)
        by_key = dict(scores)
        return [
            replace(
                passage,
                score=by_key[passage.chunk_id],
                vector_score=cosines.get(passage.chunk_id),
                keyword_rank=ranks.get(passage.chunk_id),
            )
            for passage in self.store.passages(chosen)
        ][:k]

    def _scores(
        self, near: list[tuple[int, float]], words: list[tuple[int, float]], mode: SearchMode
    ) -> list[tuple[int, float]]:
        if mode == "vector":
            return near
        keys = [key for key, _ in words]
        if mode == "keyword" or self.embedder is None:
            return [(key, 1 / rank) for rank, key in enumerate(keys, start=1)]
        strength = {key: share**self.word_power for key, share in words}
        fused = reciprocal_rank_fusion(
            [[key for key, _ in near], keys], k=self.rrf_k, weights=[1.0, strength]
        )
        best = 2 / (self.rrf_k + 1)
        return [(key, score / best) for key, score in fused]


# A document deleted between search and reading must not cost a place.
_SPARE = 4


def _checked(question: str) -> str:
    text = " ".join(question.replace("\x00", " ").split())
    if not text:
        raise InvalidInput("the question is empty")
    if len(text) > MAX_QUESTION_CHARS:
        raise InvalidInput(f"the question is longer than {MAX_QUESTION_CHARS} characters")
    return text.encode("utf-8", errors="replace").decode("utf-8")


Key = TypeVar("Key", bound=Hashable)


def reciprocal_rank_fusion(
    rankings: Iterable[Sequence[Key]],
    *,
    k: int = 60,
    weights: Sequence[float | Mapping[Key, float]] | None = None,
) -> list[tuple[Key, float]]:
    """Return keys with the sum of weight / (k + rank) over all rankings, best first.

    Ranks count from 1; a key given twice in one ranking counts once, at its best rank. Each
    ranking has a weight of 1, or the one given for it, or one for each of its keys. Among equal
    sums the key that came first in the earliest ranking wins. Raises ValueError unless k >= 1.
    """
    if k < 1:
        raise ValueError("k must be at least 1")
    scores: dict[Key, float] = {}
    for index, ranking in enumerate(rankings):
        weight = weights[index] if weights else 1.0
        for rank, key in enumerate(dict.fromkeys(ranking), start=1):
            share = weight.get(key, 0.0) if isinstance(weight, Mapping) else weight
            scores[key] = scores.get(key, 0.0) + share / (k + rank)
    # sorted() is stable and dicts keep their order, so ties need no second key.
    return sorted(scores.items(), key=lambda item: -item[1])
