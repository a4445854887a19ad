"""Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009)."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def reciprocal_rank_fusion(
    rankings: Iterable[Sequence[Key]], *, k: int = 60, weights: Sequence[float] | None = None
) -> list[tuple[Key, float]]:
    """Return keys with the sum of weight / (k + rank) over all rankings, best first.

    Ranks count from 1; a key given twice in one ranking counts once, at its best rank. Among
    equal sums the key that came first in the earliest ranking wins. `k` must be positive.
    """
    if k < 1:
        raise ValueError("k must be at least 1")
    scores: dict[Key, float] = {}
    for index, ranking in enumerate(rankings):
        weight = weights[index] if weights else 1.0
        for rank, key in enumerate(dict.fromkeys(ranking), start=1):
            scores[key] = scores.get(key, 0.0) + weight / (k + rank)
    # sorted() is stable and dicts keep their order, so ties need no second key.
    return sorted(scores.items(), key=lambda item: -item[1])
