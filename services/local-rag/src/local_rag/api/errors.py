"""Every error leaves the service as `{error, details, timestamp}` with the right status."""

import json
import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from local_rag.errors import RagError

log = logging.getLogger(__name__)

# How many wrong fields one answer names; a hostile body can have thousands.
_MAX_FIELDS = 20
_MAX_MESSAGE = 2000


class Json(JSONResponse):
    """JSON that also survives text which is no valid Unicode (old file names hold such)."""

    def render(self, content: Any) -> bytes:
        """Serialise; a lone surrogate becomes its escape."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def error_body(
    message: str, details: Mapping[str, Any] | None = None, *, code: str | None = None
) -> dict[str, Any]:
    """Return the body of an error answer, with a timestamp in UTC."""
    return {
        "error": message[:_MAX_MESSAGE],
        "details": {**({"code": code} if code else {}), **(details or {})},
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
    }


def error_response(
    status: int,
    message: str,
    details: Mapping[str, Any] | None = None,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Json:
    """Return a whole error answer."""
    return Json(
        error_body(message, details, code=code),
        status_code=status,
        headers=dict(headers or {}),
    )


def rag_error_body(error: RagError) -> dict[str, Any]:
    """Return the body for an error of our own: its hint and code stand in `details`."""
    details = json.loads(json.dumps(error.details, default=str))
    if error.hint:
        details["hint"] = error.hint
    return error_body(error.message, details, code=error.code)


def rag_error_response(error: RagError) -> Json:
    """Return the answer for an error of our own."""
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "5"
    return Json(rag_error_body(error), status_code=error.status, headers=headers)


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
