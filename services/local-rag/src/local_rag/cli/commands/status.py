"""`status`."""

from typing import Any

import click

from local_rag.cli import output
from local_rag.cli.client import Client, ServiceError
from local_rag.cli.common import connect, json_option
from local_rag.cli.output import Exit

_CODES = {"ok": Exit.OK, "degraded": Exit.PARTLY}


@click.command()
@click.option("--verbose", "-v", is_flag=True, help="Every component with its details.")
@json_option
@click.pass_context
def status(ctx: click.Context, verbose: bool, as_json: bool) -> None:
    """Show the health of the service, and what to do about what is not well."""
    with connect(ctx) as client:
        health = client.call("GET", "/health", accept=(503,))
        info = _about(client) if verbose else None
    if as_json:
        output.write_json(health if info is None else {**health, "system": info})
    else:
        _print(health, info, client.url, verbose)
    ctx.exit(_CODES.get(health["status"], Exit.FAILED))


def _about(client: Client) -> dict[str, Any] | None:
    """Return facts about the service; None while its index is closed, which health explains."""
    try:
        found: dict[str, Any] = client.call("GET", "/system")
    except ServiceError as error:
        if error.status in (401, 403):
            raise
        return None
    return found


def _print(health: dict[str, Any], info: dict[str, Any] | None, url: str, verbose: bool) -> None:
    hours, seconds = divmod(round(health["uptime_s"]), 3600)
    output.say(
        output.state(health["status"]),
        f"  local-rag {health['version']} at {url}, up {hours} h {seconds // 60} min",
    )
    for part in health["components"]:
        message = (output.text(f"  {part['name']:<12} "), output.state(part["state"]))
        output.say(*message, "  ", part["message"])
        if part["hint"] and (verbose or part["state"] != "ok"):
            output.say(output.text("               try: ", "bold"), part["hint"])
        if verbose:
            for key, value in part["details"].items():
                output.say(output.text(f"               {output.clean(key)}: {value}", "dim"))
    for key, value in (info or {}).items():
        output.say(output.text(f"  {output.clean(key)}: ", "bold"), value)
