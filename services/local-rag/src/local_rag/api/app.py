"""Puts the HTTP interface together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from local_rag import __version__
from local_rag.api import handlers
from local_rag.api.auth import AccessPolicy, Gatekeeper
from local_rag.api.bodies import ErrorBody
from local_rag.api.middleware import MULTIPART_ALLOWANCE, BodyLimit, Observer, SecurityHeaders
from local_rag.api.responses import Json
from local_rag.api.routes import (
    chats,
    documents,
    health,
    imports,
    mcp,
    openai,
    query,
    system,
)
from local_rag.run.service import Service

PREFIX = "/api/v1"
# Plain HTML, CSS and JavaScript, without a build step and without a CDN.
WEB = Path(__file__).with_name("web")
_ERRORS: dict[int | str, dict[str, object]] = {
    "4XX": {"model": ErrorBody, "description": "the request cannot be met"},
    "5XX": {"model": ErrorBody, "description": "the service cannot do this now"},
}


def create_app(service: Service, *, manage: bool = True) -> FastAPI:
    """Return the application; with `manage` it starts and stops the service with itself."""
    server = service.settings.server
    policy = AccessPolicy(server, server.read_token())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        from anyio import to_thread

        if manage:
            await to_thread.run_sync(service.prepare)
            await to_thread.run_sync(service.start)
        try:
            yield
        finally:
            if manage:
                await to_thread.run_sync(service.stop)

    upload = server.max_upload_mb * 1_000_000 + MULTIPART_ALLOWANCE
    limits: dict[tuple[str, str], int | None] = {
        ("POST", f"{PREFIX}/documents"): upload,
        ("POST", f"{PREFIX}/system/restore"): None,
    }
    shared = bool(server.allowed_origins)
    middleware = [
        Middleware(Observer, count=service.counts.requested),
        Middleware(SecurityHeaders, shared=shared),
    ]
    if shared:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=[origin.rstrip("/") for origin in server.allowed_origins],
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["Authorization", "Content-Type"],
            )
        )
    middleware += [Middleware(Gatekeeper, policy=policy), Middleware(BodyLimit, limits=limits)]
    app = FastAPI(
        title="local-rag",
        version=__version__,
        summary="Private question answering over your own documents.",
        lifespan=lifespan,
        middleware=middleware,
        default_response_class=Json,
        # The usual pages for it load their scripts from a content delivery network.
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        responses=_ERRORS,
    )
    app.state.service = service
    handlers.install(app)
    _add_routes(app)
    return app


def _add_routes(app: FastAPI) -> None:
    api = APIRouter(prefix=PREFIX)
    for router in (
        health.router,
        documents.router,
        imports.router,
        imports.updates,
        query.router,
        chats.router,
        system.models,
        system.router,
    ):
        api.include_router(router)
    app.include_router(api)
    # Where programs of others expect them.
    app.include_router(openai.router)
    app.include_router(mcp.router)
    app.include_router(health.router, include_in_schema=False)
    app.router.routes.append(Route("/", _page))
    app.router.routes.append(Route("/favicon.ico", _icon))
    app.router.routes.append(Mount("/static", StaticFiles(directory=WEB), name="static"))


async def _page(_: object) -> FileResponse:
    return FileResponse(WEB / "index.html")


async def _icon(_: object) -> FileResponse:
    return FileResponse(WEB / "icon.svg", media_type="image/svg+xml")
