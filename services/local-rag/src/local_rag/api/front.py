"""What stands before the interface while its modules are being imported.

The web framework and our routes take longer to import than all the rest of the start. So that
systemd, a watchdog or the first page load need not wait for them, /health is answered from here
until they are in; every other request waits.
"""

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from local_rag.api.auth import AccessPolicy, Gatekeeper
from local_rag.api.middleware import Observer, SecurityHeaders
from local_rag.api.responses import Json, to_wire
from local_rag.run.service import Service

_HEALTH = frozenset({"/health", "/api/v1/health"})


def health_answer(service: Service, *, authorised: bool) -> Json:
    """Return 200 while the index can be used, even without a model, and 503 otherwise."""
    found = service.health()
    body = to_wire(found)
    if not authorised:
        # A watchdog may know that something is wrong; where files lie is not its business.
        body["components"] = [
            {"name": part.name, "state": part.state, "message": "", "hint": None, "details": {}}
            for part in found.components
        ]
    return Json(body, status_code=503 if found.status == "failed" else 200)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Tells the metrics which route this was, as the framework's routes do."""

    path: str


class Front:
    """ASGI application that hands on to another one as soon as that is there.

    `become` may be called from the event loop only, once.
    """

    def __init__(self, service: Service) -> None:
        server = service.settings.server
        self._service = service
        self._whole: ASGIApp | None = None
        self._loaded = asyncio.Event()
        # Pages of configured origins need more headers than are made here; they wait.
        self._shared = bool(server.allowed_origins)
        guarded = Gatekeeper(self._health, AccessPolicy(server, server.read_token()))
        self._early = Observer(SecurityHeaders(guarded), service.counts.requested)

    def become(self, whole: ASGIApp) -> None:
        """Hand on to this from now on."""
        self._whole = whole
        self._loaded.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer /health, or wait for the whole interface and let it answer."""
        if self._whole is None and self._answers(scope):
            await self._early(scope, receive, send)
            return
        await self._loaded.wait()
        assert self._whole is not None  # noqa: S101 - set before the event
        await self._whole(scope, receive, send)

    def _answers(self, scope: Scope) -> bool:
        return (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and scope["path"] in _HEALTH
            and not (self._shared and "origin" in Headers(scope=scope))
        )

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = _Pattern("/health")
        answer = health_answer(self._service, authorised=scope["state"]["authorised"])
        await answer(scope, receive, send)
