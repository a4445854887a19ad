"""What a signal that asks debwright to stop does, and where it has to wait.

Python runs a handler in the main thread between any two instructions (signal(7); the "signal"
module, "Execution of Python signal handlers"). Raised between the making of a directory and the
`try` that removes it, KeyboardInterrupt would leave the directory behind.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from debwright import process


class _Held(threading.local):
    """Of each thread; only the main thread's is ever asked by the handler."""

    depth: int = 0
    asked: bool = False


_held = _Held()


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGTERM into what Ctrl-C does: stop the commands, clean up, exit with 130."""
    previous = [signal.signal(s, _stop) for s in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), previous, strict=True):
            signal.signal(number, handler)


def _stop(_: int, __: FrameType | None) -> None:
    process.stop_all()
    if _held.depth:
        _held.asked = True
        return
    raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Iterator[None]:
    """A signal that comes in this block raises KeyboardInterrupt at its end.

    For the few steps that make something together with the promise to remove it, and for the
    removing. Commands that are running are stopped at once all the same.
    """
    _held.depth += 1
    try:
        yield
    finally:
        _held.depth -= 1
        if not _held.depth and _held.asked:
            _held.asked = False
            raise KeyboardInterrupt
