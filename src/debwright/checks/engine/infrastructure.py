"""Faults of the place a package is checked in, as distinct from the package's own.

A system that does not boot, a program that is missing, or a probe that cannot be run says nothing
about the package. Each is tried once more, and named for what it is when that fails, too.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from debwright.checks.engine.probes import ProbeError
from debwright.checks.engine.session import Session
from debwright.host import usage
from debwright.model.codes import ERROR, INFRASTRUCTURE, Code, Codes
from debwright.model.errors import DebwrightError, MissingError
from debwright.roots.apt import MirrorError
from debwright.systems.base import BootError

T = TypeVar("T")

NOT_THE_PACKAGE = "the system to check on failed, which says nothing about the package"
CODES = Codes(
    {
        "infrastructure/mirror": Code(ERROR, "The archive could not be read."),
        "infrastructure/sandbox": Code(ERROR, "The system to check on failed."),
    }
)


def is_infrastructure(problem: DebwrightError) -> bool:
    """Whether it is the sandbox or the machine that has failed."""
    return isinstance(problem, BootError | MissingError | ProbeError)


def infrastructure_code(problem: DebwrightError) -> str:
    """The code of the finding: which part of the surroundings has failed."""
    return f"{INFRASTRUCTURE}/{'mirror' if isinstance(problem, MirrorError) else 'sandbox'}"


def open_session(
    opening: Callable[[ExitStack], Session], stack: ExitStack, say: Callable[[str], None]
) -> tuple[Session, tuple[str, ...]]:
    """Open a session, once more when its system fails; with notes on what failed at first.

    What a failed attempt has left is ended and removed before the second one begins.
    """
    try:
        return _attempt(opening, stack), ()
    except DebwrightError as problem:
        if not is_infrastructure(problem):
            raise
        say(f"{problem.what}; a second attempt")
        usage.retried()
        session = _attempt(opening, stack)
        return session, (f"the system came up at the second attempt only: {problem.what}",)


def _attempt(opening: Callable[[ExitStack], Session], stack: ExitStack) -> Session:
    with ExitStack() as attempt:
        session = opening(attempt)
        stack.push(attempt.pop_all())
        return session
