"""debwright init."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit, is_terminal
from debwright.host.interrupts import interruptible
from debwright.model.errors import UsageError, printable
from debwright.model.fix import Command, Correction

if TYPE_CHECKING:
    from debwright.init import Scaffold
    from debwright.init.changes import Change
    from debwright.init.model import Question

WOULD = {
    "wrote": "would write", "updated": "would update", "merged": "would merge",
    "kept": "would keep", "removed": "would remove",
}  # fmt: skip
COLOURS = {"+": "green", "-": "red", "@": "cyan", "#": "yellow"}


@click.command("init")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the defaults, and name them.")
@click.option(
    "--answer", "answers", multiple=True, metavar="NAME=VALUE",
    help="Answer a question beforehand. May be given several times.",
)  # fmt: skip
@click.option("--ecosystem", metavar="NAME", default="", help="Package it as this kind of project.")
@click.option(
    "--workflows/--no-workflows", default=None,
    help="Write GitHub's workflows, too.  [default: where there are none]",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over what was edited, or is not from init.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.pass_obj
def init_project(
    options: Options, directory: Path | None, *, dry_run: bool, yes: bool, answers: tuple[str, ...],
    ecosystem: str, workflows: bool | None, force: bool,
) -> int:  # fmt: skip
    """Write debwright.toml and debian/ for the project in DIRECTORY, by default here.

    Run again, it brings up to date what it wrote, keeps what you edited, and shows what changed.
    debian/changelog is never written over.
    """
    from debwright.init import Wishes, prepare

    target = options.directory if directory is None else options.directory / directory
    if not target.is_dir():
        raise UsageError(f"there is no directory {target}", fix=Command("mkdir", "-p", target))
    wishes = Wishes(
        force=force, ecosystem=ecosystem, answers=_given(answers), workflows=workflows
    )  # fmt: skip
    asking = is_terminal() and not (yes or options.json)
    made = prepare(target, wishes, _ask if asking else None)
    if not dry_run:
        with interruptible():
            made.write()
    emit(options, _data(made, dry_run=dry_run), "\n".join(_lines(made, dry_run=dry_run)))
    return 0


def _given(answers: tuple[str, ...]) -> dict[str, str]:
    given = {}
    for answer in answers:
        name, equals, value = answer.partition("=")
        if not equals:
            raise UsageError(
                f"{answer!r} is no answer", cause="an answer is NAME=VALUE",
                fix=Correction("NAME=VALUE", wrong=answer, option="--answer"),
            )  # fmt: skip
        given[name] = value
    return given


def _ask(question: Question) -> str:
    """Put the question until the answer is one; Ctrl-C raises click.Abort."""
    choices = f" ({', '.join(question.choices)})" if question.choices else ""
    while True:
        answer = click.prompt(printable(question.text) + choices, default=question.default)
        try:
            return question.checked(answer)
        except UsageError as refused:
            click.echo(f"  {printable(refused.cause or refused.what)}")


def _data(made: Scaffold, *, dry_run: bool) -> dict[str, object]:
    return {
        "project": made.title,
        "created": [str(path) for path in made.created],
        "changes": [
            {"path": c.path, "act": c.act, "why": c.why, "diff": list(c.diff())}
            for c in made.changes
        ],
        "notes": made.notes,
        "dry_run": dry_run,
    }


def _lines(made: Scaffold, *, dry_run: bool) -> Iterator[str]:
    width = min(shutil.get_terminal_size().columns, 100)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    yield from _wrapped("", printable(made.title), width)
    again = any(not c.touches for c in made.changes)
    # The first time all is new, and there is nothing that one would compare it with.
    if dry_run or again:
        for change in made.changes:
            yield from (_shown(line, colour=colour) for line in change.diff())
    for line in _acts(made.changes, dry_run=dry_run):
        yield from _wrapped("", line, width)
    for note in made.notes:
        yield from _wrapped("note: ", printable(note), width)
    place = [] if made.directory == Path() else ["-C", made.directory]
    step = ["init"] if dry_run and any(c.touches for c in made.changes) else ["run"]
    yield f"next: {Command('debwright', *place, *step)}"


def _acts(changes: tuple[Change, ...], *, dry_run: bool) -> Iterator[str]:
    """What was done, with files that one thing was done to in one line for each directory."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        if change.bookkeeping or not (change.touches or change.why):
            continue
        top, slash, _ = change.path.partition("/")
        where = top + slash if change.act == "wrote" else change.path
        groups.setdefault((change.act, where, change.why), []).append(change.path)
    for (act, where, why), paths in groups.items():
        number = f" ({len(paths)} files)" if len(paths) > 1 and where.endswith("/") else ""
        name = where if number or not where.endswith("/") else paths[0]
        reason = f": {why}" if why else ""
        yield printable(f"{WOULD.get(act, act) if dry_run else act} {name}{number}{reason}")
    if not groups:
        yield "nothing changes: all is as init writes it, or as you edited it"


def _wrapped(label: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=label, subsequent_indent="  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _shown(line: str, *, colour: bool) -> str:
    """A line of a diff."""
    style = COLOURS.get(line[:1]) if colour else None
    return click.style(printable(line), fg=style) if style else printable(line)
