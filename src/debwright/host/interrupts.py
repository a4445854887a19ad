"""What a signal that asks debwright to stop does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from debwright.host import process, signals


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
    if not signals.holds_back():
        raise KeyboardInterrupt
