"""From a question to passages."""

from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, replace
from typing import TypeVar

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Embedder, Passage, SearchMode
from local_rag.index import Store
from local_rag.index.scope import Scope

MAX_QUESTION_CHARS = 8_000
# Words and meaning count alike; between 0.4 and 0.7 the sets of bench/sets.py hardly differ.
VECTOR_SHARE = 0.5
# With this share of what the words of a question could give, they are there (see KeywordIndex).
ENOUGH_WORDS = 0.5


@dataclass(slots=True)
class Searcher:
    """Vector search and keyword search, and the two fused. Thread-safe.

    Without an embedder only keyword search works, and hybrid search is keyword search.
    """

    store: Store | Scope
    embedder: Embedder | None
    _: KW_ONLY
    candidates: int = 50
    vector_share: float = VECTOR_SHARE
    enough_words: float = ENOUGH_WORDS

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
                vector = self.embedder.embed_questions([text])[0]
            near = [] if vector is None else self.store.search_vectors(vector, depth)
            words = [] if finding is None else finding.result()
        cosines = dict(near)
        if vector is not None:
            unknown = [key for key, _ in words if key not in cosines]
            cosines |= self.store.vectors.cosines(vector, unknown)
        ranks = {key: rank for rank, (key, _) in enumerate(words, start=1)}
        scores = self._scores(near, words, cosines, mode)
        by_key = dict(scores)
        return [
            replace(
                passage,
                score=by_key[passage.chunk_id],
                vector_score=cosines.get(passage.chunk_id),
                keyword_rank=ranks.get(passage.chunk_id),
            )
            for passage in self.store.passages([key for key, _ in scores[: k + _SPARE]])
        ][:k]

    def _scores(
        self,
        near: list[tuple[int, float]],
        words: list[tuple[int, float]],
        cosines: Mapping[int, float],
        mode: SearchMode,
    ) -> list[tuple[int, float]]:
        if mode == "vector":
            return near
        if mode == "keyword" or self.embedder is None:
            return [(key, 1 / rank) for rank, (key, _) in enumerate(words, start=1)]
        return fuse(near, words, cosines, share=self.vector_share, enough=self.enough_words)


# A document deleted between search and reading must not cost a place.
_SPARE = 4
Key = TypeVar("Key", bound=Hashable)


def _checked(question: str) -> str:
    text = " ".join(question.replace("\x00", " ").split())
    if not text:
        raise InvalidInput("the question is empty")
    if len(text) > MAX_QUESTION_CHARS:
        raise InvalidInput(f"the question is longer than {MAX_QUESTION_CHARS} characters")
    return text.encode("utf-8", errors="replace").decode("utf-8")


def fuse(
    near: Sequence[tuple[Key, float]],
    words: Sequence[tuple[Key, float]],
    cosines: Mapping[Key, float],
    *,
    share: float = VECTOR_SHARE,
    enough: float = ENOUGH_WORDS,
) -> list[tuple[Key, float]]:
    """Return the keys of both rankings with a score from 0 to 1, best first.

    Each ranking is put on one scale by its own best and worst ("relative score fusion"): cosines
    from the last one found to the first, words from nothing to the first, or to what is `enough`
    when no passage has that much of the question's words: some passage is always the best match
    of them, however bad. Ranks alone would throw away by how much the first is ahead.

    Cosines must be given for the keys of `words` too; a key without one counts as the last. Among
    equal scores the key that came first wins.
    """
    found = {**dict(near), **{key: cosines.get(key, -1.0) for key, _ in words}}
    last = min((value for _, value in near), default=0.0)
    span = max((value for _, value in near), default=0.0) - last
    strengths = dict(words)
    most = max(max(strengths.values(), default=0.0), enough)
    scores = {}
    for key, cosine in found.items():
        nearness = min(max((cosine - last) / span, 0.0), 1.0) if span > 0 else float(cosine >= last)
        strength = strengths.get(key, 0.0) / most
        scores[key] = share * nearness + (1 - share) * strength
    # sorted() is stable and dicts keep their order, so ties need no second key.
    return sorted(scores.items(), key=lambda item: -item[1])
