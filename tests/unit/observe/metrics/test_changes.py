"""Change points on series whose changes are known."""

import math
import random
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.observe.metrics.changes import change_points


def noisy(level: float, count: int, random_: random.Random, spread: float = 0.08) -> list[float]:
    """Build times: skewed to the right, with a straggler now and then."""
    made = []
    for _ in range(count):
        value = level * math.exp(random_.gauss(0, spread))
        made.append(value * random_.uniform(2, 5) if random_.random() < 0.03 else value)
    return made


def test_a_step_is_found_where_it_is() -> None:
    off = []
    for seed in range(40):
        random_ = random.Random(seed)
        series = noisy(60, 70, random_) + noisy(80, 50, random_)
        (change,) = change_points(series)
        off.append(abs(change.index - 70))
        assert 0.2 < change.growth < 0.5
    assert statistics.median(off) <= 1
    assert max(off) <= 6


def test_noise_has_no_changes() -> None:
    """At most a few of 400 series: the level of significance is 0.5 %."""
    alarms = 0
    for seed in range(400):
        random_ = random.Random(1000 + seed)
        alarms += bool(change_points(noisy(60, random_.choice([15, 40, 120, 300]), random_)))
    assert alarms <= 8


def wandering(count: int, random_: random.Random) -> list[float]:
    """Of machines with good and bad hours: each build is like the one before it."""
    made, away = [], 0.0
    for _ in range(count):
        away = 0.6 * away + random_.gauss(0, 0.06)
        made.append(60 * math.exp(away))
    return made


def cycling(count: int, random_: random.Random) -> list[float]:
    """An hour's builds each, slower by day than by night."""
    return [
        60 * (1 + 0.15 * math.sin(2 * math.pi * n / 24)) * math.exp(random_.gauss(0, 0.05))
        for n in range(count)
    ]


def rounded(count: int, random_: random.Random) -> list[float]:
    return [round(3 * math.exp(random_.gauss(0, 0.15))) for _ in range(count)]


def straggling(count: int, random_: random.Random) -> list[float]:
    return [60 * (1 + 0.1 * random_.paretovariate(1.5)) for _ in range(count)]


@pytest.mark.parametrize("noise", [wandering, cycling, rounded, straggling])
def test_noise_of_other_kinds_has_no_changes(
    noise: Callable[[int, random.Random], list[float]],
) -> None:
    """At most a few of 60; a third to nine tenths of them had some once."""
    alarms = sum(bool(change_points(noise(200, random.Random(seed)))) for seed in range(60))
    assert alarms <= 4


@pytest.mark.parametrize("noise", [wandering, cycling, rounded, straggling])
def test_a_step_is_found_in_noise_of_other_kinds(
    noise: Callable[[int, random.Random], list[float]],
) -> None:
    found = 0
    for seed in range(30):
        random_ = random.Random(seed)
        series = noise(100, random_) + [1.4 * v for v in noise(100, random_)]
        found += any(abs(c.index - 100) <= 10 for c in change_points(series))
    assert found >= 27


def test_a_change_that_was_taken_back_is_found() -> None:
    found = 0
    for seed in range(30):
        random_ = random.Random(seed)
        series = noisy(60, 100, random_) + noisy(85, 16, random_) + noisy(60, 100, random_)
        places = [c.index for c in change_points(series)]
        found += len(places) == 2 and abs(places[0] - 100) <= 4 and abs(places[1] - 116) <= 4
    assert found >= 27


def test_a_recent_change_needs_few_builds() -> None:
    found = 0
    for seed in range(30):
        random_ = random.Random(seed)
        series = noisy(60, 100, random_) + noisy(95, 9, random_)
        found += any(abs(c.index - 100) <= 3 for c in change_points(series))
    assert found >= 27


def test_outliers_are_no_changes() -> None:
    random_ = random.Random(5)
    series = noisy(60, 100, random_, spread=0.05)
    for index in (20, 21, 55, 80):
        series[index] = 600
    assert change_points(series) == []


def test_small_changes_are_of_no_interest() -> None:
    random_ = random.Random(1)
    series = [100 + random_.gauss(0, 0.2) for _ in range(60)]
    series += [102 + random_.gauss(0, 0.2) for _ in range(60)]
    assert change_points(series) == []
    assert len(change_points(series, relevant=0.01)) == 1


def test_many_steps() -> None:
    random_ = random.Random(2)
    levels = (60, 75, 50, 90, 60)
    series = [v for level in levels for v in noisy(level, 40, random_)]
    places = [c.index for c in change_points(series)]
    assert len(places) == 4
    assert all(abs(p - 40 * (n + 1)) <= 4 for n, p in enumerate(places))


@given(st.lists(st.floats(0, 1e6), max_size=80))
def test_any_series_is_taken(values: list[float]) -> None:
    places = [c.index for c in change_points(values)]
    assert places == sorted(set(places))
    assert all(0 < p < len(values) for p in places)


@given(st.floats(0.1, 1e6), st.integers(0, 200))
def test_a_constant_has_none(value: float, count: int) -> None:
    assert change_points([value] * count) == []


@given(st.integers(0, 50), st.floats(0.1, 100))
def test_the_unit_does_not_matter(seed: int, unit: float) -> None:
    random_ = random.Random(seed)
    series = noisy(60, 30, random_) + noisy(90, 30, random_)
    scaled = [v * unit for v in series]
    assert [c.index for c in change_points(series)] == [c.index for c in change_points(scaled)]
