"""Stand-ins for unit tests: real arithmetic, no model."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+|[^\w\s]")


class WordTokens:
    """One token a word or mark, so that expectations can be counted by eye."""

    def count_tokens(self, text: str) -> int:
        return len(_WORD.findall(text))


class HashEmbedder(WordTokens):
    """A bag of hashed words: equal words give near vectors, so ranking can be reasoned about."""

    def __init__(self, dimensions: int = 64, model_id: str = "hash@0") -> None:
        self.dimensions = dimensions
        self.model_id = model_id
        self.max_tokens = 256
        self.embedded = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += len(texts)
        rows = np.stack([self._one(text) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def embed_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.embed(texts)

    def _one(self, text: str) -> NDArray[np.float32]:
        row = np.full(self.dimensions, 1e-3, dtype=np.float32)
        for word in _WORD.findall(text.lower()):
            row += _vector(word, self.dimensions)
        return row


@lru_cache(maxsize=100_000)
def _vector(word: str, dimensions: int) -> NDArray[np.float32]:
    digest = hashlib.blake2b(word.encode("utf-8"), digest_size=8).digest()
    dice = np.random.default_rng(int.from_bytes(digest, "big"))
    return dice.standard_normal(dimensions).astype(np.float32)


class OpenGate:
    """A machine that can always bear an import."""

    def may_import(self) -> tuple[bool, str | None]:
        return True, None
