"""Answers in JSON, and the form of every error: `{error, details, timestamp}`.

Nothing here needs the web framework, so that /health can be answered before that is loaded.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse

from local_rag.core.errors import RagError

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


def to_wire(value: Any) -> Any:
    """Return JSON types for dataclasses, enums, times (ISO 8601, UTC), paths and containers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_wire(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): to_wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_wire(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no NaN and no infinity
    return value
