"""/api/v1/collections: documents asked apart or together."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from local_rag.api.bodies import CollectionFolder, CollectionList, CollectionName
from local_rag.api.routes import Running
from local_rag.index.collections_table import Collection

router = APIRouter(prefix="/collections", tags=["collections"])

CollectionId = Annotated[int, Path(ge=1, le=2**63 - 1, description="number of the collection")]


@router.get("", summary="List collections")
def list_collections(service: Running) -> CollectionList:
    """Return all collections by name, with the folders that are watched for them."""
    return CollectionList(items=service.library.store().collections.list())


@router.post("", status_code=201, summary="Begin a collection")
def create(body: CollectionName, response: Response, service: Running) -> Collection:
    """Begin an empty collection."""
    found = service.library.store().collections.create(body.name)
    response.headers["Location"] = f"/api/v1/collections/{found.id}"
    return found


@router.get("/{collection_id}", summary="Show a collection")
def show(collection_id: CollectionId, service: Running) -> Collection:
    """Return one collection."""
    return service.library.store().collections.get(collection_id)


@router.put("/{collection_id}", summary="Rename a collection")
def rename(collection_id: CollectionId, body: CollectionName, service: Running) -> Collection:
    """Give a collection another name."""
    return service.library.store().collections.rename(collection_id, body.name)


@router.delete("/{collection_id}", status_code=204, summary="Delete a collection")
def delete(collection_id: CollectionId, service: Running) -> None:
    """Remove a collection; its documents stay, and its folders are watched no more."""
    service.library.store().collections.delete(collection_id)


@router.post("/{collection_id}/folders", status_code=201, summary="Watch a folder")
def watch(collection_id: CollectionId, body: CollectionFolder, service: Running) -> Collection:
    """Import a folder into the collection now, and what changes in it from now on."""
    return service.library.watch(collection_id, body.path)


@router.delete("/{collection_id}/folders", summary="Watch a folder no more")
def unwatch(
    collection_id: CollectionId,
    service: Running,
    path: Annotated[str, Query(min_length=1, max_length=4096)],
) -> Collection:
    """Let a folder be; its documents stay."""
    return service.library.store().collections.unwatch(collection_id, path)
