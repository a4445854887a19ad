"""/api/v1/imports and /api/v1/updates."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from local_rag.api.bodies import ChangeList, ImportRequest, ItemPage, JobPage
from local_rag.api.routes import Running
from local_rag.core.types import ImportItemState, ImportJob

router = APIRouter(prefix="/imports", tags=["imports"])
updates = APIRouter(prefix="/updates", tags=["imports"])

JobId = Annotated[str, Path(max_length=100, description="id of the import")]


@router.post("", status_code=202, summary="Begin an import")
def submit(body: ImportRequest, response: Response, service: Running) -> ImportJob:
    """Import absolute paths, folders and web addresses, as the service may read them."""
    job = service.library.jobs().submit(
        list(body.sources),
        recursive=body.recursive,
        metadata=dict(body.metadata),
        collection=body.collection,
    )
    response.headers["Location"] = f"/api/v1/imports/{job.id}"
    return job


@router.get("", summary="List imports")
def list_imports(
    service: Running,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> JobPage:
    """Return imports, newest first."""
    return JobPage(items=service.library.jobs().list(limit=limit + offset)[offset:])


@router.get("/{job_id}", summary="Show an import")
def show(job_id: JobId, service: Running) -> ImportJob:
    """Return how far an import has come."""
    return service.library.jobs().get(job_id)


@router.get("/{job_id}/items", summary="List the documents of an import")
def items(
    job_id: JobId,
    service: Running,
    state: ImportItemState | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> ItemPage:
    """Return what became of each document of an import."""
    found = service.library.jobs().items(job_id, state=state, limit=limit, offset=offset)
    total = service.library.store().jobs.count_items(job_id, state=state)
    return ItemPage(items=list(found), total=total)


@router.delete("/{job_id}", summary="Cancel an import")
def cancel(job_id: JobId, service: Running) -> ImportJob:
    """Stop an import; what it has added stays."""
    return service.library.jobs().cancel(job_id)


@router.post("/{job_id}/resume", status_code=202, summary="Resume an import")
def resume(job_id: JobId, service: Running) -> ImportJob:
    """Go on with an import that was cancelled or failed in part."""
    return service.library.jobs().resume(job_id)


@updates.get("", summary="Check for changes")
def check(service: Running) -> ChangeList:
    """Compare the sources with what was imported; nothing is imported."""
    return ChangeList(items=service.library.jobs().changes(urls=True))


@updates.post("", status_code=202, summary="Import the changes")
def apply(response: Response, service: Running) -> ImportJob:
    """Import what changed, and hide documents whose source is gone."""
    job = service.library.jobs().update()
    response.headers["Location"] = f"/api/v1/imports/{job.id}"
    return job
