"""Requests over HTTP that end in time, whatever the other side does.

httpx knows limits for each read only: a server that sends a byte now and then, in its headers or
between two chunks, holds a request for ever. Here every wait is limited by what is left of the
whole request, and comes back soon to look whether debwright was asked to stop.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpcore

from debwright.host import process

if TYPE_CHECKING:
    import ssl

    import httpx

SLICE_SECONDS = 0.5
"""How long one wait lasts at most, before it is looked whether to go on."""
_END: ContextVar[float | None] = ContextVar("end of the request", default=None)


@contextmanager
def until(end: float) -> Iterator[None]:
    """Requests inside end by `end` of the monotonic clock, with a transport error."""
    token = _END.set(min(end, _END.get() or end))
    try:
        yield
    finally:
        _END.reset(token)


def limit(client: "httpx.Client") -> None:
    """Make the connections of `client`, by proxies too, look at the end."""
    # There is no public way to give httpx another backend and keep its proxies. A test notices
    # when these names change.
    transports: list[Any] = [client._transport, *client._mounts.values()]
    for pool in (t._pool for t in transports if t is not None):
        pool._network_backend = _Backend(pool._network_backend)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    """Seconds that a wait may last. Raises `error` when there are none."""
    end = _END.get()
    if end is None:
        return timeout
    left = end - time.monotonic()
    if left <= 0:
        raise error("the whole request takes too long")
    return left if timeout is None else min(left, timeout)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        seconds = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, seconds, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        process.pause(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        wait = None if timeout is None else time.monotonic() + timeout
        while True:
            process.go_on()
            left = None if wait is None else wait - time.monotonic()
            seconds = _left(left, httpcore.ReadTimeout)
            piece = SLICE_SECONDS if seconds is None else max(min(seconds, SLICE_SECONDS), 0.001)
            try:
                return self._inner.read(max_bytes, piece)
            except httpcore.ReadTimeout:
                if wait is not None and time.monotonic() >= wait:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In pieces: one call for all would count its time anew with each that is taken.
        view = memoryview(buffer)
        for start in range(0, len(view), 1 << 16):
            process.go_on()
            seconds = _left(timeout, httpcore.WriteTimeout)
            self._inner.write(bytes(view[start : start + (1 << 16)]), seconds)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: "ssl.SSLContext", server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        seconds = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
