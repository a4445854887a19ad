"""/mcp: the Model Context Protocol over HTTP, for programs that work with a language model.

https://modelcontextprotocol.io/specification/2025-06-18: JSON-RPC 2.0, one answer a request. No
state is kept between requests, so no session is begun, and nothing is sent unasked, so GET is
refused. The protocol's own library brings 20 MB (cryptography, rpds-py) for what is four methods
here.
"""

import asyncio
import json
from threading import Event
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from local_rag import __version__
from local_rag.api.responses import Json
from local_rag.api.routes import Running
from local_rag.api.routes.query import watch
from local_rag.api.tools import TOOLS, Tool
from local_rag.core.errors import RagError

router = APIRouter(tags=["mcp"])

VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")
_PARSE, _REQUEST, _METHOD, _PARAMS = -32700, -32600, -32601, -32602
_BY_NAME = {tool.name: tool for tool in TOOLS}
_INSTRUCTIONS = (
    "The user's own documents on this machine. Search them, or let them answer, before you say "
    "what stands in them; cite the document and page. Add nothing unless the user asks for it."
)


class _Refused(Exception):
    """A request that is answered with an error of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@router.post("/mcp", summary="Model Context Protocol", response_class=Response)
async def mcp(request: Request, service: Running) -> Response:
    """Answer one JSON-RPC request; a notification is taken without an answer."""
    number: Any = None
    try:
        message = _parsed(await request.body())
        number = message.get("id")
        if "method" not in message or number is None:
            # A notification, or an answer to a question that was never asked.
            return Response(status_code=202)
        result = await _result(request, service, message)
    except _Refused as error:
        body = {"code": error.code, "message": str(error)}
        status = 400 if error.code in (_PARSE, _REQUEST) else 200
        return Json({"jsonrpc": "2.0", "id": number, "error": body}, status_code=status)
    return Json({"jsonrpc": "2.0", "id": number, "result": result})


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise _Refused(_PARSE, "this is not JSON") from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise _Refused(_REQUEST, "one JSON-RPC 2.0 message is expected")
    if not isinstance(message.get("id"), str | int | None):
        raise _Refused(_REQUEST, "an id is a string or a whole number")
    return message


async def _result(request: Request, service: Running, message: dict[str, Any]) -> dict[str, Any]:
    method, params = message["method"], message.get("params") or {}
    if not isinstance(params, dict):
        raise _Refused(_PARAMS, "params are an object")
    if method == "initialize":
        wanted = params.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "local-rag", "title": "Local RAG", "version": __version__},
            "instructions": _INSTRUCTIONS,
        }
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [_described(tool) for tool in TOOLS]}
    if method == "tools/call":
        return await _call(request, service, params)
    raise _Refused(_METHOD, f"there is no method {str(method)[:100]}")


def _described(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.arguments.model_json_schema(),
        "annotations": {"readOnlyHint": not tool.writes, "openWorldHint": False},
    }


async def _call(request: Request, service: Running, params: dict[str, Any]) -> dict[str, Any]:
    tool = _BY_NAME.get(str(params.get("name")))
    arguments = params.get("arguments") or {}
    if tool is None or not isinstance(arguments, dict):
        raise _Refused(_PARAMS, f"there is no tool {str(params.get('name'))[:100]}")
    stop = Event()
    with service.questions.reserve():
        watcher = asyncio.create_task(watch(request, stop))
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(
            service.questions.executor, tool.call, service, arguments, stop
        )
        try:
            text, data = await asyncio.shield(running)
        except RagError as error:
            # For the model to read: it may ask better.
            said = f"{error.message} ({error.hint})" if error.hint else error.message
            return {"content": [{"type": "text", "text": said}], "isError": True}
        except asyncio.CancelledError:
            stop.set()
            raise
        finally:
            watcher.cancel()
    return {
        "content": [{"type": "text", "text": text}],
        "structuredContent": data,
        "isError": False,
    }
