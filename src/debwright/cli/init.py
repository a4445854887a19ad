"""debwright init."""

from pathlib import Path

import click

from debwright.cli.common import Options, emit


def _workflows(target: Path, created: list[Path], notes: list[str]) -> None:
    """GitHub's workflows, where they are this project's own to write."""
    from debwright.ci.context import context_of
    from debwright.ci.sync import sync
    from debwright.config import load

    top, context = context_of(load(target))
    if top != target.absolute().resolve():
        notes.append(
            f"the workflows of {top} are not this project's alone: see `debwright workflows sync`"
        )
    elif any((top / ".github/workflows").glob("*.y*ml")):
        notes.append("there are workflows already; debwright's are for `debwright workflows sync`")
    else:
        created += sync(top, context)


@click.command("init")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.pass_obj
def init_project(options: Options, directory: Path | None, *, force: bool) -> int:
    """Scaffold debwright.toml and debian/ for the Python service in DIRECTORY."""
    from debwright.init import scaffold

    target = directory or options.directory
    made = scaffold(target, force=force)
    created, notes = [*made.created], [*made.notes]
    _workflows(target, created, notes)
    lines = [f"wrote {path}" for path in created]
    lines += [f"note: {note}" for note in notes]
    lines.append(f"next: debwright -C {target} run")
    data = {"created": [str(p) for p in created], "notes": notes}
    emit(options, data, "\n".join(lines))
    return 0
