"""/api/v1/documents."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote as quoted

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from local_rag.api.bodies import Content, DocumentPage
from local_rag.api.multipart import Form, FormReceiver
from local_rag.api.routes import Running
from local_rag.core.errors import InvalidInput
from local_rag.core.types import Document, ImportJob
from local_rag.documents.library import Original
from local_rag.documents.reading import (
    MAX_QUOTE_CHARS,
    Place,
    find_quote,
    place_of_page,
    place_of_span,
    within,
)
from local_rag.text.chunking import join_sections

router = APIRouter(prefix="/documents", tags=["documents"])

# SQLite's largest row number.
DocumentId = Annotated[int, Path(ge=1, le=2**63 - 1, description="number of the document")]
_META = "meta."
_PIECE = 256 * 1024

_UPLOAD_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        },
                        "replace": {
                            "type": "boolean",
                            "default": False,
                            "description": "replace a document that was uploaded under this name",
                        },
                    },
                    "additionalProperties": {"type": "string"},
                }
            }
        },
    }
}


@router.get("", summary="List documents")
def list_documents(
    service: Running,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    deleted: Annotated[bool, Query(description="deleted ones too")] = False,
    q: Annotated[str | None, Query(max_length=500, description="part of title or source")] = None,
) -> DocumentPage:
    """Return documents, the latest change first."""
    documents, text = service.library.store().documents, q or None
    items = documents.list(limit=limit, offset=offset, include_deleted=deleted, text=text)
    total = documents.count(include_deleted=deleted, text=text)
    return DocumentPage(items=items, total=total, limit=limit, offset=offset)


@router.post("", status_code=202, summary="Upload documents", openapi_extra=_UPLOAD_SCHEMA)
async def upload(request: Request, response: Response, service: Running) -> ImportJob:
    """Take one or more files as a form and begin to import them.

    Fields whose names begin with `meta.` become metadata of the documents.
    """
    from anyio import to_thread

    limit = service.settings.server.max_upload_mb * 1_000_000
    kind = request.headers.get("content-type", "")
    with FormReceiver(kind, service.uploads.staging, max_file_bytes=limit) as receiver:
        form = await receiver.read(request.stream())
        job = await to_thread.run_sync(_take, service, form)
    response.headers["Location"] = f"/api/v1/imports/{job.id}"
    return job


def _take(service: Running, form: Form) -> ImportJob:
    files = [file for file in form.files if file.name]
    if not files:
        raise InvalidInput(
            "The form holds no file.",
            hint="for example: curl -F file=@notes.md http://127.0.0.1:8080/api/v1/documents",
        )
    replace = form.fields.get("replace", "").lower() in ("1", "true", "on", "yes")
    metadata = {
        name.removeprefix(_META): value
        for name, value in form.fields.items()
        if name.startswith(_META) and name != _META
    }
    return service.library.upload(files, replace=replace, metadata=metadata)


@router.get("/{document_id}", summary="Show a document")
def show(document_id: DocumentId, service: Running) -> Document:
    """Return one document, deleted or not."""
    return service.library.store().documents.get(document_id)


@router.get("/{document_id}/content", summary="Read a document's text")
def content(
    document_id: DocumentId,
    service: Running,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=5_000_000)] = 1_000_000,
) -> Content:
    """Return a part of the text that was indexed."""
    sections = service.library.store().documents.sections(document_id)
    text = join_sections(sections)
    window = text[offset : offset + limit]
    return Content(
        id=document_id,
        text=window,
        offset=offset,
        total_chars=len(text),
        parts=within(sections, offset, offset + len(window)),
    )


@router.get("/{document_id}/place", summary="Find a passage in a document")
def place(
    document_id: DocumentId,
    service: Running,
    quote: Annotated[
        str | None, Query(min_length=1, max_length=MAX_QUOTE_CHARS, description="what is cited")
    ] = None,
    chunk: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="a passage's id")] = None,
    page: Annotated[int | None, Query(ge=1, le=10**6, description="number of a page")] = None,
) -> Place:
    """Return where a quotation, a passage or a page stands in the text.

    With a quotation and a passage, the quotation is looked for in the passage first.
    """
    store = service.library.store()
    sections = store.documents.sections(document_id)
    if page is not None:
        return place_of_page(sections, page)
    if quote is None and chunk is None:
        raise InvalidInput("What is to be found?", hint="give quote, chunk or page")
    near = store.chunks.span(document_id, chunk) if chunk is not None else None
    if quote is None and near is not None:
        return place_of_span(sections, *near)
    span = find_quote(join_sections(sections), quote or "", near=near)
    return place_of_span(sections, *span)


@router.get(
    "/{document_id}/original",
    summary="Fetch the original file",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def original(document_id: DocumentId, service: Running) -> StreamingResponse:
    """Return the file that a document was made from, as it is now, to be saved.

    `Local-Rag-Changed: yes` says that it is not what was imported.
    """
    found = service.library.original(document_id)
    name = found.name.encode("utf-8", "replace").decode("utf-8")
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return StreamingResponse(
        _pieces(found),
        # Never as what it is: a page of somebody else must not run as one of ours.
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": (
                f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quoted(name, safe='')}"
            ),
            "Content-Length": str(found.size),
            **({"Local-Rag-Changed": "yes"} if found.changed else {}),
        },
    )


def _pieces(found: Original) -> Iterator[bytes]:
    left = found.size
    try:
        # A file that grows meanwhile must not become longer than was announced.
        while left > 0 and (piece := found.stream.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece
    finally:
        found.close()


@router.delete("/{document_id}", status_code=204, summary="Delete or purge a document")
def delete(
    document_id: DocumentId,
    service: Running,
    purge: Annotated[bool, Query(description="for good, instead of only hiding it")] = False,
) -> None:
    """Hide a document from every search, or remove it for good."""
    if purge:
        service.library.purge(document_id)
    else:
        service.library.store().documents.delete(document_id)


@router.post("/{document_id}/restore", summary="Bring a deleted document back")
def restore(document_id: DocumentId, service: Running) -> Document:
    """Undo a deletion that was no purge."""
    return service.library.store().documents.undelete(document_id)
