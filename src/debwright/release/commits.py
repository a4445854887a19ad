"""Commits since a release, read by git-cliff (`--context`), the one source of all changelogs.

Conventional Commits 1.0.0 are sorted by their type; others are kept as they are. A message is
text by whoever may push: it is cut to one line of printable characters here, and quoted by
whoever writes it into a format.
"""

import json
import re
import shutil
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from debwright.config import LoadedConfig
from debwright.host.git import NotARepository, git
from debwright.host.process import CommandError, run
from debwright.model.errors import DebwrightError, Evidence, MissingError, UsageError
from debwright.model.fix import Command, Correction
from debwright.source.order import compare, with_epoch
from debwright.source.version import determine, is_native, release_version

TEXT_LIMIT = 300
CONTEXT_LIMIT = 256 * 1024 * 1024
COMMITS_LIMIT = 20_000

_CONFIG = """\
[changelog]
body = ""
[git]
conventional_commits = true
filter_unconventional = false
filter_commits = false
split_commits = false
protect_breaking_commits = true
sort_commits = "oldest"
commit_parsers = [
  { message = "(?i)^(feat|feature)(\\\\(|!|:)", group = "feature" },
  { message = "(?i)^(sec|security)(\\\\(|!|:)", group = "security" },
  { message = "(?i)^(fix|bugfix|hotfix)(\\\\(|!|:)", group = "fix" },
  { message = "(?i)^perf(\\\\(|!|:)", group = "performance" },
  { message = "(?i)^revert(\\\\(|!|:)", group = "revert" },
  { message = "(?i)^docs?(\\\\(|!|:)", group = "documentation" },
  { message = "(?i)^(build|chore|ci|refactor|style|test|tests)(\\\\(|!|:)", group = "internal" },
  { message = ".*", group = "other" },
]
"""


class Kind(StrEnum):
    """What a change is, in the order in which people want to read of it."""

    SECURITY = "security"
    FEATURE = "feature"
    FIX = "fix"
    PERFORMANCE = "performance"
    OTHER = "other"
    REVERT = "revert"
    DOCUMENTATION = "documentation"
    INTERNAL = "internal"


TITLES = {
    Kind.SECURITY: "Security",
    Kind.FEATURE: "New",
    Kind.FIX: "Fixed",
    Kind.PERFORMANCE: "Faster",
    Kind.OTHER: "Changed",
    Kind.REVERT: "Taken back",
    Kind.DOCUMENTATION: "Documentation",
    Kind.INTERNAL: "Internal",
}

