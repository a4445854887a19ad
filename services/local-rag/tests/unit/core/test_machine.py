"""Small facts about the machine."""

import os

import pytest

from local_rag.core.process import usable_cpus


def test_only_processors_that_may_be_used_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert usable_cpus() == 1


@pytest.mark.parametrize(("known", "expected"), [(6, 6), (None, 1)])
def test_a_machine_that_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, known: int | None, expected: int
) -> None:
    def refuse(_: int) -> set[int]:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_getaffinity", refuse)
    monkeypatch.setattr(os, "cpu_count", lambda: known)
    assert usable_cpus() == expected
