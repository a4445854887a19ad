"""Reciprocal rank fusion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.index.search import reciprocal_rank_fusion as fuse

rankings = st.lists(st.lists(st.integers(0, 30), max_size=15), max_size=4)


def test_worked_example() -> None:
    fused = dict(fuse([["a", "b"], ["b", "c"]], k=60))
    assert fused == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 62})
    assert [key for key, _ in fuse([["a", "b"], ["b", "c"]])] == ["b", "a", "c"]


@given(rankings, st.integers(1, 100))
def test_each_key_once_and_scores_fall(lists: list[list[int]], k: int) -> None:
    fused = fuse(lists, k=k)
    assert {key for key, _ in fused} == {key for ranking in lists for key in ranking}
    assert len({key for key, _ in fused}) == len(fused)
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)


@given(st.lists(st.integers(), unique=True), st.integers(1, 100))
def test_one_ranking_keeps_its_order(ranking: list[int], k: int) -> None:
    assert [key for key, _ in fuse([ranking], k=k)] == ranking


@given(rankings)
def test_the_order_of_rankings_changes_no_score(lists: list[list[int]]) -> None:
    assert dict(fuse(lists)) == pytest.approx(dict(fuse(list(reversed(lists)))))


@given(rankings, st.integers(0, 30))
def test_another_vote_never_lowers_a_key(lists: list[list[int]], key: int) -> None:
    before = dict(fuse(lists)).get(key, 0.0)
    assert dict(fuse([*lists, [key]]))[key] > before


def test_weights_count() -> None:
    assert fuse([["a"], ["b"]], weights=[1, 2])[0][0] == "b"


def test_keys_can_have_weights_of_their_own() -> None:
    fused = dict(fuse([["a", "b"], ["b", "c"]], k=1, weights=[1, {"b": 0.5}]))
    assert fused == pytest.approx({"a": 1 / 2, "b": 1 / 3 + 0.25, "c": 0.0})


def test_repeats_count_once() -> None:
    assert dict(fuse([["a", "a", "b"]], k=1)) == pytest.approx({"a": 1 / 2, "b": 1 / 3})


def test_nothing_gives_nothing() -> None:
    assert fuse([]) == []


def test_k_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fuse([["a"]], k=0)
