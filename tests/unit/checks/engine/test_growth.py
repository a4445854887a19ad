"""Memory that grows: what leaks, what loads, and what is noise."""

from collections.abc import Iterable

import pytest

from debwright.checks.engine.growth import Look, leaks

MB = 1_000_000


def looks(used: Iterable[float]) -> list[Look]:
    return [Look(float(at), int(mb * MB)) for at, mb in enumerate(used, start=2)]


@pytest.mark.parametrize(
    "used",
    [[10 + n for n in range(12)], [100 + 8 * n for n in range(12)],
     [20, 20, 24, 24, 28, 28, 32, 32, 36, 36]],
)  # fmt: skip
def test_a_leak_goes_on_at_its_pace(used: list[float]) -> None:
    assert leaks(looks(used))


@pytest.mark.parametrize(
    "used",
    [
        [20] * 12,
        [20, 40, 60, 80, 90, 95, 97, 98, 98, 98, 98],
        [20 + 5 * n for n in range(8)] + [60] * 8,
        [1 + 0.1 * n for n in range(12)],
        [20, 22, 24, 26],
        [100 + n for n in range(12)],
        [20, 30, 20, 30, 20, 30, 20, 30, 20, 30, 20],
        [],
    ],
)
def test_what_loads_and_what_is_noise(used: list[float]) -> None:
    assert not leaks(looks(used))
