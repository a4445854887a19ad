"""A second booted system, where a core is free: what needs a clean one does not wait for the first.

An upgrade begins with the release before, and the minimum with nothing next to it: both want a
system from which the package is gone, and have nothing to do with what the others see.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from debwright.checks.engine.infrastructure import open_session
from debwright.checks.engine.session import Session
from debwright.host import process, usage
from debwright.host.process import LineSink
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult

Run = Callable[[Session, "SecondSystem"], list[CheckResult]]
Measured = dict[str, dict[str, float]]

LINES = 2000
"""Of the log that is kept until the first system's is written; dropped from its beginning.

An upgrade says some three hundred; a script that never stops must not fill the memory.
"""
LOOK_SECONDS = 0.2


@dataclass
class _Done:
    """What the second system's checks gave, and what was logged meanwhile."""

    results: list[CheckResult] = field(default_factory=list)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    problem: DebwrightError | None = None
    """Why there was no second system."""


class SecondSystem:
    """The second system. Without `start` it does nothing."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._future: Future[_Done] | None = None
        self._service_seen = threading.Event()
        self._cancelled = threading.Event()
        self.measured: Measured = {}
        """Measurements of the checks on both systems."""

    def start(self, opening: Callable[[ExitStack], Session], run: Run) -> None:
        """Open a system and run checks on it, next to the first one."""
        self._future = self._pool.submit(usage.carried(lambda: self._work(opening, run)))

    def service_seen(self) -> None:
        """The first system's service has been looked at."""
        self._service_seen.set()

    def await_service(self) -> None:
        """On the second system: wait for `service_seen`, or `cancel`."""
        while not self._service_seen.wait(LOOK_SECONDS):
            process.go_on()

    def cancel(self) -> None:
        """What the second system's checks find no longer matters."""
        self._cancelled.set()
        self._service_seen.set()

    @property
    def cancelled(self) -> bool:
        """Whether no further check is worth its time."""
        return self._cancelled.is_set()

    def finish(self, say: LineSink) -> dict[str, CheckResult]:
        """Wait for it: its results by name; what it has logged goes to `say`.

        Nothing when there was no second system: the first one is there for its checks as well.
        """
        if self._future is None:
            return {}
        done = self._future.result()
        for line in done.lines:
            say(line)
        if done.problem is not None:
            say(f"there was no second system: {done.problem.what}")
            return {}
        return {r.name: r for r in done.results}

    def _work(self, opening: Callable[[ExitStack], Session], run: Run) -> _Done:
        done = _Done()
        with ExitStack() as stack:
            try:
                session, _ = open_session(opening, stack, done.lines.append)
                session.context = replace(
                    session.context, log=done.lines.append, activity=lambda _: None
                )
                session.apt(["update"], "reading the local repository")
            except DebwrightError as problem:
                done.problem = problem
                return done
            # The package has never come: the system is as one from which it is purged.
            session.gone = True
            session.measured = self.measured
            done.results = run(session, self)
        return done


@contextmanager
def second_system() -> Iterator[SecondSystem]:
    """A second system; when the block is left early, it is cancelled and its end waited for."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="second-system") as pool:
        second = SecondSystem(pool)
        try:
            yield second
        finally:
            second.cancel()
