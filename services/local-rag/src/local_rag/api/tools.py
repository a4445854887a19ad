"""What a program that works with a language model may do here: search, answer, add."""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from local_rag.api.responses import to_wire
from local_rag.ask.questions import Question
from local_rag.core.errors import InvalidInput
from local_rag.core.types import Answer, ImportItemState
from local_rag.run.service import Service

_WAIT_S = 60.0
_MAX_TEXT = 500_000


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _sent(text: str) -> str:
    if not text.strip() or "\x00" in text:
        raise ValueError("it must say something, without NUL characters")
    text.encode("utf-8")  # half of a character raises UnicodeEncodeError, which is a ValueError
    return text


Said = Annotated[str, Field(max_length=4000), AfterValidator(_sent)]


class Search(_Arguments):
    """Arguments of `search`."""

    query: Said = Field(description="what to look for, in any language")
    limit: int = Field(6, ge=1, le=50, description="how many passages at most")


class Ask(_Arguments):
    """Arguments of `answer`."""

    question: Said = Field(description="a whole question; what was asked before is not known")


class Add(_Arguments):
    """Arguments of `add`: a source, or a name and a text."""

    source: Said | None = Field(None, description="absolute path, folder or web address")
    name: Said | None = Field(None, description="file name of the text, such as notes.md")
    text: str | None = Field(None, max_length=_MAX_TEXT, description="the text to keep")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it is called, what it says of itself, what it does."""

    name: str
    title: str
    description: str
    arguments: type[_Arguments]
    run: Callable[[Service, Any, Event], tuple[str, dict[str, Any]]]
    writes: bool = False

    def call(
        self, service: Service, arguments: Mapping[str, Any], stop: Event
    ) -> tuple[str, dict[str, Any]]:
        """Return what was found, as text and as data. Raises RagError."""
        try:
            given = self.arguments.model_validate(arguments)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "arguments"
            raise InvalidInput(f"{where}: {first['msg']}") from None
        return self.run(service, given, stop)


def said(answer: Answer) -> str:
    """Return an answer with its sources below it, for clients that show nothing but text."""
    sources = [
        f"[{citation.number}] {citation.title}"
        + (f", page {citation.page}" if citation.page else "")
        for citation in answer.citations
    ]
    text = answer.text or answer.reason or ""
    if not answer.text and answer.citations:
        text = "\n\n".join(f"[{c.number}] {c.snippet}" for c in answer.citations)
    return f"{text}\n\n" + "\n".join(sources) if sources else text


def _search(service: Service, given: Search, stop: Event) -> tuple[str, dict[str, Any]]:
    question = Question(text=given.query, k=given.limit, passages_only=True)
    answer = service.questions.answer(question, stop)
    passages = to_wire(answer)["passages"]
    parts = [
        f"[{number}] {item['title']}"
        + (f", page {item['page']}" if item["page"] else "")
        + f" (document {item['document_id']})\n{item['text']}"
        for number, item in enumerate(passages, start=1)
    ]
    return "\n\n".join(parts) or "Nothing was found in the documents.", {"passages": passages}


def _answer(service: Service, given: Ask, stop: Event) -> tuple[str, dict[str, Any]]:
    answer = service.questions.answer(Question(text=given.question), stop)
    wire = to_wire(answer)
    kept = {key: wire[key] for key in ("text", "mode", "reason", "citations")}
    return said(answer) or "That is not in the documents.", kept


def _add(service: Service, given: Add, _: Event) -> tuple[str, dict[str, Any]]:
    if (given.source is None) == (given.text is None):
        raise InvalidInput("give either source, or name and text")
    jobs = service.library.jobs()
    if given.source is not None:
        job = jobs.submit([given.source])
    else:
        job = service.library.upload(
            [_staged(service, given.name or "note.md", given.text or "")], replace=True, metadata={}
        )
    job = jobs.wait(job.id, _WAIT_S)
    wrong = [
        f"{item.uri}: {item.error}"
        for state in (ImportItemState.FAILED, ImportItemState.SKIPPED)
        for item in jobs.items(job.id, state=state, limit=20)
    ]
    counts = (
        f"{job.done} added, {job.unchanged} unchanged, {job.skipped} skipped, {job.failed} failed"
    )
    going_on = "" if job.state.finished else f" so far; import {job.id} goes on"
    lines = [f"{counts}{going_on}.", *wrong]
    return "\n".join(lines), {"import": to_wire(job)}


@dataclass(slots=True)
class _Staged:
    name: str
    path: Path
    sha256: str


def _staged(service: Service, name: str, text: str) -> _Staged:
    data = _sent(text).encode("utf-8")
    folder = service.uploads.staging
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    path = folder / f".part-{secrets.token_hex(8)}"
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    return _Staged(name=name, path=path, sha256=hashlib.sha256(data).hexdigest())


TOOLS: tuple[Tool, ...] = (
    Tool(
        name="search",
        title="Search the documents",
        description="Find passages of the user's own documents, by meaning and by words. Returns "
        "the passages with the documents and pages that they stand on.",
        arguments=Search,
        run=_search,
    ),
    Tool(
        name="answer",
        title="Answer from the documents",
        description="Answer a question from the user's own documents alone, with citations; says "
        "so when they do not hold an answer. It takes longer than search.",
        arguments=Ask,
        run=_answer,
    ),
    Tool(
        name="add",
        title="Add a document",
        description="Add a file, a folder or a web page that the service may read, or a text under "
        "a file name, to the user's documents. A text replaces the one of the same name.",
        arguments=Add,
        run=_add,
        writes=True,
    ),
)
