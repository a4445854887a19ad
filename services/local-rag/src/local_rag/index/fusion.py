"""Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009)."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

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
