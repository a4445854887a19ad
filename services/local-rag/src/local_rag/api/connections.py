"""Limits on connections: how many there are, and how long one may take to say what it wants.

uvicorn limits neither: clients that open connections and send half a request, or nothing, hold a
file descriptor each until there are none, before anybody is asked for the token.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 512
"""Connections at a time; with the files of the index far below LimitNOFILE of the unit."""
HEADER_S = 15.0
"""From the connection, or from the answer before, to the end of a request's headers."""
BODY_IDLE_S = 60.0
"""Between two parts of a request's body."""


@dataclass(kw_only=True)
class Connections:
    """Those of one server. When there are too many, the oldest of those that wait is ended.

    So clients that ask for nothing end each other, and one that has sent its request is never
    ended for them. It is refused itself only while `most` others are being answered.
    """

    most: int = MOST
    header_s: float = HEADER_S
    body_idle_s: float = BODY_IDLE_S
    ended: int = 0
    """How many were ended because they took too long, or were too many."""
    _open: "set[LimitedProtocol]" = field(default_factory=set)
    _waiting: "dict[LimitedProtocol, None]" = field(default_factory=dict)

    def protocol(self, *arguments: Any, **named: Any) -> "LimitedProtocol":
        """Return the protocol of a new connection; what uvicorn takes for a class."""
        made = LimitedProtocol(*arguments, **named)
        made.table = self
        return made

    def opened(self, one: "LimitedProtocol") -> None:
        """Note a new connection, and end another when there are too many."""
        self._open.add(one)
        self._waiting[one] = None
        if len(self._open) > self.most:
            self.end(next(iter(self._waiting)))

    def closed(self, one: "LimitedProtocol") -> None:
        """Forget a connection."""
        self._open.discard(one)
        self._waiting.pop(one, None)

    def asked(self, one: "LimitedProtocol", *, waiting: bool) -> None:
        """Note whether a connection waits for its client to say what it wants."""
        if not waiting:
            self._waiting.pop(one, None)
        elif one in self._open:
            self._waiting.setdefault(one)

    def end(self, one: "LimitedProtocol") -> None:
        """End a connection without an answer, which nobody waits for."""
        self.ended += 1
        self.closed(one)
        one.transport.abort()


class LimitedProtocol(H11Protocol):
    """uvicorn's protocol with a clock."""

    table: Connections
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.table.opened(self)
        self._look(fresh=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self.table.closed(self)
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Look whether a request has begun, or a part of its body has come."""
        super().data_received(data)
        self._look(fresh=False)

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there already."""
        super().on_response_complete()
        self._look(fresh=True)

    def _look(self, *, fresh: bool) -> None:
        """Set the clock for what the connection waits for. Headers do not set it again: `fresh`."""
        if self.transport.is_closing():
            self._stop()
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        self.table.asked(self, waiting=not answering)
        if answering:
            self._stop()
            if self.cycle.more_body:
                self._start(self.table.body_idle_s)
        elif fresh or self._clock is None:
            self._stop()
            self._start(self.table.header_s)

    def _start(self, seconds: float) -> None:
        self._clock = self.loop.call_later(seconds, self.table.end, self)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
