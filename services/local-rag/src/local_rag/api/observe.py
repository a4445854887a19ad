"""Counts requests for the metrics."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Count = Callable[[str, str, int, float], None]


class Observer:
    """ASGI middleware that reports method, route, status and seconds of each request.

    The route is a pattern such as /documents/{document_id}: a path that was asked for would let
    anybody make up new series without end.
    """

    def __init__(self, app: ASGIApp, count: Count) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count it when its answer is complete."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            seconds = time.perf_counter() - began
            self._count(scope["method"], _pattern(scope), status, seconds)


def _pattern(scope: Scope) -> str:
    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str):
        # Some versions of the framework give the pattern with the prefix of its router.
        return route.removeprefix("/api/v1")
    if scope["path"] == "/":
        return "/"
    return "/static" if scope["path"].startswith("/static/") else "other"
