"""Lines that are repeated."""

from debwright.checks.engine.session import condensed


def test_what_differs_in_numbers_alone_is_told_once() -> None:
    asked = [f'[23/Nov/2026 23:14:{s}] "GET /health HTTP/1.1" 503 -' for s in range(10, 40)]
    said = ["loading the index", "the index is not there", *asked, "stopping"]
    assert condensed(said) == [
        "loading the index", "the index is not there", "(29 lines like the next)", asked[-1],
        "stopping",
    ]  # fmt: skip


def test_two_alike_are_told_both() -> None:
    assert condensed(["worker 1 up", "worker 2 up", "ready"]) == [
        "worker 1 up", "worker 2 up", "ready",
    ]  # fmt: skip
    assert condensed([]) == []
