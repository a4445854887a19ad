"""Release notes in Markdown, of text that nobody has looked at before."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from debwright.config import Config, LoadedConfig
from debwright.github.place import github_repository
from debwright.model.errors import ConfigError
from debwright.release.commits import TITLES, Change, Kind, Story

MOST = 300
"""Changes of a kind that are listed; fewer when the whole would be too long."""
LENGTH_LIMIT = 125_000
"""Characters of notes that GitHub takes."""
_SPECIAL = re.compile(r"([\\*_{}\[\]<>#|~$&!`])")
_CODE = re.compile(r"(`[^`\n]+`)")


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where issues and comparisons are; `repository` is the URL of the project's page."""

    repository: str | None = None

    def issue(self, number: int) -> str:
        if self.repository is None:
            return f"\\#{number}"
        return f"[#{number}]({self.repository}/issues/{number})"

    def compare(self, since: str | None, until: str) -> str | None:
        if self.repository is None or since is None:
            return None
        return f"{self.repository}/compare/{since}...{until}"


def notes_of(loaded: LoadedConfig, story: Story, install: str = "") -> str:
    """The release notes: the configured file's, or those made from the commits."""
    if (name := loaded.config.release.notes_file) is not None:
        path = loaded.inside(name, "release.notes_file")
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


def release_notes(
    changes: Sequence[Change], *, links: Links, since: str | None, tag: str, install: str = ""
) -> str:
    """The notes: what breaks first, then by kind, then what is internal, folded.

    `install` is Markdown of our own making, put behind the changes.
    """
    tail = [install.strip()] if install else []
    if url := links.compare(since, tag):
        tail.append(f"All changes: <{url}>")
    text, most = "", MOST
    while most:
        parts = _sections(changes, links, most) or ["No changes that users see."]
        text = "\n\n".join(part.rstrip() for part in (*parts, *tail)) + "\n"
        if len(text) <= LENGTH_LIMIT:
            break
        most //= 2
    return text


def _sections(changes: Sequence[Change], links: Links, most: int) -> list[str]:
    parts: list[str] = []
    breaking = [c for c in changes if c.breaking is not None]
    if breaking:
        bullets = _bullets(breaking, links, most, breaking=True)
        parts.append(f"## Breaking changes\n\n{bullets}")
    for kind in Kind:
        of_kind = [c for c in changes if c.kind is kind and c.breaking is None]
        if not of_kind:
            continue
        bullets = _bullets(of_kind, links, most)
        if kind is Kind.INTERNAL:
            count = f"{len(of_kind)} internal change{'s' if len(of_kind) > 1 else ''}"
            parts.append(f"<details><summary>{count}</summary>\n\n{bullets}\n</details>")
        else:
            parts.append(f"## {TITLES[kind]}\n\n{bullets}")
    return parts


def escaped(text: str) -> str:
    """A line of text that Markdown shows as it is: no markup, no HTML, nobody is notified.

    Spans in backquotes stay, since nothing within them has a meaning.
    """
    parts = _CODE.split(text)
    for index, part in enumerate(parts):
        if index % 2 == 0:
            plain = _SPECIAL.sub(r"\\\1", part)
            parts[index] = re.sub(r"@(?=\w)", "@<!-- -->", plain)
    line = "".join(parts)
    # At the start of an item these would begin a list, a quotation or a rule of its own.
    return re.sub(r"^([-+>=]|\d+[.)])", r"\\\1", line)


def _bullets(changes: Sequence[Change], links: Links, most: int, *, breaking: bool = False) -> str:
    lines = [f"- {_item(change, links, breaking=breaking)}" for change in changes[:most]]
    if len(changes) > most:
        lines.append(f"- and {len(changes) - most} more")
    return "\n".join(lines) + "\n"


def _item(change: Change, links: Links, *, breaking: bool) -> str:
    text = escaped(change.text)
    for number in change.issues:
        # Numbers and a configured URL: no backslash that re.sub would read.
        shown = links.issue(number).replace("\\", r"\\")
        text = re.sub(rf"\\#{number}\b", shown, text)
    rest = [links.issue(n) for n in change.issues if links.issue(n) not in text]
    if rest:
        text += f" ({', '.join(rest)})"
    if change.scope:
        text = f"**{escaped(change.scope)}:** {text}"
    if breaking and change.breaking and change.breaking != change.text:
        text += f"\n  {escaped(change.breaking)}"
    return text


def install_text(config: Config, package: str, name: str, fingerprints: str) -> str:
    """How to install and to check, in Markdown; all of its parts are of the configuration."""
    lines = ["## Install", ""]
    if config.repository.url is not None:
        lines += [
            f"From the [package repository]({config.repository.url}), with upgrades to come:",
            "", "```sh", f"sudo apt install {package}", "```", "",
            f"Its key and its entry for apt come with the package `{name}-archive-keyring`.",
        ]  # fmt: skip
    else:
        lines += ["Download the package of your system, then `sudo apt install ./FILE.deb`."]
    keys = " and ".join(f"`{f}`" for f in fingerprints.split())
    lines += [
        "", "Every file has a signature (`.asc`), and `SHA256SUMS` names them all. With "
        "`SHA256SUMS`, `SHA256SUMS.asc` and the files next to each other:",
        "", "```sh", "debwright verify --key KEY.asc .", "```", "",
        f"Signed with {keys}.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
