"""`mcp`."""

import json
import sys
from typing import Any, BinaryIO

import click

from local_rag.cli.client import Client
from local_rag.cli.common import connect

_INTERNAL = -32603
_LONGEST_LINE = 4_000_000


@click.command()
@click.pass_context
def mcp(ctx: click.Context) -> None:
    """Serve the Model Context Protocol on standard input and output.

    For programs that start their tools themselves: each line is a message, which is handed to the
    running service. Programs that speak HTTP use the service's /mcp.
    """
    with connect(ctx) as client:
        serve(client, sys.stdin.buffer, sys.stdout.buffer)


def serve(client: Client, requests: BinaryIO, answers: BinaryIO) -> None:
    """Hand each message on, until standard input ends."""
    while line := requests.readline(_LONGEST_LINE):
        if not line.strip():
            continue
        answer = _handed_on(client, line)
        if answer is not None:
            answers.write(json.dumps(answer, ensure_ascii=True).encode("ascii") + b"\n")
            answers.flush()


def _handed_on(client: Client, line: bytes) -> dict[str, Any] | None:
    try:
        return client.mcp(line)
    except click.ClickException as error:
        hint = getattr(error, "hint", None)
        said = f"{error.message} ({hint})" if hint else error.message
        try:
            number = json.loads(line).get("id")
        except (ValueError, AttributeError):
            number = None
        return {"jsonrpc": "2.0", "id": number, "error": {"code": _INTERNAL, "message": said}}
