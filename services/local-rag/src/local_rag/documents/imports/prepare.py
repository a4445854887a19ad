"""One source: read, compared with what is known, cut into chunks."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

from local_rag.config.settings import Settings
from local_rag.core.types import Chunk, Embedder, Extracted, Section
from local_rag.documents.extraction import Extraction
from local_rag.documents.fetch import Fetcher
from local_rag.documents.formats import Source
from local_rag.documents.imports.sources import Policy, is_url, path_of
from local_rag.index import SourceFacts, Store, StoredSource
from local_rag.text.chunking import chunk_sections, embedding_text, join_sections
from local_rag.text.hashing import content_hash, embedding_hash, source_hash
from local_rag.text.normalise import one_line


@dataclass(frozen=True, kw_only=True, slots=True)
class Raw:
    """The bytes of a source and what is known about them."""

    facts: SourceFacts
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Unchanged:
    """The source is as it was imported, or was deleted by a person."""

    document_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The text is in the index already, from this source or another.

    Without `revive` it stays hidden if a person deleted it.
    """

    facts: SourceFacts
    document_id: int
    revive: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """A document of which only the vectors are missing; `texts` is what the model is given."""

    facts: SourceFacts
    title: str
    media_type: str
    metadata: Mapping[str, str]
    content_hash: str
    sections: Sequence[Section]
    chunks: Sequence[Chunk]
    texts: Sequence[str]
    hashes: Sequence[bytes]
    document_id: int | None = None


Prepared = Unchanged | Known | Ready


def effective_max_tokens(settings: Settings, embedder: Embedder) -> int:
    """Return the largest chunk, in tokens: what is configured, if the model takes that much."""
    # Two positions go to the marks that BERT-like models put around a text.
    return max(min(settings.chunking.max_tokens, embedder.max_tokens) - 2, 8)


@dataclass
class Preparer:
    """Prepares sources for the index. Not to be used by two threads at once."""

    store: Store
    embedder: Embedder
    settings: Settings
    extraction: Extraction
    _: KW_ONLY
    metadata_of: Callable[[str], Mapping[str, str]] | None = None
    metadata: Mapping[str, str] | None = None
    revive: bool = True
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._metadata = dict(self.metadata or {})
        self._policy = Policy(self.settings)
        self._fetcher = Fetcher(
            max_bytes=self.settings.imports.max_file_mb * 1_000_000,
            timeout_s=self.settings.imports.url_timeout_s,
            allow_private=self.settings.imports.allow_private_urls,
            stop=self.stop,
        )

    def prepare(self, uri: str) -> Prepared:
        """Read one source. Raises RagError when it cannot be imported."""
        stored = self.store.documents.source(uri)
        if stored and stored.deleted and stored.deleted_reason == "user" and not self.revive:
            return Unchanged(document_id=stored.document_id)
        raw = self.read(uri, stored)
        if raw is None and stored is not None:
            return Unchanged(document_id=stored.document_id)
        assert raw is not None  # noqa: S101 - only a known source is answered "not modified"
        current = stored is not None and stored.embedder_id == self.embedder.model_id
        if stored and current and stored.source_hash == raw.facts.source_hash:
            if stored.deleted:
                return self._known(raw.facts, stored.document_id)
            self._note(stored, raw)
            return Unchanged(document_id=stored.document_id)
        return self._compare(raw.facts, self.extraction.extract(raw.source))

    def _known(self, facts: SourceFacts, document_id: int) -> Known:
        return Known(facts=facts, document_id=document_id, revive=self.revive)

    def _note(self, stored: StoredSource, raw: Raw) -> None:
        if (stored.mtime_ns, stored.etag) != (raw.facts.mtime_ns, raw.facts.etag):
            self.store.documents.refresh(
                stored.uri, mtime_ns=raw.facts.mtime_ns, etag=raw.facts.etag
            )

    def read(self, uri: str, stored: StoredSource | None) -> Raw | None:
        """Return the bytes of a source, or None when its server says it is as known."""
        metadata = self._metadata or (stored.metadata if stored else {})
        if not metadata and self.metadata_of:
            metadata = dict(self.metadata_of(uri))
        if is_url(uri):
            return self._read_url(uri, stored, metadata)
        path = path_of(uri)
        found = self._policy.read(path)
        facts = SourceFacts(
            uri=uri,
            source_hash=source_hash(uri, metadata, found.data),
            size=found.size,
            mtime_ns=found.mtime_ns,
            metadata=metadata,
        )
        name = path.name.encode("utf-8", "replace").decode("utf-8")
        languages = self.settings.imports.ocr_languages
        return Raw(facts=facts, source=Source(data=found.data, name=name, languages=languages))

    def _read_url(
        self, uri: str, stored: StoredSource | None, metadata: Mapping[str, str]
    ) -> Raw | None:
        known = stored if stored and not stored.deleted and stored.metadata == metadata else None
        fetched = self._fetcher.fetch(uri, etag=known.etag if known else None)
        if fetched.not_modified and known:
            return None
        facts = SourceFacts(
            uri=uri,
            source_hash=source_hash(uri, metadata, fetched.data),
            size=len(fetched.data),
            etag=fetched.etag,
            metadata=metadata,
        )
        source = Source(
            data=fetched.data,
            name=fetched.name,
            media_type=fetched.media_type,
            charset=fetched.charset,
            languages=self.settings.imports.ocr_languages,
        )
        return Raw(facts=facts, source=source)

    def _compare(self, facts: SourceFacts, extracted: Extracted) -> Prepared:
        digest = content_hash(join_sections(extracted.sections))
        same = self.store.documents.by_content(digest, self.embedder.model_id)
        if same is not None:
            stored = self.store.documents.get(same)
            # A document of its own may have a new title or layout; one shared stays as it is.
            if stored.sources != (facts.uri,):
                return self._known(facts, same)
        return self.chunk(facts, extracted, digest)

    def chunk(
        self,
        facts: SourceFacts,
        extracted: Extracted,
        digest: str,
        *,
        document_id: int | None = None,
    ) -> Ready:
        """Cut an extracted document for the embedding model."""
        title = one_line(facts.metadata.get("title", "")) or extracted.title
        chunks = chunk_sections(
            extracted.sections,
            self.embedder,
            max_tokens=effective_max_tokens(self.settings, self.embedder),
            overlap_tokens=self.settings.chunking.overlap_tokens,
            title=title,
        )
        texts = [embedding_text(title, chunk) for chunk in chunks]
        return Ready(
            facts=facts,
            title=title,
            media_type=extracted.media_type,
            metadata=extracted.metadata,
            content_hash=digest,
            sections=extracted.sections,
            chunks=chunks,
            texts=texts,
            hashes=[embedding_hash(text) for text in texts],
            document_id=document_id,
        )
