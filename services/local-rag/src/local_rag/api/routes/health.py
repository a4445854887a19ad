"""/health for people, watchdogs and systemd, and /metrics for Prometheus."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from local_rag.api.bodies import HealthBody
from local_rag.api.front import health_answer
from local_rag.api.routes import Running

router = APIRouter(tags=["system"])


@router.get(
    "/health",
    summary="Health by component",
    response_model=HealthBody,
    responses={503: {"model": HealthBody, "description": "the index cannot be used"}},
)
def health(request: Request, service: Running) -> Response:
    """Return 200 while the index can be used, even without a model, and 503 otherwise."""
    return health_answer(service, authorised=getattr(request.state, "authorised", True))


@router.get("/metrics", summary="Metrics", response_class=PlainTextResponse)
def metrics(service: Running) -> PlainTextResponse:
    """Return counters and gauges, format version 0.0.4."""
    return PlainTextResponse(
        service.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8"
    )
