"""`import`, `imports`, `check-updates` and `update`."""

import ipaddress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from local_rag.cli import output
from local_rag.cli.client import LONG_TIMEOUT, Client, ServiceError, WrongUsage
from local_rag.cli.common import connect, json_option
from local_rag.cli.progress import follow, report, say_started
from local_rag.cli.sending import Begun, is_text, send_files
from local_rag.documents.formats import described

# What the service says when it may not, or cannot, read a path itself.
_NOT_READABLE = {403, 404}


@click.command("import", epilog=f"Formats: {described()}.")
@click.argument("sources", nargs=-1, required=True)
@click.option("--recursive/--no-recursive", "-r", default=True, help="Subfolders too.")
@click.option(
    "--upload/--by-path",
    default=None,
    help="Send the files, or let the service read the paths. Without either, the service reads "
    "what it can read, and the rest is sent.",
)
@click.option("--meta", multiple=True, metavar="KEY=VALUE", help="Kept with each document.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@json_option
@click.pass_context
def import_(
    ctx: click.Context,
    sources: tuple[str, ...],
    recursive: bool,
    upload: bool | None,
    meta: tuple[str, ...],
    no_wait: bool,
    as_json: bool,
) -> None:
    """Add SOURCES: files, folders and web addresses.

    Files the service reads by itself are watched for changes by check-updates and update. Files
    that are sent are copies: import them again after a change.
    """
    metadata = _metadata(meta)
    urls = [source for source in sources if source.lower().startswith(("http://", "https://"))]
    paths = [_local(source) for source in sources if source not in urls]
    with connect(ctx) as client:
        begun = Begun()
        if urls:
            begun.jobs.append(_submit(client, urls, recursive, metadata))
        if paths:
            _paths(client, begun, paths, recursive, metadata, upload, as_json)
        _finish(ctx, client, begun, no_wait=no_wait, as_json=as_json)


def _metadata(pairs: tuple[str, ...]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair or pair.startswith("=")]
    if wrong:
        raise WrongUsage(f"--meta {wrong[0]!r} is not KEY=VALUE", hint="--meta project=garden")
    return dict(pair.split("=", 1) for pair in pairs)


def _local(source: str) -> Path:
    # Not resolved: a link that the user names is what the user means.
    path = Path(source).expanduser().absolute()
    if not path.exists():
        raise WrongUsage(f"{source} does not exist", hint="check the name")
    return path


def _submit(
    client: Client, sources: list[str], recursive: bool, metadata: dict[str, str]
) -> dict[str, Any]:
    body = {"sources": sources, "recursive": recursive, "metadata": metadata}
    job: dict[str, Any] = client.call("POST", "/imports", json=body, timeout=LONG_TIMEOUT)
    return job


def _paths(
    client: Client,
    begun: Begun,
    paths: list[Path],
    recursive: bool,
    metadata: dict[str, str],
    upload: bool | None,
    as_json: bool,
) -> None:
    """Import by path where that works, else send the files."""
    if upload is None and not _same_machine(client.url):
        upload = True
    if upload:
        send_files(client, begun, paths, recursive, metadata, quiet=as_json)
        return
    unreadable = []
    for path in paths:
        try:
            source = str(path) if is_text(path) else path.as_uri()
            begun.jobs.append(_submit(client, [source], recursive, metadata))
        except ServiceError as error:
            if upload is False or error.status not in _NOT_READABLE:
                raise
            unreadable.append(path)
    if unreadable:
        output.say(
            f"The service cannot read {unreadable[0]} itself, so the files are sent to it. "
            "Import them again after a change.",
            stderr=True,
        )
        send_files(client, begun, unreadable, recursive, metadata, quiet=as_json)


def _same_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _finish(
    ctx: click.Context,
    client: Client,
    begun: Begun,
    *,
    no_wait: bool,
    as_json: bool,
) -> None:
    if no_wait:
        if as_json:
            output.write_json({"jobs": begun.jobs, "skipped": begun.left_out})
        else:
            say_started(begun.jobs)
        return
    done = [follow(client, job, quiet=as_json) for job in begun.jobs]
    ctx.exit(report(client, done, as_json=as_json, left_out=begun.left_out))


@click.group()
def imports() -> None:
    """List, cancel and resume imports."""


@imports.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
@click.pass_context
def list_imports(ctx: click.Context, limit: int, as_json: bool) -> None:
    """List the latest imports."""
    with connect(ctx) as client:
        page = client.call("GET", "/imports", params={"limit": limit})
    if as_json:
        output.write_json(page)
        return
    if not page["items"]:
        output.say("No imports.")
        return
    output.table(
        ("id", "state", "done", "skipped", "failed", "total", "begun", "sources"),
        [
            (
                job["id"],
                output.state(job["state"]),
                job["done"] + job["unchanged"],
                job["skipped"],
                job["failed"],
                job["total"],
                output.when(job["created"]),
                ", ".join(output.place(source) for source in job["sources"][:3])
                + (" …" if len(job["sources"]) > 3 else ""),
            )
            for job in page["items"]
        ],
        right="done,skipped,failed,total,begun",
    )


@imports.command("show")
@click.argument("job")
@click.option("--failed", is_flag=True, help="Only what failed.")
@click.option("--skipped", is_flag=True, help="Only what was left out, with the reasons.")
@json_option
@click.pass_context
def show_import(ctx: click.Context, job: str, failed: bool, skipped: bool, as_json: bool) -> None:
    """Show one import and its files."""
    state = "failed" if failed else "skipped" if skipped else None
    params: dict[str, Any] = {"limit": 1000, **({"state": state} if state else {})}
    with connect(ctx) as client:
        found = client.call("GET", f"/imports/{job}")
        items = client.call("GET", f"/imports/{job}/items", params=params)["items"]
    if as_json:
        output.write_json({**found, "items": items})
        return
    output.say(
        output.state(found["state"]), f"  {found['done']} of {found['total']}  ", found["id"]
    )
    for item in items:
        error = f"  {item['error']}" if item["error"] else ""
        output.say("  ", output.state(item["state"]), f"  {output.place(item['uri'])}{error}")


@imports.command()
@click.argument("job")
@json_option
@click.pass_context
def cancel(ctx: click.Context, job: str, as_json: bool) -> None:
    """Cancel an import; what it has added stays."""
    with connect(ctx) as client:
        found = client.call("DELETE", f"/imports/{job}")
    if as_json:
        output.write_json(found)
    else:
        output.say(f"{job}: ", output.state(found["state"]))


@imports.command()
@click.argument("job")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@json_option
@click.pass_context
def resume(ctx: click.Context, job: str, no_wait: bool, as_json: bool) -> None:
    """Go on with an import that was cancelled or failed in part."""
    with connect(ctx) as client:
        found = client.call("POST", f"/imports/{job}/resume")
        _finish(ctx, client, Begun([found]), no_wait=no_wait, as_json=as_json)


@click.command("check-updates")
@click.option("--all", "everything", is_flag=True, help="What has not changed too.")
@json_option
@click.pass_context
def check_updates(ctx: click.Context, everything: bool, as_json: bool) -> None:
    """List what changed at the sources since the import; nothing is imported."""
    with connect(ctx) as client:
        items = client.call("GET", "/updates", timeout=LONG_TIMEOUT)["items"]
    shown = [item for item in items if everything or item["kind"] != "unchanged"]
    if as_json:
        output.write_json({"items": shown})
        return
    for item in shown:
        output.say(output.state(f"{item['kind']:<10}".strip()), f"  {output.place(item['uri'])}")
    changed = sum(item["kind"] != "unchanged" for item in items)
    output.say(f"{changed} of {len(items)} sources changed." if changed else "Nothing changed.")


@click.command()
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@json_option
@click.pass_context
def update(ctx: click.Context, no_wait: bool, as_json: bool) -> None:
    """Import what changed at the sources, and hide documents whose source is gone."""
    with connect(ctx) as client:
        job = client.call("POST", "/updates", timeout=LONG_TIMEOUT)
        _finish(ctx, client, Begun([job]), no_wait=no_wait, as_json=as_json)
