"""The command `local-rag`. Subcommands are imported when they are used, so that help is quick."""

import importlib
from pathlib import Path

import click

from local_rag import __version__

# name -> (module, attribute, one line of help)
_COMMANDS = {
    "serve": ("serve", "serve", "Run the service."),
    "status": ("status", "status", "Show the health of the service."),
    "import": ("imports", "import_", "Add files, folders and web pages."),
    "imports": ("imports", "imports", "List, cancel and resume imports."),
    "list": ("documents", "list_", "List the documents."),
    "show": ("documents", "show", "Show one document."),
    "delete": ("documents", "delete", "Delete documents, or purge them."),
    "undelete": ("documents", "undelete", "Bring deleted documents back."),
    "query": ("query", "query", "Ask a question."),
    "check-updates": ("imports", "check_updates", "List what changed since the import."),
    "update": ("imports", "update", "Import what changed."),
    "mcp": ("mcp", "mcp", "Serve the Model Context Protocol to a program."),
    "models": ("models", "models", "List, pull, verify and choose models."),
    "backup": ("upkeep", "backup", "Write a copy of the index to a file."),
    "restore": ("upkeep", "restore", "Replace the index by a backup."),
    "reindex": ("upkeep", "reindex", "Embed every document again."),
    "migrate": ("migrate", "migrate", "Move from a user's installation to the package, or back."),
    "reset": ("upkeep", "reset", "Remove every document."),
}


class _Lazy(click.Group):
    """A group whose commands live in modules that are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"local_rag.cli.commands.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 -- the table above is ours
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[2]) for name, entry in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the service cannot be "
    "reached, 4 done in part (or the service is degraded).",
)
@click.version_option(__version__, prog_name="local-rag")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A configuration file, read after the others.",
)
@click.option("--url", envvar="LOCAL_RAG_URL", help="Address of the running service.")
@click.option(
    "--token-file",
    envvar="LOCAL_RAG_TOKEN_FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that holds the token, if the service asks for one.",
)
@click.pass_context
def main(ctx: click.Context, config: Path | None, url: str | None, token_file: Path | None) -> None:
    """Private question answering over your own documents, on this machine."""
    ctx.obj = {"config": config, "url": url, "token_file": token_file}
