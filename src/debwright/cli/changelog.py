"""debwright changelog."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit
from debwright.host.git import NotARepository, git
from debwright.host.process import CommandError
from debwright.model.errors import ConfigError, UsageError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.release.commits import Change


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a version brought."""

    version: str
    tag: str
    since: str | None
    changes: tuple[Change, ...]
    when: datetime


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
    from debwright.release.changelog import entry, prepend
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
    lines = []
    if write:
        prepend(directory / "debian/changelog", text)
        lines.append(f"wrote {directory / 'debian/changelog'}: {story.version}")
    if notes is not None:
        atomic_write(notes, page)
        lines.append(f"wrote {notes}")
    data = {
        "version": story.version, "since": story.since, "changelog": text, "notes": page,
        "changes": len(story.changes),
    }  # fmt: skip
    emit(options, data, "\n".join(lines) or f"{text}\n{page}")
    return 0


def story_of(loaded: LoadedConfig, directory: Path, *, tag: str | None, since: str | None) -> Story:
    """The changes of the version that `tag` names or will name, by default the current one."""
    from debwright.release.commits import changes_between, previous_release
    from debwright.source.version import determine, is_native, release_version

    package = loaded.config.package
    info = determine(directory, version_from="git", tag_prefix=package.tag_prefix)
    upstream, debian, until = info.upstream, info.debian, "HEAD"
    if tag is not None:
        found = release_version(tag, package.tag_prefix)
        if found is None:
            raise UsageError(
                f"{tag!r} is not a release's tag",
                cause=f"{package.tag_prefix}MAJOR.MINOR.PATCH[-PRERELEASE] is expected",
                fix=Command("debwright", "changelog", "--tag", f"{package.tag_prefix}1.2.3"),
            )
        upstream, debian = found, found if is_native(directory) else f"{found}-1"
        until = tag if _exists(directory, tag) else "HEAD"
    before = since or previous_release(directory, until, package.tag_prefix, upstream)
    shown = tag or (info.tag if info.tag and info.distance == 0 else (info.commit or "HEAD"))
    return Story(
        version=debian,
        tag=shown,
        since=before,
        changes=tuple(changes_between(directory, before, until)),
        when=info.commit_time,
    )


def notes_of(loaded: LoadedConfig, story: Story, install: str = "") -> str:
    """The release notes: the configured file's, or those made from the commits."""
    from debwright.github.place import github_repository
    from debwright.release.notes import Links, release_notes

    if (name := loaded.config.release.notes_file) is not None:
        path = loaded.resolve(name)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"release.notes_file {path} cannot be read", cause=str(error)
            ) from error
    repository = github_repository(loaded)
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    links = Links(repository=f"{server}/{repository}" if repository else None)
    return release_notes(
        story.changes, links=links, since=story.since, tag=story.tag, install=install
    )


def _exists(directory: Path, tag: str) -> bool:
    try:
        git(directory, "rev-parse", "--verify", "--quiet", f"refs/tags/{tag}^{{commit}}")
    except (CommandError, NotARepository):
        return False
    return True


def _author() -> str | None:
    name, address = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL")
    return f"{name} <{address}>" if name and address else None
