"""/api/v1/system and /api/v1/models."""

import re
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import FileResponse

from local_rag.api.bodies import (
    BackupList,
    Count,
    ModelChoice,
    ModelList,
    ModelName,
    PullRequest,
    ResetRequest,
    Said,
)
from local_rag.api.routes import Running
from local_rag.core.errors import InvalidInput
from local_rag.core.types import ImportJob
from local_rag.models.manager import PullJob
from local_rag.models.registry import Verified
from local_rag.run.service import About
from local_rag.run.upkeep import BackupFile

router = APIRouter(prefix="/system", tags=["system"])
models = APIRouter(prefix="/models", tags=["models"])

BackupName = Annotated[str, Path(max_length=200, description="name of the backup")]


@router.get("", summary="About this service")
def about(service: Running) -> About:
    """Return what clients need to know before they send anything."""
    return service.about()


@router.post("/backup", status_code=201, summary="Make a backup")
def backup(service: Running) -> BackupFile:
    """Write a consistent copy of the index into the service's directory."""
    return service.upkeep.backup()


@router.get("/backups", summary="List backups")
def backups(service: Running) -> BackupList:
    """Return the backups in the service's directory, newest first."""
    return BackupList(items=service.upkeep.backups())


@router.get("/backups/{name}", summary="Fetch a backup", response_class=FileResponse)
def fetch(name: BackupName, service: Running) -> FileResponse:
    """Return a backup as a file."""
    path = service.upkeep.backup_path(name)
    return FileResponse(path, media_type="application/vnd.sqlite3", filename=path.name)


@router.delete("/backups/{name}", status_code=204, summary="Remove a backup")
def remove(name: BackupName, service: Running) -> None:
    """Remove a backup from the service's directory."""
    service.upkeep.remove_backup(name)


@router.post(
    "/restore",
    summary="Replace the index by a backup",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def restore(
    request: Request,
    service: Running,
    confirm: Annotated[Literal["restore"], Query()],  # noqa: ARG001 - demanded, not used
) -> Count:
    """Take a backup as the body, check it, and put it in the place of the index."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/octet-stream":
        raise InvalidInput(
            "A backup must be sent as application/octet-stream.",
            hint="local-rag restore FILE does that",
        )
    announced = request.headers.get("content-length", "")
    size = int(announced) if re.fullmatch(r"\d{1,15}", announced) else None
    with service.upkeep.receive(size) as incoming:
        async for block in request.stream():
            await to_thread.run_sync(incoming.write, block)
        return Count(documents=await to_thread.run_sync(incoming.restore))


@router.post("/reindex", status_code=202, summary="Embed every document again")
def reindex(service: Running) -> ImportJob:
    """Rebuild the index with the present embedding model."""
    return service.upkeep.reindex()


@router.post("/reset", summary="Remove every document")
def reset(body: ResetRequest, service: Running) -> Count:  # noqa: ARG001 - demanded, not used
    """Empty the index and remove uploaded files; needs `{"confirm": "reset"}`."""
    return Count(documents=service.upkeep.reset())


@models.get("", summary="List models")
def list_models(service: Running) -> ModelList:
    """Return the installed models."""
    return ModelList(items=service.models.list())


@models.post("/verify", summary="Check a model's file")
def verify(body: ModelName, service: Running) -> Verified:
    """Compare a model file with its checksum."""
    return service.models.verify(body.name)


@models.post("/use", summary="Choose a model")
def use(body: ModelChoice, service: Running) -> Said:
    """Choose the embedding model or the language model, after trying it."""
    info = service.models.use(body.kind, body.name)
    service.engine.forget_binding()
    if body.kind == "embedding" and service.library.store().documents.count(include_deleted=True):
        return Said(
            message=f"{info.name} embeds from now on; the index was made with another model.",
            hint="local-rag reindex",
        )
    return Said(message=f"{info.name} is used from now on.")


@models.post("/pull", status_code=202, summary="Fetch a model")
def pull(body: PullRequest, service: Running) -> PullJob:
    """Begin to fetch a model; it is kept only if its checksum is right."""
    return service.models.pull(body.url, body.sha256, body.name)


@models.get("/pulls/{pull_id}", summary="Show a download")
def show_pull(pull_id: Annotated[str, Path(max_length=100)], service: Running) -> PullJob:
    """Return how far a download has come."""
    return service.models.pull_state(pull_id)
