"""/v1: what programs that talk to OpenAI's interface expect, answered from the documents.

https://platform.openai.com/docs/api-reference/chat: the last message of the user is the question,
the ones before it make it whole as in a chat. What nothing supports is dropped when an answer is
whole, so the text comes in one piece, also as a stream.
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from threading import Event as Flag
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from local_rag.api.responses import Json, to_wire
from local_rag.api.routes import Running
from local_rag.api.routes.query import watch
from local_rag.api.sse import HEARTBEAT_S
from local_rag.api.tools import said
from local_rag.ask.follow_up import standalone
from local_rag.ask.questions import Question
from local_rag.core.errors import InvalidInput, RagError
from local_rag.core.types import Answer

router = APIRouter(prefix="/v1", tags=["openai"])

MODEL = "local-rag"
_MAX_MESSAGES = 1_000


class _Lenient(BaseModel):
    # Clients send dozens of settings that mean nothing here.
    model_config = ConfigDict(extra="ignore")


class ContentPart(_Lenient):
    """A part of a message; those that are no text are passed over."""

    type: str = "text"
    text: str = ""


class ChatMessage(_Lenient):
    """A message of a chat."""

    role: str
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class Completion(_Lenient):
    """A question with the messages before it."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=_MAX_MESSAGES)
    model: str = MODEL
    stream: bool = False
    max_tokens: int | None = Field(None, ge=1, le=8192)
    max_completion_tokens: int | None = Field(None, ge=1, le=8192)


@router.get("/models", summary="List models, as OpenAI does")
def models() -> dict[str, Any]:
    """Return the one model there is: the documents."""
    return {
        "object": "list",
        "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}],
    }


@router.post("/chat/completions", summary="Ask, as OpenAI is asked")
async def complete(body: Completion, request: Request, service: Running) -> Response:
    """Answer the last question from the documents; `citations` says where it stands."""
    place = service.questions.reserve()
    asked = [message.text.strip() for message in body.messages if message.role == "user"]
    if not asked or not asked[-1]:
        error = InvalidInput(
            "The messages hold no question.", hint="the last one of the user is it"
        )
        return _failed(error)
    question = Question(
        text=standalone(asked[-1], _whole(asked[:-1])),
        max_tokens=body.max_completion_tokens or body.max_tokens,
    )
    stop = Flag()
    if body.stream:
        return StreamingResponse(
            _streamed(service, question, stop, place),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
    with place:
        watcher = asyncio.create_task(watch(request, stop))
        try:
            answer = await asyncio.shield(_answering(service, question, stop))
        except asyncio.CancelledError:
            stop.set()
            raise
        except RagError as error:
            return _failed(error)
        finally:
            watcher.cancel()
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": said(answer)},
        "finish_reason": "stop",
    }
    return Json({**_head("chat.completion"), "choices": [choice], "citations": _citations(answer)})


def _whole(questions: list[str]) -> list[str]:
    """Return the questions before as they were asked: each with the words of the one before it."""
    found: list[str] = []
    for question in questions:
        found.append(standalone(question, found))
    return found


def _answering(service: Running, question: Question, stop: Flag) -> "asyncio.Future[Answer]":
    loop = asyncio.get_running_loop()
    return loop.run_in_executor(
        service.questions.executor, service.questions.answer, question, stop
    )


async def _streamed(
    service: Running,
    question: Question,
    stop: Flag,
    place: contextlib.AbstractContextManager[None],
) -> AsyncIterator[bytes]:
    head = _head("chat.completion.chunk")
    with place:
        try:
            yield _chunk(head, {"role": "assistant", "content": ""})
            running = _answering(service, question, stop)
            while not (await asyncio.wait({running}, timeout=HEARTBEAT_S))[0]:
                yield b": working\n\n"
            try:
                answer = running.result()
            except RagError as error:
                yield _event(_error(error))
                return
            yield _chunk(head, {"content": said(answer)})
            yield _chunk(head, {}, finish="stop", citations=_citations(answer))
            yield b"data: [DONE]\n\n"
        finally:
            # When the client has gone.
            stop.set()


def _head(kind: str) -> dict[str, Any]:
    number = f"chatcmpl-{uuid.uuid4().hex}"
    return {"id": number, "object": kind, "created": int(time.time()), "model": MODEL}


def _chunk(
    head: dict[str, Any],
    delta: dict[str, str],
    *,
    finish: Literal["stop"] | None = None,
    **more: Any,
) -> bytes:
    return _event(
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}
    )


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode("utf-8", "backslashreplace")


def _citations(answer: Answer) -> list[dict[str, Any]]:
    wire: list[dict[str, Any]] = to_wire(answer)["citations"]
    return wire


def _error(error: RagError) -> dict[str, Any]:
    text = f"{error.message} ({error.hint})" if error.hint else error.message
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    return {"error": {"message": text, "type": kind, "param": None, "code": error.code}}


def _failed(error: RagError) -> Response:
    return Json(_error(error), status_code=error.status)
