"""`migrate`. The only command but `serve` that works on files: no service may run meanwhile."""

from pathlib import Path

import click

from local_rag.cli import output
from local_rag.cli.client import WrongUsage, translate
from local_rag.cli.common import agree, json_option
from local_rag.config.layers import SYSTEM_CONFIG
from local_rag.core.errors import RagError
from local_rag.run.migrate import record
from local_rag.run.migrate.move import move
from local_rag.run.migrate.places import PACKAGED_DATA, Place, packaged, personal

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--home", type=_FOLDER, help="Home directory of the user whose data are moved.")
@click.option("--data-dir", type=_FOLDER, help="The user's data, if the configuration of the user "
              "does not name them.")  # fmt: skip
@click.option("--back", is_flag=True, help="From the package to the user.")
@click.option("--undo", is_flag=True, help="Undo the last migration.")
@click.option("--replace", is_flag=True, help="Put documents aside that are there already.")
@click.option("--system-config", type=_FILE, default=SYSTEM_CONFIG, show_default=True)
@click.option("--system-data", type=_FOLDER, default=PACKAGED_DATA, show_default=True)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
def migrate(
    home: Path | None,
    data_dir: Path | None,
    back: bool,
    undo: bool,
    replace: bool,
    system_config: Path,
    system_data: Path,
    yes: bool,
    as_json: bool,
) -> None:
    """Move a user's documents and settings to the packaged service, or back.

    Everything is copied: what it was copied from stays as it is, and what it replaces is kept and
    comes back with --undo. Both services must be stopped.
    """
    try:
        target, source = _places(home, data_dir, system_config, system_data, back=back)
        if undo:
            agree(f"Undo the last migration to {target.data}?", yes=yes)
            _undo(target, as_json=as_json)
        elif source is None:
            raise WrongUsage("whose documents?", hint="for example --home /home/alice")
        else:
            agree(f"Copy {source.data} to {target.data}?", yes=yes)
            _move(source, target, replace=replace, as_json=as_json)
    except RagError as error:
        raise translate(error) from error


def _places(
    home: Path | None, data_dir: Path | None, config: Path, data: Path, *, back: bool
) -> tuple[Place, Place | None]:
    """Return where to and, if it was said, where from."""
    user = personal(home, data_dir) if home is not None else None
    if not back:
        return packaged(config, data), user
    if user is None:
        raise WrongUsage("back to whom?", hint="for example --home /home/alice")
    return user, packaged(config, data)


def _undo(target: Place, *, as_json: bool) -> None:
    kept, came_from = record.undo(target)
    if as_json:
        output.write_json({"undone": str(target.data), "kept": str(kept)})
        return
    output.say(f"{target.data} is as it was before.")
    output.say(f"What came from {came_from}, and whatever was added since, is kept in {kept}")


def _move(source: Place, target: Place, *, replace: bool, as_json: bool) -> None:
    moved = move(source, target, replace=replace)
    if as_json:
        output.write_json(
            {
                "data": str(target.data),
                "config": str(target.config),
                "counts": moved.counts,
                "journal": str(moved.journal),
                "notes": list(moved.notes),
            }
        )
        return
    documents, chunks = moved.counts["documents"], moved.counts["chunks"]
    output.say(f"{documents} documents in {chunks} pieces are in {target.data} now.")
    output.say(f"The settings are in {target.config}. {source.data} is as it was.")
    for note in moved.notes:
        output.say(f"note: {note}")
