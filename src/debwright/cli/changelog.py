"""debwright changelog."""

from __future__ import annotations

import os
from pathlib import Path

import click

from debwright.cli.common import Options, emit, reporter_for
from debwright.model.errors import UsageError


@click.command("changelog")
@click.option("--tag", help="The release's tag, even before it exists. Default: the current one.")
@click.option("--since", help="The tag or commit to begin after. Default: the release before.")
@click.option("--write", is_flag=True, help="Put the entry into debian/changelog.")
@click.option(
    "--notes", type=click.Path(path_type=Path, dir_okay=False), help="Write release notes there."
)
@click.option("--distribution", default="unstable", show_default=True, help="Of the entry.")
@click.pass_obj
def tell_changes(
    options: Options, *, tag: str | None, since: str | None, write: bool, notes: Path | None,
    distribution: str,
) -> int:  # fmt: skip
    """What changed since the last release: an entry for debian/changelog, and release notes.

    Made from the commits; those that follow Conventional Commits are sorted by their type.
    """
    from debwright.config import load
    from debwright.host.files import atomic_write
    from debwright.release.changelog import entry, prepend, says_the_same
    from debwright.release.commits import story_of
    from debwright.release.notes import notes_of
    from debwright.source.make import read_tree

    loaded = load(options.directory)
    directory = loaded.resolve(loaded.config.package.source)
    if directory.suffix == ".dsc":
        raise UsageError("a .dsc has its changelog within", fix="name a source directory")
    tree = read_tree(directory)
    story = story_of(loaded, directory, tag=tag, since=since)
    author = _author() or tree.maintainer
    text = entry(
        tree.name, story.version, story.changes, distribution=distribution, author=author,
        when=story.when,
    )  # fmt: skip
    page = notes_of(loaded, story)
    reporter = reporter_for(options)
    for note in story.notes:
        reporter.note(note)
    reporter.close()
    lines = []
    if write:
        path = directory / "debian/changelog"
        written = prepend(path, text)
        done = "wrote {}: {}" if written else "{} has {} already: nothing to do"
        lines.append(done.format(path, story.version))
        if not written and not says_the_same(path, text):
            lines.append(
                "its entry is not what the commits say now: edit it, or remove it and try again"
            )
    if notes is not None:
        atomic_write(notes, page)
        lines.append(f"wrote {notes}")
    data = {
        "version": story.version, "since": story.since, "changelog": text, "notes": page,
        "changes": len(story.changes),
    }  # fmt: skip
    emit(options, data, "\n".join(lines) or f"{text}\n{page}")
    return 0


def _author() -> str | None:
    name, address = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL")
    return f"{name} <{address}>" if name and address else None
