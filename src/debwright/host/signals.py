"""Where a signal that asks debwright to stop has to wait.

Python runs a handler in the main thread between any two instructions ("Execution of Python signal
handlers" in the documentation of its module signal). Raised between the making of a directory and
the `try` that removes it, or between the start of a command and the one that ends it,
KeyboardInterrupt would leave them behind.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Held(threading.local):
    """Of each thread; only the main thread's is ever asked by the handler."""

    depth: int = 0
    asked: bool = False


_held = _Held()


def holds_back() -> bool:
    """Whether the main thread may not be disturbed now; for the handler, which it runs.

    KeyboardInterrupt is then raised later, by `undisturbed`.
    """
    if not _held.depth:
        return False
    _held.asked = True
    return True


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
