"""Every error leaves the service as `{error, details, timestamp}` with the right status."""

import logging
import uuid
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from local_rag.api.responses import Json, error_response, rag_error_response
from local_rag.core.errors import RagError

log = logging.getLogger(__name__)

# How many wrong fields one answer names; a hostile body can have thousands.
_MAX_FIELDS = 20


async def _on_rag_error(request: Request, error: Exception) -> Json:
    assert isinstance(error, RagError)  # noqa: S101 -- registered for this class only
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", extra={"path": request.url.path, "reason": error.message})
    return rag_error_response(error)


async def _on_http_error(request: Request, error: Exception) -> Json:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    details: dict[str, Any] = {"path": request.url.path[:200], "method": request.method[:20]}
    headers = dict(error.headers or {})
    if status == HTTPStatus.NOT_FOUND and error.detail == status.phrase:
        message = f"There is nothing at {request.url.path[:200]}."
        details["hint"] = "the interface is described at /api/v1/openapi.json"
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method[:20]} is not possible at {request.url.path[:200]}."
        details["allowed"] = _methods(request)
        headers["Allow"] = ", ".join(details["allowed"])
    else:
        message = str(error.detail)
    code = status.phrase.lower().replace(" ", "-")
    return error_response(error.status_code, message, details, code=code, headers=headers)


def _methods(request: Request) -> list[str]:
    """Return the methods of all routes for a path; the framework names those of the first only."""
    return [
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]


async def _on_invalid(_: Request, error: Exception) -> Json:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [
        {
            # The value is left out: it may be huge, and it is the sender's own.
            "field": ".".join(str(part)[:100] for part in item["loc"][:6]),
            "problem": str(item["msg"])[:300],
        }
        for item in list(error.errors())[:_MAX_FIELDS]
    ]
    if any(item.get("type") == "json_invalid" for item in error.errors()):
        message = f"The body is not valid JSON: {fields[0]['problem']}."
    else:
        message = "; ".join(f"{item['field']}: {item['problem']}" for item in fields[:3])
        message = f"The request is not valid: {message}."
    return error_response(
        HTTPStatus.UNPROCESSABLE_ENTITY, message, {"fields": fields}, code="invalid-input"
    )


async def _on_crash(request: Request, error: Exception) -> Json:
    reference = uuid.uuid4().hex[:12]
    log.error(
        "unexpected error",
        exc_info=error,
        extra={"reference": reference, "path": request.url.path, "method": request.method},
    )
    return error_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong inside the service.",
        {
            "reference": reference,
            "hint": f"the log tells more: journalctl -u local-rag | grep {reference}",
        },
        code="internal",
    )


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(RagError, _on_rag_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Exception, _on_crash)
