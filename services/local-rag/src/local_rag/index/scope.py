"""A part of the index, searched as the whole is: the chunks of some collections."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from local_rag.core.types import Passage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from local_rag.index import Store
    from local_rag.index.vectors import VectorIndex

# So many are compared one by one, exactly, in about 60 ms on a small machine; of larger parts the
# nearest of the whole index are taken, and what is not of the part is dropped.
EXACT = 20_000
_DEEP = 4_000


class Scope:
    """What a searcher needs of an index, within some chunks. Thread-safe."""

    def __init__(self, store: "Store", chunks: Sequence[int]) -> None:
        self._store = store
        self._chunks = list(chunks)
        self._members = frozenset(chunks)

    @property
    def keywords(self) -> "Scope":
        """The search by words."""
        return self

    @property
    def vectors(self) -> "VectorIndex":
        """The vectors; those who ask for some name them."""
        return self._store.vectors

    def scored(self, text: str, k: int) -> list[tuple[int, float]]:
        """Return up to k (chunk id, strength), best first; the words weigh as in the whole."""
        found = self._store.keywords.scored(text, max(k, _DEEP))
        return [pair for pair in found if pair[0] in self._members][:k]

    def search_vectors(self, query: "NDArray[np.float32]", k: int) -> list[tuple[int, float]]:
        """Return up to k (chunk id, cosine), nearest first."""
        if len(self._chunks) <= EXACT:
            near = list(self._store.vectors.cosines(query, self._chunks).items())
            near.sort(key=lambda pair: -pair[1])
        else:
            near = self._store.search_vectors(query, max(k, _DEEP))
        return [pair for pair in near if pair[0] in self._members][:k]

    def passages(self, ids: Sequence[int]) -> list[Passage]:
        """Return passages in the order of the ids, without scores."""
        return self._store.passages(ids)
