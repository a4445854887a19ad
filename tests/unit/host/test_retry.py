"""What is tried again, with which pauses, and when it is given up."""

import pytest

from debwright.host import process
from debwright.host.retry import RetryPolicy, Unreachable
from debwright.model.errors import DebwrightError, MissingError


class World:
    """A clock that only sleeping moves, and an action that fails some times."""

    def __init__(self, *failures: DebwrightError) -> None:
        self.failures, self.now, self.calls = list(failures), 0.0, 0
        self.pauses: list[float] = []
        self.notes: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def action(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def run(self, policy: RetryPolicy) -> str:
        return policy.run(
            self.action, note=self.notes.append, sleep=self.sleep, clock=lambda: self.now
        )


def failures(number: int, after: float | None = None) -> list[Unreachable]:
    return [Unreachable(f"failure {n}", retry_after=after) for n in range(1, number + 1)]


def test_pauses_grow_up_to_the_longest() -> None:
    world = World(*failures(5))
    policy = RetryPolicy(attempts=6, first_pause=1, factor=3, longest_pause=10)
    assert world.run(policy) == "done"
    assert world.pauses == [1, 3, 9, 10, 10]
    assert world.notes[0] == "failure 1; attempt 2 of 6 in 1 s"


def test_the_error_of_the_last_attempt_is_raised() -> None:
    world = World(*failures(9))
    with pytest.raises(Unreachable, match="failure 3"):
        world.run(RetryPolicy(attempts=3))
    assert world.calls == 3


@pytest.mark.parametrize("error", [MissingError("the disk is full"), DebwrightError("refused")])
def test_other_errors_are_final(error: DebwrightError) -> None:
    world = World(error)
    with pytest.raises(type(error)):
        world.run(RetryPolicy())
    assert world.calls == 1


def test_a_server_that_names_a_time_gets_it() -> None:
    world = World(*failures(2, after=7))
    assert world.run(RetryPolicy(first_pause=1)) == "done"
    assert world.pauses == [7, 7]


def test_a_server_that_wants_more_patience_than_there_is_gets_none() -> None:
    world = World(*failures(1, after=61))
    with pytest.raises(Unreachable):
        world.run(RetryPolicy(longest_pause=60))
    assert world.pauses == []


def test_all_attempts_together_have_a_time_limit() -> None:
    world = World(*failures(20))
    with pytest.raises(Unreachable, match="failure 4"):
        world.run(RetryPolicy(attempts=20, first_pause=10, factor=1, seconds=35))
    assert world.now <= 35


def test_the_pause_ends_when_debwright_is_asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    stopping = threading.Event()
    stopping.set()
    monkeypatch.setattr(process, "_stopping", stopping)
    world = World(*failures(1))
    with pytest.raises(process.Interrupted):
        RetryPolicy(first_pause=60).run(world.action)
