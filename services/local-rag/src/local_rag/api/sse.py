"""Server-sent events from an iterator that blocks in a thread.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, Future
from threading import Event
from typing import Any

# On a small machine the first token can take longer than a proxy's patience.
HEARTBEAT_S = 10.0

Named = tuple[str, dict[str, Any]]


def encode(name: str, data: dict[str, Any]) -> bytes:
    """Return one event in its wire form."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode("utf-8", "backslashreplace")


async def pump(
    start: Callable[[], Iterator[Named]],
    stop: Event,
    executor: Executor,
    *,
    heartbeat_s: float = HEARTBEAT_S,
) -> AsyncIterator[bytes]:
    """Run a blocking iterator in `executor` and yield its events as they come.

    `start` is called in the thread; it reports its own errors as events. When the client goes
    away, `stop` is set and the thread ends by itself at its next step.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def post(item: bytes | None) -> None:
        # The loop may be closed already while the service is being stopped.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def work() -> None:
        try:
            for name, data in start():
                post(encode(name, data))
                if stop.is_set():
                    break
        finally:
            post(None)

    future: Future[None] = executor.submit(work)
    try:
        while True:
            try:
                item = await asyncio.wait_for(queue.get(), heartbeat_s)
            except asyncio.TimeoutError:
                yield b": waiting\n\n"
                continue
            if item is None:
                break
            yield item
    finally:
        stop.set()
        future.cancel()
