"""What the commands share: finding the service, --json, and asking before harm is done."""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from local_rag.cli.address import configured, readable_settings
from local_rag.cli.client import Client, CommandError, WrongUsage, translate
from local_rag.core.errors import RagError

F = TypeVar("F", bound=Callable[..., Any])


def connect(ctx: click.Context) -> Client:
    """Return a client for the service that options, environment and configuration name."""
    url: str | None = ctx.obj["url"]
    token = _given_token(ctx.obj["token_file"])
    config: Path | None = ctx.obj["config"]
    checked = True
    if url is None or token is None:
        try:
            address = configured(config, with_token=token is None)
        except RagError as error:
            if url is None:
                raise translate(error) from error
        else:
            # A configured token belongs to the configured service and goes to no other address.
            if token is None and url in (None, address.url):
                token = address.token
            checked = address.checked or url is not None
            url = url or address.url
    if url is None or not url.startswith(("http://", "https://")):
        raise WrongUsage(
            f"{url} is not an address of a service",
            hint="for example --url http://127.0.0.1:8080",
        )
    # What nobody has checked yet may be why nobody answers.
    return Client(url, token, doubt=None if checked else lambda: readable_settings(config))


def _given_token(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get("LOCAL_RAG_TOKEN")
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"the token file {path} cannot be read: {error}") from error


def json_option(command: F) -> F:
    """Add --json; errors are then JSON too, on standard error."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except CommandError as error:
            if not kwargs.get("as_json"):
                raise
            body = error.body or {"error": error.message, "details": {"hint": error.hint}}
            sys.stderr.write(json.dumps(body) + "\n")
            sys.exit(error.exit_code)

    option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return option(run)  # type: ignore[return-value]


def interactive() -> bool:
    """Return whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agree(question: str, *, yes: bool, word: str | None = None) -> None:
    """Ask before something that cannot be undone; `word` must be typed out.

    Raises CommandError when nobody can be asked, and click.Abort when the answer is no.
    """
    if yes:
        return
    if not interactive():
        raise WrongUsage(f"{question} Nobody is there to answer.", hint="add --yes")
    if word is None:
        click.confirm(question, abort=True, err=True)
    elif click.prompt(f"{question} Type {word!r}", err=True) != word:
        raise click.Abort
