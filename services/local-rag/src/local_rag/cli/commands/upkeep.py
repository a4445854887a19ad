"""`backup`, `restore`, `reindex` and `reset`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from local_rag.cli import output
from local_rag.cli.client import LONG_TIMEOUT, CommandError, WrongUsage
from local_rag.cli.common import agree, connect, json_option
from local_rag.cli.progress import follow, report, say_started

_BLOCK = 1 << 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@json_option
@click.pass_context
def backup(ctx: click.Context, file: Path | None, force: bool, as_json: bool) -> None:
    """Write a consistent copy of the index to FILE while the service runs."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    target = file or Path(f"local-rag-{stamp}.sqlite3")
    if target.exists() and not force:
        raise WrongUsage(f"{target} is there already", hint="another name, or --force")
    if not target.parent.is_dir():
        raise WrongUsage(f"the folder {target.parent} does not exist")
    with connect(ctx) as client:
        made = client.call("POST", "/system/backup", timeout=LONG_TIMEOUT)
        path = f"/system/backups/{made['name']}"
        try:
            try:
                size = client.download(path, target, made["sha256"])
            except OSError as error:
                raise CommandError(f"{target} cannot be written: {error.strerror}") from error
        finally:
            # The file is here now (or will not be); the service's copy only takes its room.
            client.call("DELETE", path, accept=(404,))
    if as_json:
        output.write_json({"file": str(target), "size": size, "sha256": made["sha256"]})
    else:
        output.say(f"{target} ({output.size(size)})")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def restore(ctx: click.Context, file: Path, yes: bool, as_json: bool) -> None:
    """Replace the index by the backup FILE; the backup is checked before."""
    agree(f"Replace the whole index by {file}?", yes=yes)

    def blocks() -> Iterator[bytes]:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield block

    with connect(ctx) as client:
        result = client.call(
            "POST",
            "/system/restore",
            params={"confirm": "restore"},
            content=blocks(),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(file.stat().st_size),
            },
            timeout=LONG_TIMEOUT,
        )
    if as_json:
        output.write_json(result)
    else:
        count = result["documents"]
        output.say(f"Restored {count} document{'' if count == 1 else 's'}.")


@click.command()
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@json_option
@click.pass_context
def reindex(ctx: click.Context, yes: bool, no_wait: bool, as_json: bool) -> None:
    """Embed every document again, as is needed after the embedding model changed."""
    agree("Embed every document again? That can take long.", yes=yes)
    with connect(ctx) as client:
        job = client.call("POST", "/system/reindex", timeout=LONG_TIMEOUT)
        if no_wait:
            output.write_json(job) if as_json else say_started([job])
            return
        ctx.exit(report(client, [follow(client, job, quiet=as_json)], as_json=as_json, left_out=[]))


@click.command()
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def reset(ctx: click.Context, yes: bool, as_json: bool) -> None:
    """Remove every document from the index. Your own files are not touched."""
    agree("Remove every document from the index?", yes=yes, word="reset")
    with connect(ctx) as client:
        result = client.call(
            "POST", "/system/reset", json={"confirm": "reset"}, timeout=LONG_TIMEOUT
        )
    if as_json:
        output.write_json(result)
    else:
        count = result["documents"]
        output.say(f"Removed {count} document{'' if count == 1 else 's'}.")
