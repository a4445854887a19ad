"""Documents and imports as the faces see them."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from local_rag.core.errors import NotFound, RagError
from local_rag.core.types import ImportJob
from local_rag.documents.uploads import UploadStore, safe_relative

if TYPE_CHECKING:
    from local_rag.documents.imports import ImportJobs
    from local_rag.documents.imports.sources import Policy
    from local_rag.index import Store


log = logging.getLogger(__name__)

_JOBS_LOOKED_AT = 1_000


class Staged(Protocol):
    """An uploaded file that waits to be taken over."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Original:
    """The file of a document; `changed` when it is not what was imported. `close` it."""

    stream: BinaryIO
    size: int
    name: str
    changed: bool
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Library:
    """The documents, the jobs that import them, and the uploaded files of both."""

    jobs: "Callable[[], ImportJobs]"
    store: "Callable[[], Store]"
    uploads: UploadStore
    policy: "Callable[[], Policy]"

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
            return jobs.submit([str(path) for path in taken], recursive=False, metadata=metadata)
        except RagError:
            for path in taken:
                if store.documents.source(path.as_uri()) is None:
                    self.uploads.remove(path)
            raise

    def purge(self, document_id: int) -> None:
        """Remove a document for good, with its uploaded files. Raises NotFound."""
        documents = self.store().documents
        sources = documents.get(document_id).sources
        files = [uri for uri in sources if uri.startswith("file:")]
        # The person's own files stay, and must not come back with the next look at their folder.
        documents.purge(document_id, keep_out=[uri for uri in files if not self.is_upload(uri)])
        for uri in files:
            self.forget_upload(uri)

    def original(self, document_id: int) -> Original:
        """Return the file that a document was made from, opened.

        Raises NotFound when it came from a web address or its file is gone, and Forbidden.
        """
        from local_rag.documents.imports.sources import path_of

        documents = self.store().documents
        sources = documents.get(document_id).sources
        files = [uri for uri in sources if uri.startswith("file:")]
        trouble: RagError = NotFound(
            "the document was imported from a web address; its file is there",
            hint=sources[0] if sources else None,
        )
        policy = self.policy()
        for uri in files:
            path = path_of(uri)
            stack = ExitStack()
            try:
                stream = stack.enter_context(policy.opened(path))
            except RagError as error:
                stack.close()
                trouble = error
                continue
            stored = documents.source(uri)
            size = os.fstat(stream.fileno()).st_size
            changed = stored is not None and stored.size != size
            return Original(
                stream=stream, size=size, name=path.name, changed=changed, close=stack.close
            )
        raise trouble

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
