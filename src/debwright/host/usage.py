"""What a stage costs: processor time, memory, disk, downloads, layers, and second attempts.

The work of a stage is spread over many modules. Each tells the meter of the stage it runs in,
which travels with the thread as a context variable, so that no function between needs to know it.
"""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from debwright.model.results import Usage

T = TypeVar("T")

BLOCK = 512
"""Bytes of a block in getrusage(2)'s ru_oublock on Linux."""


@dataclass
class Meter:
    """The sums of one stage. Safe to use from several threads."""

    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    written_bytes: int = 0
    fetched_bytes: int = 0
    layers_found: int = 0
    layers_made: int = 0
    retries: int = 0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, peak_memory_bytes: int = 0, cpu_seconds: float = 0.0, **counts: int) -> None:
        with self._turn:
            self.cpu_seconds += cpu_seconds
            self.peak_memory_bytes = max(self.peak_memory_bytes, peak_memory_bytes)
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)

    def usage(self) -> "Usage":
        from debwright.model.results import Usage  # pydantic, which `debwright --help` does without

        return Usage(
            peak_memory_bytes=self.peak_memory_bytes or None,
            written_bytes=self.written_bytes,
            fetched_bytes=self.fetched_bytes,
            layers_found=self.layers_found,
            layers_made=self.layers_made,
            retries=self.retries,
        )


_current: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what this thread, and the commands it waits for, cost within the block."""
    meter = Meter()
    token = _current.set(meter)
    started = time.thread_time()
    try:
        yield meter
    finally:
        meter.add(cpu_seconds=time.thread_time() - started)
        _current.reset(token)


def carried(work: Callable[[], T]) -> Callable[[], T]:
    """`work` for another thread, and counted as this one's."""
    context = copy_context()

    def counted() -> T:
        started = time.thread_time()
        try:
            return work()
        finally:
            if (meter := _current.get()) is not None:
                meter.add(cpu_seconds=time.thread_time() - started)

    return lambda: context.run(counted)


def command(usage: resource.struct_rusage) -> None:
    """A command has ended; its usage, as wait4(2) tells it, has that of its own children in it."""
    if (meter := _current.get()) is not None:
        meter.add(
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_memory_bytes=usage.ru_maxrss * 1024,
            written_bytes=usage.ru_oublock * BLOCK,
        )


def booted(cpu_seconds: float, peak_memory_bytes: int) -> None:
    """A booted system has ended."""
    if (meter := _current.get()) is not None:
        meter.add(cpu_seconds=cpu_seconds, peak_memory_bytes=peak_memory_bytes)


def fetched(count: int) -> None:
    """So many bytes were downloaded."""
    if (meter := _current.get()) is not None:
        meter.add(fetched_bytes=count)


def layer(*, made: bool) -> None:
    """A layer was wanted: it was in the cache, or had to be made."""
    if (meter := _current.get()) is not None:
        meter.add(**{"layers_made" if made else "layers_found": 1})


def retried() -> None:
    """Something failed and is tried once more."""
    if (meter := _current.get()) is not None:
        meter.add(retries=1)
