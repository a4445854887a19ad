"""/metrics in the text format of Prometheus."""

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from local_rag.api.routes.deps import Running

router = APIRouter(tags=["system"])


@router.get("/metrics", summary="Metrics", response_class=PlainTextResponse)
def metrics(service: Running) -> PlainTextResponse:
    """Return counters and gauges, format version 0.0.4."""
    return PlainTextResponse(
        service.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8"
    )
