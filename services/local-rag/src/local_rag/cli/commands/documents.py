"""`list`, `show`, `delete` and `undelete`."""

from typing import Any

import click

from local_rag.cli import output
from local_rag.cli.client import Client, ServiceError
from local_rag.cli.common import agree, connect, json_option
from local_rag.cli.output import Exit

_PAGE = 500


@click.command("list")
@click.option("--filter", "-f", "needle", help="Only titles and sources that contain this.")
@click.option("--deleted", is_flag=True, help="Deleted documents too.")
@click.option("--limit", type=click.IntRange(1), help="At most this many.")
@json_option
@click.pass_context
def list_(
    ctx: click.Context, needle: str | None, deleted: bool, limit: int | None, as_json: bool
) -> None:
    """List the documents, newest first."""
    with connect(ctx) as client:
        items, total = _all(client, needle, deleted, limit)
    if as_json:
        output.write_json({"items": items, "total": total})
        return
    if not items:
        output.say("No documents." if not needle else f"No document matches {needle!r}.")
        return
    output.table(
        ("id", "title", "source", "pieces", "size", "changed"),
        [
            (
                item["id"],
                output.text(item["title"], "strike dim" if item["deleted"] else ""),
                output.text(output.place(item["uri"]), "dim"),
                item["chunk_count"],
                output.size(item["size"]),
                output.when(item["updated"]),
            )
            for item in items
        ],
        right="id,pieces,size,changed",
    )
    if total > len(items):
        output.say(f"{len(items)} of {total} documents")


def _all(
    client: Client, needle: str | None, deleted: bool, limit: int | None
) -> tuple[list[dict[str, Any]], int]:
    items: list[dict[str, Any]] = []
    total = 1
    while len(items) < min(total, limit or total):
        size = min(_PAGE, (limit or total) - len(items)) if limit else _PAGE
        params: dict[str, Any] = {"limit": size, "offset": len(items), "deleted": deleted}
        if needle:
            params["q"] = needle
        page = client.call("GET", "/documents", params=params)
        total = page["total"]
        items += page["items"]
        if not page["items"]:
            break
    return items, total


@click.command()
@click.argument("document", type=int)
@click.option("--text", "with_text", is_flag=True, help="The whole text instead of the facts.")
@json_option
@click.pass_context
def show(ctx: click.Context, document: int, with_text: bool, as_json: bool) -> None:
    """Show the document with the number DOCUMENT."""
    with connect(ctx) as client:
        item = client.call("GET", f"/documents/{document}")
        content = _text(client, document) if with_text else None
    if as_json:
        output.write_json(item if content is None else {**item, "text": content})
        return
    if content is not None:
        click.echo(output.clean(content))
        return
    for label, value in (
        ("Title", item["title"]),
        ("Number", item["id"]),
        ("Source", output.place(item["uri"])),
        ("Also at", "\n".join(output.place(uri) for uri in item["sources"] if uri != item["uri"])),
        ("Type", item["media_type"]),
        ("Size", output.size(item["size"])),
        ("Pages", item["pages"]),
        ("Pieces", item["chunk_count"]),
        ("Added", output.when(item["created"])),
        ("Changed", output.when(item["updated"])),
        ("Deleted", output.when(item["deleted"])),
        ("Content", item["content_hash"]),
        *((key, value) for key, value in item["metadata"].items()),
    ):
        if value not in (None, ""):
            output.say(output.text(f"{output.clean(label):<10} ", "bold"), value)


def _text(client: Client, document: int) -> str:
    parts: list[str] = []
    offset = 0
    while True:
        path = f"/documents/{document}/content"
        page = client.call("GET", path, params={"offset": offset, "limit": 1_000_000})
        parts.append(page["text"])
        offset += len(page["text"])
        if not page["text"] or offset >= page["total_chars"]:
            return "".join(parts)


@click.command()
@click.argument("documents", type=int, nargs=-1, required=True)
@click.option("--purge", is_flag=True, help="Remove for good, instead of only hiding.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def delete(
    ctx: click.Context, documents: tuple[int, ...], purge: bool, yes: bool, as_json: bool
) -> None:
    """Delete documents by number. They can be brought back until they are purged."""
    if purge:
        count = len(documents)
        agree(f"Purge {count} document{'' if count == 1 else 's'} for good?", yes=yes)
    _each(ctx, documents, as_json, "purged" if purge else "deleted", purge=purge)


@click.command()
@click.argument("documents", type=int, nargs=-1, required=True)
@json_option
@click.pass_context
def undelete(ctx: click.Context, documents: tuple[int, ...], as_json: bool) -> None:
    """Bring deleted documents back."""
    _each(ctx, documents, as_json, "restored")


def _each(
    ctx: click.Context,
    documents: tuple[int, ...],
    as_json: bool,
    done: str,
    *,
    purge: bool = False,
) -> None:
    """Apply to every number; one that fails does not keep the others from it."""
    results: list[dict[str, Any]] = []
    with connect(ctx) as client:
        for document in documents:
            try:
                if done == "restored":
                    client.call("POST", f"/documents/{document}/restore")
                else:
                    params = {"purge": purge}
                    client.call("DELETE", f"/documents/{document}", params=params)
                results.append({"id": document, "result": done})
            except ServiceError as error:
                results.append({"id": document, "result": "failed", "error": error.message})
    failed = [item for item in results if "error" in item]
    if as_json:
        output.write_json({"items": results})
    else:
        for item in results:
            output.say(f"{item['id']}: ", item.get("error") or item["result"])
    if failed:
        ctx.exit(Exit.FAILED if len(failed) == len(results) else Exit.PARTLY)
