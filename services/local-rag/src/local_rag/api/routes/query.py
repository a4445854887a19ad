"""/api/v1/query."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from threading import Event as Flag

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from local_rag.api.bodies import AnswerBody, Query
from local_rag.api.responses import Json, error_body, to_wire
from local_rag.api.routes import Running
from local_rag.api.sse import Named, pump
from local_rag.ask.answer import Done, Event, Passages, Token
from local_rag.ask.questions import Question

router = APIRouter(tags=["query"])

_EVENTS = """An answer, or with `stream` the events

- `passages`: `{passages: […]}`, what was found
- `token`: `{text}`, a piece of the answer
- `done`: the whole answer, as without `stream`
- `error`: `{error, details, timestamp}`; nothing comes after it
"""
_GONE_POLL_S = 0.5


@router.post(
    "/query",
    summary="Ask a question",
    response_model=AnswerBody,
    responses={200: {"description": _EVENTS, "content": {"text/event-stream": {}}}},
)
async def query(body: Query, request: Request, service: Running) -> Response:
    """Answer a question from the documents, and cite them."""
    question = Question(
        text=body.question,
        k=body.k,
        max_tokens=body.max_tokens,
        mode=body.mode,
        passages_only=body.passages_only,
    )
    stop = Flag()
    place = service.questions.reserve()
    if body.stream:
        return StreamingResponse(
            _streamed(service, question, stop, place),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
    with place:
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(
            service.questions.executor, service.questions.answer, question, stop
        )
        watcher = asyncio.create_task(watch(request, stop))
        try:
            answer = await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            raise
        finally:
            watcher.cancel()
    return Json(to_wire(answer))


async def _streamed(
    service: Running,
    question: Question,
    stop: Flag,
    place: contextlib.AbstractContextManager[None],
) -> AsyncIterator[bytes]:
    with place:
        stream = pump(
            lambda: map(named, service.questions.stream(question, stop)),
            stop,
            service.questions.executor,
        )
        async with contextlib.aclosing(stream):  # type: ignore[type-var]
            async for event in stream:
                yield event


async def watch(request: Request, stop: Flag) -> None:
    """Stop the work for a client that has gone: on a small machine an answer takes long."""
    while not stop.is_set():
        await asyncio.sleep(_GONE_POLL_S)
        if await request.is_disconnected():
            stop.set()


def named(event: Event) -> Named:
    """Return an event in its wire form."""
    if isinstance(event, Passages):
        return "passages", to_wire(event)
    if isinstance(event, Token):
        return "token", {"text": event.text}
    if isinstance(event, Done):
        return "done", to_wire(event.answer)
    hint = {"hint": event.hint} if event.hint else {}
    return "error", error_body(event.message, {**event.details, **hint}, code=event.code)
