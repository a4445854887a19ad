"""`models list|pull|verify|use`."""

import time
from typing import Any

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn
from rich.text import Text

from local_rag.cli import output
from local_rag.cli.client import LONG_TIMEOUT, Client, CommandError
from local_rag.cli.common import connect, json_option
from local_rag.cli.output import Exit

_POLL_S = 0.5


@click.group()
def models() -> None:
    """List, pull, verify and choose models (GGUF files)."""


@models.command("list")
@json_option
@click.pass_context
def list_models(ctx: click.Context, as_json: bool) -> None:
    """List the models that are installed."""
    with connect(ctx) as client:
        page = client.call("GET", "/models")
    if as_json:
        output.write_json(page)
        return
    if not page["items"]:
        output.say(
            "No models. Install local-rag-model-e5, or: local-rag models pull URL --sha256 …"
        )
        return
    output.table(
        ("name", "use", "size", "", "file"),
        [
            (
                model["name"],
                model["kind"],
                output.size(model["size"]),
                _state(model),
                output.text(model["path"], "dim"),
            )
            for model in page["items"]
        ],
        right="size",
    )


def _state(model: dict[str, Any]) -> Text:
    if model["problem"]:
        return output.text(model["problem"], "red")
    return output.text("in use" if model["active"] else "", "green")


@models.command()
@click.argument("names", nargs=-1)
@json_option
@click.pass_context
def verify(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Compare model files with their checksums; all of them, or those with NAMES."""
    with connect(ctx) as client:
        wanted = names or [model["name"] for model in client.call("GET", "/models")["items"]]
        results = [
            client.call("POST", "/models/verify", json={"name": name}, timeout=LONG_TIMEOUT)
            for name in wanted
        ]
    if as_json:
        output.write_json({"items": results})
    else:
        for item in results:
            word = output.text("ok", "green") if item["ok"] else output.text("broken", "red")
            output.say(f"{item['name']}: ", word, f"  {item['message']}")
    if not all(item["ok"] for item in results):
        ctx.exit(Exit.FAILED)


@models.command()
@click.argument("kind", type=click.Choice(["embedding", "llm"]))
@click.argument("name")
@json_option
@click.pass_context
def use(ctx: click.Context, kind: str, name: str, as_json: bool) -> None:
    """Choose the model NAME for embedding or as the llm."""
    body = {"kind": kind, "name": name}
    with connect(ctx) as client:
        result = client.call("POST", "/models/use", json=body, timeout=LONG_TIMEOUT)
    if as_json:
        output.write_json(result)
        return
    output.say(result["message"])
    if result.get("hint"):
        output.say(output.text("  try: ", "bold"), result["hint"])


@models.command()
@click.argument("url")
@click.option("--sha256", required=True, help="The checksum that the file must have.")
@click.option("--name", help="The file's name here; without it, the one in the address.")
@json_option
@click.pass_context
def pull(ctx: click.Context, url: str, sha256: str, name: str | None, as_json: bool) -> None:
    """Fetch a model from URL; it is kept only if its checksum is right."""
    body = {"url": url, "sha256": sha256, **({"name": name} if name else {})}
    with connect(ctx) as client:
        job = _follow(client, client.call("POST", "/models/pull", json=body), quiet=as_json)
        name, kind = job["name"], "llm"
        for model in client.call("GET", "/models")["items"] if job["state"] == "done" else ():
            if model["name"] == name:
                kind = model["kind"]
    if as_json:
        output.write_json(job)
    elif job["state"] == "done":
        output.say(f"{name} is here. Use it: local-rag models use {kind} {name}")
    if job["state"] != "done":
        if as_json:
            ctx.exit(Exit.FAILED)
        raise CommandError(job["error"] or "the download failed", hint=job.get("hint"))


def _follow(client: Client, job: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = output.console(stderr=True)
    with Progress(*columns, console=console, disable=quiet, transient=True) as bar:
        task = bar.add_task("Fetching", total=None)
        while job["state"] == "running":
            time.sleep(_POLL_S)
            job = client.call("GET", f"/models/pulls/{job['id']}")
            bar.update(task, total=job["total"], completed=job["received"])
    return job