_SKIPPED = re.compile(
    r"(?:Merge (?:branch|branches|tag|commit|pull request|remote-tracking)\b|fixup! |squash! "
    r"|amend! |(?:chore|build)\(release\)|chore: release\b)"
)
# What a history without conventions has where others have a type.
_BUMP = re.compile(
    r"(?:(?:bump|set|prepare) (?:the )?version\b.*|(?:(?:release|version) )?v?\d+(?:\.\d+)+\S*)",
    re.IGNORECASE,
)
_REVERTED = re.compile(r"^This reverts commit ([0-9a-f]{40,64})\b", re.MULTILINE)
_ISSUE = re.compile(r"(?<![\w/#&])#(\d{1,9})\b")
_CLOSING = ("closes", "close", "fixes", "fix", "resolves", "resolve", "refs", "ref", "issue")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One commit as a reader of a changelog sees it."""

    kind: Kind
    text: str
    """One line of printable characters, without the type and the scope."""
    scope: str | None
    breaking: str | None
    """What users must do or lose; None when nothing breaks."""
    issues: tuple[int, ...]
    commit: str


def previous_release(directory: Path, revision: str, prefix: str, version: str) -> str | None:
    """The tag of the release before `version` in the history of `revision`.

    Before a release proper, pre-releases do not count: what they brought is new to its users.
    """
    done = git(
        directory, "for-each-ref", f"--merged={revision}", "--format=%(refname:lstrip=2)",
        "refs/tags",
    )  # fmt: skip
    found = [(release_version(tag, prefix), tag) for tag in done.output.split("\n") if tag]
    best: tuple[str, str] | None = None
    for upstream, tag in found:
        if upstream is None or compare(upstream, version) >= 0:
            continue
        if "~" in upstream and "~" not in version:
            continue
        if best is None or compare(upstream, best[0]) > 0:
            best = (upstream, tag)
    return best[1] if best else None


def changes_between(directory: Path, since: str | None, until: str = "HEAD") -> list[Change]:
    """What changed below `directory` after `since` (None: ever) up to `until`, oldest first.

    Raises UsageError when git does not know them, or the clone does not have all in between,
    MissingError without git-cliff.
    """
    top = Path(git(directory, "rev-parse", "--show-toplevel").output.strip())
    last = _commit(directory, until)
    revisions = f"{_commit(directory, since)}..{last}" if since else last
    _refuse_gap(directory, revisions, since)
    with tempfile.TemporaryDirectory() as scratch:
        config, context = Path(scratch) / "cliff.toml", Path(scratch) / "context.json"
        config.write_text(_CONFIG, encoding="utf-8")
        below = directory.resolve().relative_to(top.resolve())
        paths = ["--include-path", f"{below}/**"] if below.parts else []
        argv = [
            *(_git_cliff(), "--no-exec", "--offline", "--repository", str(top), *paths),
            *("--config", str(config), "--context", "--output", str(context), "--", revisions),
        ]
        try:
            run(argv, timeout=300, env={"NO_COLOR": "1"})
        except CommandError as error:
            raise DebwrightError(
                "git-cliff could not read the history",
                evidence=error.evidence,
                fix=Command("git", "-C", directory, "log", "--oneline", revisions),
            ) from error
        if context.stat().st_size > CONTEXT_LIMIT:
            raise DebwrightError(
                "the history is too large for a changelog", fix=Correction("TAG", option="--since")
            )
        releases = json.loads(context.read_text(encoding="utf-8", errors="replace"))
    commits = [c for release in releases for c in release.get("commits", [])]
    return changes_of(commits[-COMMITS_LIMIT:])


def changes_of(commits: Sequence[Mapping[str, Any]]) -> list[Change]:
    """The changes of git-cliff's commits; those that say nothing to a reader are left out.

    So are those that were taken back, with what took them back, and all but the first of several
    that say the same.
    """
    gone = _taken_back(commits)
    changes = (_change(c) for n, c in enumerate(commits) if n not in gone)
    found: dict[tuple[Kind, str | None, str], Change] = {}
    for change in changes:
        if change is not None:
            found.setdefault((change.kind, change.scope, change.text), change)
    return list(found.values())


def _taken_back(commits: Sequence[Mapping[str, Any]]) -> set[int]:
    """Places of commits that a later one reverts, and of these; a revert may be reverted itself."""
    places = {str(commit.get("id") or ""): n for n, commit in enumerate(commits)}
    gone: set[int] = set()
    for number in range(len(commits) - 1, -1, -1):
        raw = str(commits[number].get("raw_message") or "")
        reverted = _REVERTED.search(raw) if number not in gone else None
        if reverted is None:
            continue
        if (place := places.get(reverted[1], number)) < number:
            gone |= {number, place}
    return gone


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """The first line of a text, of printable characters alone, shortened."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    plain = " ".join("".join(c if c.isprintable() else " " for c in first).split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def _change(commit: Mapping[str, Any]) -> Change | None:
    raw = str(commit.get("raw_message") or commit.get("message") or "")
    if _SKIPPED.match(raw) or commit.get("merge_commit"):
        return None
    kind = _kind(str(commit.get("group") or ""))
    # `net: fix a leak` has no type of ours: `net` is for the reader.
    said = raw if kind is Kind.OTHER else str(commit.get("message") or "")
    text = re.sub(r"^[-*•+] +", "", one_line(said))
    if not text:
        return None
    if text.startswith('Revert "'):
        kind = Kind.REVERT
    elif kind is Kind.OTHER and _BUMP.fullmatch(text):
        kind = Kind.INTERNAL
    breaking = None
    if commit.get("breaking"):
        breaking = one_line(str(commit.get("breaking_description") or text)) or text
    scope = None if kind is Kind.OTHER else one_line(str(commit.get("scope") or ""), 40) or None
    return Change(
        kind=kind, text=text, scope=scope, breaking=breaking,
        issues=_issues(text, commit.get("footers") or []), commit=str(commit.get("id") or ""),
    )  # fmt: skip


def _kind(group: str) -> Kind:
    try:
        return Kind(group)
    except ValueError:
        return Kind.OTHER


