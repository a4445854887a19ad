"""Trying again what failed for a while only: how often, with which pauses, and for how long."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from debwright.host import process, usage
from debwright.model.errors import DebwrightError, MissingError

T = TypeVar("T")


class Unreachable(MissingError):
    """A server did not answer, or asked for patience: worth another attempt."""

    def __init__(self, what: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(what, **rest)
        self.retry_after = retry_after
        """Seconds that the server wants us to wait."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Attempts with growing pauses between them, and a limit on the time of all together."""

    attempts: int = 4
    first_pause: float = 0.5
    factor: float = 2.0
    longest_pause: float = 60.0
    """A server that asks for more patience than this is not waited for."""
    seconds: float = 1800.0
    """No attempt begins, and no transfer goes on, later than this after the first one began."""

    def run(
        self,
        action: Callable[[], T],
        *,
        on: type[DebwrightError] | tuple[type[DebwrightError], ...] = Unreachable,
        note: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = process.pause,
        clock: Callable[[], float] = time.monotonic,
    ) -> T:
        """What `action` gives; it is done again after an error of the kinds `on`.

        The error of the last attempt is raised. An error may say in `retry_after` how long to wait.
        """
        end = clock() + self.seconds
        for attempt in range(1, self.attempts + 1):
            try:
                return action()
            except on as error:
                asked: float | None = getattr(error, "retry_after", None)
                pause = self.pause_before(attempt + 1) if asked is None else asked
                late = clock() + pause > end
                if attempt == self.attempts or pause > self.longest_pause or late:
                    raise
                usage.retried()
                note(f"{error.what}; attempt {attempt + 1} of {self.attempts} in {pause:g} s")
                sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def pause_before(self, attempt: int) -> float:
        """Seconds of the pause before attempt number `attempt`, where the server names none."""
        return min(self.first_pause * self.factor ** (attempt - 2), self.longest_pause)
