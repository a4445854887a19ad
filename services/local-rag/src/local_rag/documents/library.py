"""The documents as the faces see them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from local_rag.core.types import Document

if TYPE_CHECKING:
    from local_rag.index import Store


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
