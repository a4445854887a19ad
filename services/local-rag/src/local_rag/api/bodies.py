"""The bodies of requests and answers, as the OpenAPI description shows them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from local_rag.core.types import (
    AnswerMode,
    Change,
    Document,
    ImportItem,
    ImportJob,
    Passage,
    Quote,
    SearchMode,
)
from local_rag.documents.reading import Part
from local_rag.index.chats_table import Chat, Turn
from local_rag.models.registry import ModelInfo
from local_rag.run.upkeep import BackupFile


def _unicode(text: str) -> str:
    # JSON can carry half of a character ("\\ud800"), which no database takes.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("this is not valid Unicode") from error
    if "\x00" in text:
        raise ValueError("a NUL character is not possible here")
    return text


Text = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_unicode)]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4096),
    AfterValidator(_unicode),
]
Asked = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000),
    AfterValidator(_unicode),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Query(_Body):
    """A question."""

    question: Asked
    k: int | None = Field(None, ge=1, le=100, description="how many passages to look at")
    max_tokens: int | None = Field(None, ge=1, le=8192, description="longest answer")
    mode: SearchMode = Field("hybrid", description="keyword works without an embedding model")
    stream: bool = Field(False, description="answer with server-sent events")
    passages_only: bool = Field(False, description="search, and let no model write an answer")


class ChatQuery(Query):
    """A question of a chat; with `rewrite`, the ones before it make it whole."""

    rewrite: bool = Field(True, description="false asks it as it is typed")


class ChatName(_Body):
    """The name of a chat."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_unicode)
    ] = ""


class ImportRequest(_Body):
    """What to import: absolute paths, folders and web addresses."""

    sources: list[Line] = Field(min_length=1, max_length=1000)
    recursive: bool = True
    metadata: dict[Line, Text] = Field(default_factory=dict, max_length=50)


class ResetRequest(_Body):
    """`confirm` must be the word reset."""

    confirm: Literal["reset"]


class ModelName(_Body):
    """The name of an installed model."""

    name: Line


class ModelChoice(ModelName):
    """Which model to use for what."""

    kind: Literal["embedding", "llm"]


class PullRequest(_Body):
    """A model to fetch, and the checksum it must have."""

    url: Line
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")]
    name: Line | None = None


class DocumentPage(BaseModel):
    """A page of the list of documents."""

    items: list[Document]
    total: int
    limit: int
    offset: int


class Content(BaseModel):
    """A window of a document's text; offsets count characters of the whole text.

    `parts` are the pages and headings that the window shows something of.
    """

    id: int
    text: str
    offset: int
    total_chars: int
    parts: list[Part]


class JobPage(BaseModel):
    """A page of the list of imports, newest first."""

    items: list[ImportJob]


class ItemPage(BaseModel):
    """A page of the documents of one import."""

    items: list[ImportItem]
    total: int


class ChangeList(BaseModel):
    """How the sources differ from what was imported."""

    items: list[Change]


class AnswerBody(BaseModel):
    """An answer with its citations and the passages it was made from."""

    text: str
    mode: AnswerMode
    reason: str | None
    quotes: list[Quote]
    citations: list[dict[str, Any]]
    passages: list[Passage]
    timings_ms: dict[str, float]
    tokens: int


class ChatPage(BaseModel):
    """A page of the list of chats."""

    items: list[Chat]
    total: int


class ChatBody(BaseModel):
    """A chat with its questions and answers, oldest first."""

    chat: Chat
    turns: list[Turn]


class ChatAnswer(BaseModel):
    """An answer, with the question as it was asked of the documents."""

    turn: int
    question: str
    asked: str
    answer: AnswerBody


class ModelList(BaseModel):
    """The installed models."""

    items: list[ModelInfo]


class Said(BaseModel):
    """What was done, and what to do next if anything."""

    message: str
    hint: str | None = None


class BackupList(BaseModel):
    """The backups in the service's directory."""

    items: list[BackupFile]


class Count(BaseModel):
    """How many documents were affected, or are there now."""

    documents: int


class HealthBody(BaseModel):
    """State of the service and its components."""

    status: Literal["ok", "degraded", "failed"]
    components: list[dict[str, Any]]
    version: str
    uptime_s: float


class ErrorBody(BaseModel):
    """Every error looks like this; `details` has a `code` and mostly a `hint`."""

    error: str
    details: dict[str, Any]
    timestamp: str
