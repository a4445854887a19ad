"""The words of this service as data, and the seams between its parts as Protocols."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from threading import Event
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SearchMode = Literal["hybrid", "vector", "keyword"]
AnswerMode = Literal["generated", "extracted", "uncertain", "retrieval-only", "not-found"]
ChangeKind = Literal["new", "changed", "missing", "unchanged"]
Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One document of the index; `size` in bytes of its source, times in UTC."""

    id: int
    uri: str
    title: str
    media_type: str
    source_hash: str
    content_hash: str
    size: int
    pages: int | None
    chunk_count: int
    created: datetime
    updated: datetime
    deleted: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A run of text an extractor found under one heading or on one page (counted from 1)."""

    text: str
    page: int | None = None
    heading: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """What an extractor made of a file."""

    title: str
    sections: tuple[Section, ...]
    media_type: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """A piece of a document; `start` and `end` are character offsets into its whole text."""

    ordinal: int
    text: str
    page: int | None
    heading: str | None
    start: int
    end: int
    token_count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A chunk that a search found, best first by `score`."""

    document_id: int
    uri: str
    title: str
    chunk_id: int
    text: str
    page: int | None
    heading: str | None
    score: float
    vector_score: float | None = None
    keyword_rank: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """Where a statement of an answer comes from; `number` is the one in the text's brackets."""

    number: int
    document_id: int
    uri: str
    title: str
    page: int | None
    snippet: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """Sentences of a passage that answer; `number` is that of the citation.

    `start` and `end` are character offsets into the passage, and so are `key_start` and `key_end`
    of the sentence that fits best; its neighbour is there so that it can be understood.
    """

    number: int
    document_id: int
    text: str
    start: int
    end: int
    key_start: int
    key_end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer.

    `extracted` is what the documents say word for word, `generated` has sentences of a language
    model besides, `uncertain` shows what comes nearest and states nothing. `reason` says why it is
    not a generated one.
    """

    text: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    mode: AnswerMode
    reason: str | None = None
    quotes: tuple[Quote, ...] = ()
    timings_ms: dict[str, float] = field(default_factory=dict)
    tokens: int = 0


class JobState(str, Enum):
    """State of an import job."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """True when nothing more will happen unless it is resumed."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class ImportItemState(str, Enum):
    """State of one document of an import job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportJob:
    """A batch import and how far it has come; `total` grows while folders are being listed.

    It is the sum of what follows and of what is left. `skipped` is what was left out, for the
    reasons that its items name: files of a kind that is not read, hidden ones, links.
    """

    id: str
    state: JobState
    kind: str
    sources: tuple[str, ...]
    total: int
    done: int
    unchanged: int
    skipped: int
    failed: int
    created: datetime
    updated: datetime
    error: str | None = None
    items_url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportItem:
    """One document of an import job; `error` says why it failed or was skipped."""

    uri: str
    state: ImportItemState
    error: str | None = None
    document_id: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """How a source differs from what was imported."""

    uri: str
    kind: ChangeKind
    document_id: int | None = None


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """State of one component; a hint says what a person can do about it."""

    name: str
    state: Literal["ok", "degraded", "failed", "unknown"]
    message: str
    hint: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """State of the whole service; uptime in seconds."""

    status: Literal["ok", "degraded", "failed"]
    components: tuple[ComponentHealth, ...]
    version: str
    uptime_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message of a chat prompt."""

    role: Role
    content: str


@runtime_checkable
class Tokens(Protocol):
    """Whatever can count tokens; chunking needs no more of a model than this."""

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text, without special ones."""


@runtime_checkable
class Embedder(Protocol):
    """An embedding model. Thread-safe."""

    @property
    def model_id(self) -> str:
        """Name and SHA-256 prefix of the model, stored with the index."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Longest text the model takes."""

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text, without special ones."""

    def embed(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Return float32 vectors of passages, of shape (n, dimensions), L2-normalised."""

    def embed_questions(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Return the vectors of questions; some models tell them from passages."""


@runtime_checkable
class Generator(Protocol):
    """A language model."""

    @property
    def model_id(self) -> str:
        """Name and SHA-256 prefix of the model."""

    @property
    def context_tokens(self) -> int:
        """Room for prompt and answer together."""

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text, without special ones."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        stop: Event,
    ) -> Iterator[str]:
        """Yield pieces of the answer until it ends or `stop` is set."""


@runtime_checkable
class ImportGate(Protocol):
    """Says whether the machine can bear an import just now (heat, disk)."""

    def may_import(self) -> tuple[bool, str | None]:
        """Return whether to go on, and the reason when not."""


Own = TypeVar("Own", bound="Closing")


class Closing(ABC):
    """Closes itself at the end of a `with` block."""

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Give back what is held; may be called twice."""
