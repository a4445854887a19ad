"""/api/v1/chats: questions that build on each other, kept with their answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from threading import Event as Flag
from typing import Annotated, Any, Literal
from urllib.parse import quote as quoted

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from local_rag.api import bodies
from local_rag.api.responses import Json, to_wire
from local_rag.api.routes import Running
from local_rag.api.routes.query import named, watch
from local_rag.api.sse import Named, pump
from local_rag.ask.answer import Done, Token
from local_rag.ask.chats import Asked, file_name
from local_rag.ask.questions import Question
from local_rag.index.chats_table import Chat

router = APIRouter(prefix="/chats", tags=["chats"])

ChatId = Annotated[int, Path(ge=1, le=2**63 - 1, description="number of the chat")]
_EVENTS = """An answer with its question, or with `stream` the events of `/query`, before them

- `question`: `{turn, question, asked}`, what is asked of the documents
"""


@router.get("", summary="List chats")
def list_chats(
    service: Running,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> bodies.ChatPage:
    """Return chats, the latest question first."""
    chats = service.chats.store().chats
    return bodies.ChatPage(items=chats.list(limit=limit, offset=offset), total=chats.count())


@router.post("", status_code=201, summary="Begin a chat")
def create(body: bodies.ChatName, response: Response, service: Running) -> Chat:
    """Begin a chat; without a name it is called by its first question."""
    chat = service.chats.store().chats.create(body.name)
    response.headers["Location"] = f"/api/v1/chats/{chat.id}"
    return chat


@router.get("/{chat_id}", summary="Show a chat")
def show(chat_id: ChatId, service: Running) -> bodies.ChatBody:
    """Return a chat with its questions and answers, oldest first."""
    chats = service.chats.store().chats
    return bodies.ChatBody(chat=chats.get(chat_id), turns=list(chats.turns(chat_id)))


@router.put("/{chat_id}", summary="Rename a chat")
def rename(chat_id: ChatId, body: bodies.ChatName, service: Running) -> Chat:
    """Give a chat another name."""
    return service.chats.store().chats.rename(chat_id, body.name)


@router.delete("/{chat_id}", status_code=204, summary="Delete a chat")
def delete(chat_id: ChatId, service: Running) -> None:
    """Remove a chat for good, with what its answers quote."""
    service.chats.store().chats.delete(chat_id)


@router.get("/{chat_id}/export", summary="Export a chat", response_class=Response)
def export(
    chat_id: ChatId, service: Running, form: Literal["markdown", "json"] = "markdown"
) -> Response:
    """Return a chat as a file to be saved."""
    chats = service.chats.store().chats
    chat = chats.get(chat_id)
    if form == "json":
        body = bodies.ChatBody(chat=chat, turns=list(chats.turns(chat_id)))
        content, kind, suffix = body.model_dump_json(indent=2), "application/json", "json"
    else:
        content, kind, suffix = service.chats.markdown(chat_id), "text/markdown", "md"
    name = quoted(file_name(chat, suffix), safe="")
    return Response(
        content.encode("utf-8", "replace"),
        media_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


@router.post(
    "/{chat_id}/query",
    summary="Ask in a chat",
    response_model=bodies.ChatAnswer,
    responses={200: {"description": _EVENTS, "content": {"text/event-stream": {}}}},
)
async def ask(
    chat_id: ChatId, body: bodies.ChatQuery, request: Request, service: Running
) -> Response:
    """Answer a question that may lean on the ones before it, and keep both."""
    loop = asyncio.get_running_loop()
    place = service.questions.reserve()
    stop = Flag()
    asked = await loop.run_in_executor(
        service.questions.executor,
        lambda: service.chats.ask(chat_id, body.question, rewrite=body.rewrite),
    )
    question = Question(
        text=asked.text,
        k=body.k,
        max_tokens=body.max_tokens,
        mode=body.mode,
        passages_only=body.passages_only,
    )
    if body.stream:
        return StreamingResponse(
            _streamed(service, asked, question, stop, place),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
    with place:
        watcher = asyncio.create_task(watch(request, stop))
        running = loop.run_in_executor(
            service.questions.executor, _whole, service, asked, question, stop
        )
        try:
            answer = await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            raise
        finally:
            watcher.cancel()
    return Json({**_question(asked), "answer": answer})


def _question(asked: Asked) -> dict[str, Any]:
    return {"turn": asked.turn, "question": asked.question, "asked": asked.text}


def _whole(service: Running, asked: Asked, question: Question, stop: Flag) -> dict[str, Any]:
    answer: dict[str, Any] = to_wire(service.questions.answer(question, stop))
    service.chats.answered(asked, answer)
    return answer


def _events(service: Running, asked: Asked, question: Question, stop: Flag) -> Iterator[Named]:
    yield "question", _question(asked)
    written: list[str] = []
    ended = False
    try:
        for event in service.questions.stream(question, stop):
            if isinstance(event, Token):
                written.append(event.text)
            elif isinstance(event, Done):
                # Before the client hears of it: what it was shown is there after a reload.
                service.chats.answered(asked, to_wire(event.answer))
                ended = True
            yield named(event)
    finally:
        if not ended and written:
            service.chats.answered(asked, _broken_off("".join(written)))


def _broken_off(text: str) -> dict[str, Any]:
    return {"text": text, "mode": "stopped", "reason": None, "citations": [], "passages": []}


async def _streamed(
    service: Running,
    asked: Asked,
    question: Question,
    stop: Flag,
    place: contextlib.AbstractContextManager[None],
) -> AsyncIterator[bytes]:
    with place:
        stream = pump(
            lambda: _events(service, asked, question, stop), stop, service.questions.executor
        )
        async with contextlib.aclosing(stream):  # type: ignore[type-var]
            async for event in stream:
                yield event
