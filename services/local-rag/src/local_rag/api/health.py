"""/health, for people, watchdogs and systemd."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from local_rag.api.deps import Running
from local_rag.api.errors import Json
from local_rag.api.models import HealthBody
from local_rag.wire import to_wire

router = APIRouter(tags=["system"])


@router.get(
    "/health",
    summary="Health by component",
    response_model=HealthBody,
    responses={503: {"model": HealthBody, "description": "the index cannot be used"}},
)
def health(request: Request, service: Running) -> Response:
    """Return 200 while the index can be used, even without a model, and 503 otherwise."""
    found = service.health()
    body = to_wire(found)
    if not getattr(request.state, "authorised", True):
        # A watchdog may know that something is wrong; where files lie is not its business.
        body["components"] = [
            {"name": part.name, "state": part.state, "message": "", "hint": None, "details": {}}
            for part in found.components
        ]
    return Json(body, status_code=503 if found.status == "failed" else 200)
