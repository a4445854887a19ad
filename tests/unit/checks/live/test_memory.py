"""When the memory of a service that has just started is looked at."""

from types import SimpleNamespace
from typing import Any

import pytest

from debwright.checks.engine import memory


def session(*looks: int | None) -> Any:
    values = iter(looks)
    return SimpleNamespace(
        unit=lambda _: {"ControlGroup": "/x"},
        system=SimpleNamespace(unit_memory=lambda _: next(values)),
    )


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "pause", lambda _: None)


def test_a_service_that_goes_on_loading_is_waited_for() -> None:
    """The release before had 73 MB at its first answer, the same package 157 MB a while later."""
    assert memory.settled(session(73, 115, 157, 158), "x.service") == 158


def test_one_that_never_settles_is_taken_as_it_is_in_the_end() -> None:
    looks = [2**n for n in range(memory.SETTLE_LOOKS)]
    assert memory.settled(session(*looks), "x.service") == looks[-1]


def test_a_system_that_cannot_tell_is_not_asked_again() -> None:
    assert memory.settled(session(None), "x.service") is None