def _issues(text: str, footers: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    found = [int(n) for n in _ISSUE.findall(text)]
    for footer in footers:
        if str(footer.get("token", "")).lower() in _CLOSING:
            value = str(footer.get("value", ""))
            separated = str(footer.get("separator", "")).strip() == "#"
            found += [
                int(n) for n in re.findall(r"#(\d{1,9})\b", f"#{value}" if separated else value)
            ]
    return tuple(dict.fromkeys(found))


def _commit(directory: Path, name: str) -> str:
    """The commit a name stands for; git never sees the name as an option."""
    try:
        return git(
            directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        ).output.strip()
    except CommandError as error:
        raise UsageError(
            f"git knows no commit {name!r}",
            evidence=[Evidence(text=str(directory))],
            cause="there is no such tag here; a shallow clone has few of them",
            fix="git fetch --unshallow --tags; git tag --list",
        ) from error


def _refuse_gap(directory: Path, revisions: str, since: str | None) -> None:
    """Raise UsageError where a shallow clone ends within the commits that are asked for."""
    if git(directory, "rev-parse", "--is-shallow-repository").output.strip() != "true":
        return
    name = git(directory, "rev-parse", "--git-path", "shallow").output.strip()
    ends = set((directory / name).read_text(encoding="ascii").split())
    inside = ends & set(git(directory, "rev-list", revisions).output.split())
    if inside:
        raise UsageError(
            f"this clone is shallow: changes since {since or 'the beginning'} are not all in it",
            evidence=[Evidence(text=f"it ends at commit {commit}") for commit in sorted(inside)],
            cause="it was made with --depth (in a workflow: fetch-depth), and a changelog of it "
            "would have gaps",
            fix="git fetch --unshallow --tags",
        )


def _untagged(directory: Path, version: str, before: str | None, prefix: str) -> list[str]:
    """A note when debian/changelog has a release that no tag here stands for."""
    path = directory / "debian" / "changelog"
    if not path.is_file():
        return []
    from debian.changelog import Changelog, ChangelogParseError

    try:
        blocks = list(Changelog(path.read_text(encoding="utf-8"), strict=True))
    except (ChangelogParseError, ValueError, OSError):
        return []  # whoever writes into it says what is wrong
    since = release_version(before, prefix) if before else None
    for block in blocks:
        upstream = re.sub(r"^\d+:", "", str(block.version))
        upstream = upstream.rpartition("-")[0] or upstream
        if compare(upstream, version) < 0:
            if since is not None and compare(upstream, since) <= 0:
                return []
            told = f"since {before}" if before else "since the beginning"
            return [
                f"debian/changelog has {block.version}, for which there is no tag here: all "
                f"changes {told} are listed; git fetch --tags, or --since COMMIT"
            ]
    return []


def _git_cliff() -> str:
    """git-cliff as it was installed with debwright, or else on PATH."""
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("git-cliff", path=scripts) or shutil.which("git-cliff")
    if found is None:
        raise MissingError("git-cliff is not installed", fix="pip install git-cliff")
    return found


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a version brought."""

    version: str
    tag: str
    since: str | None
    changes: tuple[Change, ...]
    when: datetime
    notes: tuple[str, ...] = ()
    """What a person should know of where it begins."""


def story_of(loaded: LoadedConfig, directory: Path, *, tag: str | None, since: str | None) -> Story:
    """The changes of the version that `tag` names or will name, by default the current one."""
    package = loaded.config.package
    info = determine(directory, version_from="git", tag_prefix=package.tag_prefix)
    # What is not committed is in no entry, debian/changelog itself least of all.
    debian = info.debian.replace("+dirty", "")
    upstream, until = info.upstream.replace("+dirty", ""), "HEAD"
    if tag is not None:
        found = release_version(tag, package.tag_prefix)
        if found is None:
            raise UsageError(
                f"{tag!r} is not a release's tag",
                cause=f"{package.tag_prefix}MAJOR.MINOR.PATCH[-PRERELEASE] is expected",
                fix=Command("debwright", "changelog", "--tag", f"{package.tag_prefix}1.2.3"),
            )
        upstream = found
        debian = with_epoch(found if is_native(directory) else f"{found}-1", directory)
        until = tag if _exists(directory, tag) else "HEAD"
    before = since or previous_release(directory, until, package.tag_prefix, upstream)
    shown = tag or (info.tag if info.tag and info.distance == 0 else (info.commit or "HEAD"))
    return Story(
        version=debian,
        tag=shown,
        since=before,
        changes=tuple(changes_between(directory, before, until)),
        when=info.commit_time,
        notes=() if since else tuple(_untagged(directory, upstream, before, package.tag_prefix)),
    )


def _exists(directory: Path, tag: str) -> bool:
    try:
        git(directory, "rev-parse", "--verify", "--quiet", f"refs/tags/{tag}^{{commit}}")
    except (CommandError, NotARepository):
        return False
    return True
