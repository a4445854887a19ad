"""Limits on request bodies, the headers that every answer carries, and the count of requests."""

import time
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_rag.api.responses import error_response

JSON_LIMIT = 1_000_000
# What multipart framing may add to a file of the full size.
MULTIPART_ALLOWANCE = 64 * 1024

_CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class SecurityHeaders:
    """ASGI middleware that adds security headers, and keeps answers out of caches."""

    def __init__(self, app: ASGIApp, *, shared: bool = False) -> None:
        self._app = app
        # Pages of configured origins read our answers, which same-origin would forbid them.
        self._extra = {} if shared else {"Cross-Origin-Resource-Policy": "same-origin"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and amend its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def amend(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=_as_dict(message))
                for name, value in (_HEADERS | self._extra).items():
                    headers[name] = value
                static = scope["path"] == "/" or scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if static else "no-store")
            await send(message)

        await self._app(scope, receive, amend)


def _as_dict(message: Message) -> MutableMapping[str, Any]:
    message.setdefault("headers", [])
    return message


class BodyTooLarge(HTTPException):
    """A body went over its limit while it was being read."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, _sentence(limit), {"Connection": "close"})


def _sentence(limit: int) -> str:
    size = f"{limit / 1_000_000:g} MB" if limit >= 1_000_000 else f"{limit} bytes"
    return f"The request is over the limit of {size}."


class BodyLimit:
    """ASGI middleware that refuses a body by its announced length, or else while it streams.

    `limits` maps (method, path) to bytes, None meaning that the handler limits it itself.
    """

    def __init__(self, app: ASGIApp, limits: dict[tuple[str, str], int | None]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413, or pass the request on with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get((scope["method"], scope["path"].rstrip("/")), JSON_LIMIT)
        if limit is None:
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced[:20]) > limit:
            details = {"limit_bytes": limit, "hint": "the limit is server.max_upload_mb"}
            response = error_response(
                413, _sentence(limit), details, code="too-large", headers={"Connection": "close"}
            )
            await response(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise BodyTooLarge(limit)
            return message

        await self._app(scope, counted, send)


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
