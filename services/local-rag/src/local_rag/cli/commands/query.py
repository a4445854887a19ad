"""`query`."""

import sys
from typing import Any

import click

from local_rag.cli import output
from local_rag.cli.client import LONG_TIMEOUT, Client, CommandError, ServiceError, WrongUsage
from local_rag.cli.common import connect, json_option

_SNIPPET = 600
_WRITTEN = ("generated", "extracted", "uncertain")


@click.command()
@click.argument("question", nargs=-1)
@click.option("-k", "passages", type=click.IntRange(1, 100), help="How many passages to look at.")
@click.option("--max-tokens", type=click.IntRange(1), help="Longest answer, in tokens.")
@click.option(
    "--mode",
    type=click.Choice(["hybrid", "vector", "keyword"]),
    default="hybrid",
    help="How to search; keyword works without an embedding model.",
)
@click.option("--passages", "passages_only", is_flag=True, help="Only search; write no answer.")
@click.option("--no-stream", is_flag=True, help="Print the answer when it is whole.")
@json_option
@click.pass_context
def query(
    ctx: click.Context,
    question: tuple[str, ...],
    passages: int | None,
    max_tokens: int | None,
    mode: str,
    passages_only: bool,
    no_stream: bool,
    as_json: bool,
) -> None:
    """Ask a QUESTION of the documents; without one, or with -, it is read from standard input."""
    # A terminal can hand over bytes that are no text.
    words = " ".join(question).encode("utf-8", "replace").decode()
    if not words or words == "-":
        words = sys.stdin.buffer.read(100_000).decode("utf-8", "replace")
    if not words.strip():
        raise WrongUsage(
            "there is no question",
            hint='local-rag query "What does the contract say about notice?"',
        )
    body: dict[str, Any] = {"question": words.strip(), "mode": mode, "stream": False}
    body |= {"k": passages} if passages else {}
    body |= {"max_tokens": max_tokens} if max_tokens else {}
    body |= {"passages_only": True} if passages_only else {}
    with connect(ctx) as client:
        if as_json:
            output.write_json(client.call("POST", "/query", json=body, timeout=LONG_TIMEOUT))
        elif no_stream:
            answer = client.call("POST", "/query", json=body, timeout=LONG_TIMEOUT)
            _print_head(answer)
            if answer["mode"] in _WRITTEN:
                click.echo(output.clean(answer["text"]))
            _print_sources(answer)
        else:
            _print_sources(_stream(client, body))


def _stream(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    """Print tokens as they come; return the finished answer."""
    written = ""
    for name, data in client.events("/query", {**body, "stream": True}):
        if name == "token":
            piece = output.clean(data["text"])
            written += piece
            click.echo(piece, nl=False)
        elif name == "error":
            click.echo()
            raise ServiceError(500, data)
        elif name == "done":
            if data["mode"] not in ("not-found", *_WRITTEN):
                _print_head(data)
            else:
                _finish(written, output.clean(data["text"]))
            return data
    click.echo()
    raise CommandError("the answer broke off before its end", hint="local-rag status --verbose")


def _finish(written: str, whole: str) -> None:
    """End the line; if the final text differs from what was streamed, it is what counts."""
    if written.strip() == whole.strip():
        click.echo()
    elif whole.startswith(written):
        click.echo(whole[len(written) :])
    else:
        click.echo(f"\n\n{whole}" if written else whole)


def _print_head(answer: dict[str, Any]) -> None:
    if answer["mode"] == "not-found":
        output.say(answer["text"])
    elif answer["mode"] == "retrieval-only":
        reason = f" ({answer['reason']})" if answer["reason"] else ""
        output.say(output.text(f"No answer was written{reason}. The passages:", "yellow"))


def _print_sources(answer: dict[str, Any]) -> None:
    if answer["citations"]:
        output.say()
    for citation in answer["citations"]:
        page = f", page {citation['page']}" if citation["page"] else ""
        output.say(
            output.text(f"[{citation['number']}] ", "bold cyan"),
            output.text(citation["title"], "bold"),
            page,
            output.text(f"  {output.place(citation['uri'])}", "dim"),
        )
        snippet = " ".join(citation["snippet"].split())
        ellipsis = "…" if len(snippet) > _SNIPPET else ""
        output.say(f"    {snippet[:_SNIPPET]}{ellipsis}")
