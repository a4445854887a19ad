"""Words and meaning on one scale; strengths of words are from 0 to 1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.index.search import fuse

cosines = st.dictionaries(st.integers(0, 30), st.floats(-1, 1), max_size=15)
strengths = st.dictionaries(st.integers(0, 30), st.floats(0.01, 1), max_size=15)


def ranked(scores: dict[int, float]) -> list[tuple[int, float]]:
    return sorted(scores.items(), key=lambda item: -item[1])


def test_worked_example() -> None:
    near = [("a", 0.9), ("b", 0.8), ("c", 0.5)]
    fused = dict(fuse(near, [("b", 0.8), ("d", 0.4)], {"b": 0.8, "d": 0.4}))
    assert fused == pytest.approx({"a": 0.5, "b": 0.375 + 0.5, "c": 0.0, "d": 0.25})


@given(cosines, strengths)
def test_each_key_once_between_nothing_and_one(near: dict, words: dict) -> None:
    fused = fuse(ranked(near), ranked(words), near)
    assert {key for key, _ in fused} == {*near, *words}
    assert len(dict(fused)) == len(fused)
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


@given(strengths)
def test_words_alone_keep_their_order(words: dict) -> None:
    assert [key for key, _ in fuse([], ranked(words), {})] == [key for key, _ in ranked(words)]


@given(cosines)
def test_meaning_alone_keeps_its_order(near: dict) -> None:
    found = [near[key] for key, _ in fuse(ranked(near), [], near)]
    # What differs by less than a score can hold counts as equal.
    assert found == pytest.approx(sorted(near.values(), reverse=True), abs=1e-12)


def test_what_alone_holds_the_words_comes_first() -> None:
    near = [(number, 0.9 - number / 100) for number in range(20)]
    assert fuse(near, [(10, 0.6)], dict(near))[0][0] == 10


def test_by_how_much_the_first_is_ahead_counts() -> None:
    near = [("a", 0.9), ("b", 0.89), ("c", 0.1)]
    assert fuse(near, [("b", 0.9), ("a", 0.1)], dict(near))[0][0] == "b"
    assert fuse(near, [("b", 0.9), ("a", 0.899)], dict(near))[0][0] == "a"


def test_nothing_gives_nothing() -> None:
    assert fuse([], [], {}) == []


def test_one_passage_is_found_whole() -> None:
    assert fuse([("a", 0.2)], [("a", 1.0)], {"a": 0.2}) == [("a", 1.0)]


def test_words_that_say_little_do_not_outvote_the_meaning() -> None:
    near = [("a", 0.9), ("b", 0.6), ("c", 0.1)]
    assert fuse(near, [("b", 0.05)], dict(near))[0][0] == "a"
    assert fuse(near, [("b", 0.8)], dict(near))[0][0] == "b"
