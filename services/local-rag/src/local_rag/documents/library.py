"""Documents and imports as the faces see them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from local_rag.core.errors import RagError
from local_rag.core.types import Change, Document, ImportItem, ImportItemState, ImportJob
from local_rag.documents.uploads import UploadStore, safe_relative

if TYPE_CHECKING:
    from local_rag.documents.imports import ImportJobs
    from local_rag.index import Store


log = logging.getLogger(__name__)

_JOBS_LOOKED_AT = 1_000


class Library:
    """Lists, shows, hides and removes documents."""

    def __init__(
        self,
        store: "Callable[[], Store]",
        is_upload: Callable[[str], bool],
        forget_upload: Callable[[str], None],
    ) -> None:
        """Take parts; the two functions tell and remove the files that the service keeps."""
        self._store = store
        self._is_upload = is_upload
        self._forget_upload = forget_upload

    def list(
        self, *, needle: str | None, deleted: bool, limit: int, offset: int
    ) -> tuple[Sequence[Document], int]:
        """Return one page of documents, newest first, and how many there are in all."""
        documents = self._store().documents
        items = documents.list(limit=limit, offset=offset, include_deleted=deleted, text=needle)
        return items, documents.count(include_deleted=deleted, text=needle)

    def get(self, document_id: int) -> Document:
        """Return a document, deleted or not. Raises NotFound."""
        return self._store().documents.get(document_id)

    def text(self, document_id: int) -> str:
        """Return the text that was indexed. Raises NotFound."""
        return self._store().documents.text(document_id)

    def delete(self, document_id: int) -> None:
        """Hide a document from every search. Raises NotFound."""
        self._store().documents.delete(document_id)

    def restore(self, document_id: int) -> Document:
        """Bring a hidden document back. Raises NotFound."""
        return self._store().documents.undelete(document_id)

    def purge(self, document_id: int) -> None:
        """Remove a document for good, with its uploaded files. Raises NotFound."""
        documents = self._store().documents
        sources = documents.get(document_id).sources
        # The person's own files stay, and must not come back with the next look at their folder.
        documents.purge(document_id, keep_out=[uri for uri in sources if self._is_own(uri)])
        for uri in sources:
            self._forget_upload(uri)

    def _is_own(self, uri: str) -> bool:
        return uri.startswith("file:") and not self._is_upload(uri)


class Staged(Protocol):
    """An uploaded file that waits to be taken over."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Imports:
    """Begins, shows, ends and repeats import jobs."""

    jobs: "Callable[[], ImportJobs]"
    store: "Callable[[], Store]"
    uploads: UploadStore

    def submit(
        self, sources: Sequence[str], *, recursive: bool, metadata: Mapping[str, str]
    ) -> ImportJob:
        """Begin to import paths, folders and addresses.

        Raises InvalidInput, NotFound, Forbidden before anything is done.
        """
        return self.jobs().submit(sources, recursive=recursive, metadata=metadata)

    def upload(
        self, files: Sequence[Staged], *, replace: bool, metadata: Mapping[str, str]
    ) -> ImportJob:
        """Take uploaded files over and begin to import them. Raises InvalidInput."""
        jobs, store = self.jobs(), self.store()
        for file in files:
            safe_relative(file.name)  # all names are looked at before one file is moved
        taken: list[Path] = []
        try:
            for file in files:
                path = self.uploads.take(file.path, file.name, file.sha256, replace=replace)
                taken.append(path)
            job = jobs.submit([str(path) for path in taken], recursive=False, metadata=metadata)
        except RagError:
            for path in taken:
                if store.documents.source(path.as_uri()) is None:
                    self.uploads.remove(path)
            raise
        return job

    def list(self, *, limit: int, offset: int) -> "Sequence[ImportJob]":
        """Return imports, newest first."""
        return self.jobs().list(limit=limit + offset)[offset:]

    def get(self, job_id: str) -> ImportJob:
        """Return an import. Raises NotFound."""
        return self.jobs().get(job_id)

    def items(
        self, job_id: str, *, state: ImportItemState | None, limit: int, offset: int
    ) -> "tuple[Sequence[ImportItem], int]":
        """Return a part of the documents of an import, and how many there are."""
        found = self.jobs().items(job_id, state=state, limit=limit, offset=offset)
        return found, self.store().jobs.count_items(job_id, state=state)

    def cancel(self, job_id: str) -> ImportJob:
        """Cancel an import. Raises NotFound, Conflict when it has ended."""
        return self.jobs().cancel(job_id)

    def resume(self, job_id: str) -> ImportJob:
        """Go on with an import. Raises NotFound, Conflict while it runs."""
        return self.jobs().resume(job_id)

    def changes(self) -> "Sequence[Change]":
        """Return how the sources differ from what was imported; addresses are asked too."""
        return self.jobs().changes(urls=True)

    def update(self) -> ImportJob:
        """Begin to import what changed."""
        return self.jobs().update()

    def is_upload(self, uri: str) -> bool:
        """Return whether a source is a file that was uploaded."""
        return uri.startswith(self.uploads.uri)

    def forget_upload(self, uri: str) -> None:
        """Remove the file of an uploaded document that is gone; other files are not touched."""
        from local_rag.documents.imports.sources import path_of

        if uri.startswith("file:"):
            self.uploads.remove(path_of(uri))

    def tidy(self, store: "Store", jobs: "ImportJobs") -> int:
        """Remove uploaded files that neither a document nor an import needs; returns how many.

        An import that failed may be resumed, so its files stay as long as it is remembered.
        """
        root = self.uploads.uri
        needed = {source.uri for source in store.documents.sources(root)}
        for job in jobs.list(limit=_JOBS_LOOKED_AT):
            needed.update(uri for uri in job.sources if uri.startswith(root))
        removed = 0
        for path in self.uploads.files():
            if path.as_uri() not in needed:
                try:
                    removed += self.uploads.remove(path)
                except OSError as error:
                    # A file too many is no reason to do without the index.
                    log.warning("an upload cannot be removed: %s", error)
        return removed
