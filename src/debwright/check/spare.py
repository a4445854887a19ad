"""A second booted system, where a core is free: what needs a clean one does not wait for the first.

An upgrade begins with the release before, and the minimum with nothing beside it: both want a
system from which the package is gone, and have nothing to do with what the others see.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from debwright import meter
from debwright.check.environment import Open
from debwright.check.infrastructure import open_session
from debwright.check.session import Session
from debwright.errors import DebwrightError
from debwright.results import CheckResult

Run = Callable[[Session], list[CheckResult]]

LINES = 50_000
"""Of the log that is kept until the first system's is written; dropped from its beginning."""


@dataclass
class _Done:
    """What the second system's checks gave, and what was logged meanwhile."""

    results: list[CheckResult] = field(default_factory=list)
    measured: dict[str, dict[str, float]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    problem: DebwrightError | None = None
    """Why there was no second system."""


class Spare:
    """The second system. Without `start` it does nothing."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._future: Future[_Done] | None = None

    def start(self, first: Session, opening: Open, run: Run) -> None:
        """Open a system beside that of `first`, and run checks on it."""
        measured = dict(first.measured)
        self._future = self._pool.submit(meter.carried(lambda: _work(opening, run, measured)))

    def finish(self, first: Session) -> dict[str, CheckResult]:
        """Wait for it: its results by name; what was measured is known to `first`, too.

        Nothing when there was no second system: the first one is there for its checks as well.
        """
        if self._future is None:
            return {}
        done, say = self._future.result(), first.context.log
        for line in done.lines[-LINES:]:
            say(line)
        if done.problem is not None:
            say(f"there was no second system: {done.problem.what}")
            return {}
        first.measured |= done.measured
        return {r.name: r for r in done.results}


@contextmanager
def spare_system() -> Iterator[Spare]:
    """A second system; when the block is left early, its end is waited for."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="spare") as pool:
        yield Spare(pool)


def _work(opening: Open, run: Run, measured: Mapping[str, dict[str, float]]) -> _Done:
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
        session.measured = dict(measured)
        done.results = run(session)
        done.measured = {r.name: r.measurements for r in done.results}
    return done
