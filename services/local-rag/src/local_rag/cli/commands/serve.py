"""`serve`."""

import gc
import os
from pathlib import Path

import click

from local_rag.config.layers import Layer
from local_rag.config.settings import Settings, load_settings
from local_rag.core.errors import RagError


@click.command()
@click.option("--host", help="Address to listen on, instead of server.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port, instead of server.port.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the index is kept, instead of storage.data_dir.",
)
@click.option("--check", is_flag=True, help="Only check the configuration, and show it.")
@click.pass_context
def serve(
    ctx: click.Context, host: str | None, port: int | None, data_dir: Path | None, check: bool
) -> None:
    """Run the service until it is interrupted."""
    try:
        settings = _settings(ctx.obj["config"], host, port, data_dir)
        if check:
            _show(settings)
            return
        _run(settings)
    except RagError as error:
        # Imported here, as below: the HTTP client of the other commands would cost the start of
        # the service a third of a second.
        from local_rag.cli.client import translate

        raise translate(error) from error


def _settings(
    config: Path | None, host: str | None, port: int | None, data_dir: Path | None
) -> Settings:
    environ = dict(os.environ)
    if config is not None:
        environ["LOCAL_RAG_CONFIG"] = str(config)
    values: dict[str, dict[str, object]] = {}
    origins: dict[str, str] = {}
    for section, key, value in (
        ("server", "host", host),
        ("server", "port", port),
        ("storage", "data_dir", data_dir.absolute() if data_dir else None),
    ):
        if value is not None:
            values.setdefault(section, {})[key] = value
            origins[f"{section}.{key}"] = f"option --{key.replace('_', '-')}"
    settings = load_settings(environ, given=Layer(values=values, origins=origins))
    settings.server.read_token()
    return settings


def _show(settings: Settings) -> None:
    from local_rag.cli import output

    for section, values in settings.model_dump(mode="json").items():
        for key, value in values.items():
            name = f"{section}.{key}"
            origin = settings.origins.get(name, "default")
            output.say(output.text(f"{name}: ", "bold"), value, output.text(f"  # {origin}", "dim"))


def _run(settings: Settings) -> None:
    # Nothing that is imported is ever garbage, but the collector looks at it again and again: a
    # tenth of the start. The server turns it on again when its interface is loaded.
    gc.disable()
    # Imported here: the other commands need no web server, and --check no model code.
    from local_rag.api import server
    from local_rag.run import logs

    logs.setup_logging(settings.logging)
    listener = server.bind(settings)
    server.run(settings, listener)
