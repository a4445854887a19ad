"""Making documents for the store without an import."""

from pathlib import Path
from typing import Any

from kit.fakes import HashEmbedder
from local_rag.documents.formats import Source, extract
from local_rag.index import Incoming, SourceFacts, Store
from local_rag.text.chunking import chunk_sections, embedding_text, join_sections
from local_rag.text.hashing import content_hash, embedding_hash, source_hash


def incoming(
    embedder: HashEmbedder,
    uri: str,
    body: str,
    *,
    metadata: dict[str, str] | None = None,
    max_tokens: int = 40,
) -> Incoming:
    """Return a document as an import would hand it to the store."""
    data = body.encode()
    found = extract(Source(data=data, name=uri))
    chunks = chunk_sections(
        found.sections, embedder, max_tokens=max_tokens, overlap_tokens=4, title=found.title
    )
    texts = [embedding_text(found.title, chunk) for chunk in chunks]
    return Incoming(
        source=SourceFacts(
            uri=uri,
            source_hash=source_hash(uri, metadata or {}, data),
            size=len(data),
            metadata=metadata or {},
        ),
        title=found.title,
        media_type=found.media_type,
        metadata=found.metadata,
        content_hash=content_hash(join_sections(found.sections)),
        sections=found.sections,
        chunks=chunks,
        embedding_hashes=[embedding_hash(text) for text in texts],
        vectors=embedder.embed(texts),
        embedder_id=embedder.model_id,
    )


def open_store(path: Path, embedder: HashEmbedder, **more: Any) -> Store:
    return Store(path, embedder_id=embedder.model_id, dimensions=embedder.dimensions, **more)
