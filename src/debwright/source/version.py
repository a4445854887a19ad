"""The Debian version of a source tree, from git's release tags or from debian/changelog.

Format and order of versions: Debian Policy 5.6.12, deb-version(7).
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from debian.debian_support import NativeVersion

from debwright.host.git import git
from debwright.host.process import CommandError
from debwright.model.errors import Evidence, UsageError
from debwright.model.fix import Command
from debwright.model.targets import SUITES
from debwright.source.digest import source_digest
from debwright.source.listing import OUTPUT, SUBMODULE, at
from debwright.source.order import behind_changelog, compare, in_order, with_epoch

__all__ = [
    "VersionInfo",
    "determine",
    "development_version",
    "for_suite",
    "from_changelog",
    "from_git",
    "is_native",
    "release_version",
    "source_digest",
]

_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
# Semantic Versioning 2.0.0, less what Debian's order would read otherwise: identifiers of a
# pre-release are letters with an optional number after them, or a number (`rc1`, `rc.1`,
# `beta`); hyphens within them and build metadata, which semver itself does not order, do not
# count as a release.
_SEMVER = re.compile(
    rf"({_NUMBER}\.{_NUMBER}\.{_NUMBER})"
    rf"(?:-((?:[A-Za-z]+{_NUMBER}?|{_NUMBER})(?:\.(?:[A-Za-z]+{_NUMBER}?|{_NUMBER}))*))?"
)
_TAG_LIMIT = 128
_TAG_PARTS = re.compile(r"(?P<prefix>.*?)(?<![0-9.])(?P<version>[0-9]+\.[0-9]+\.[0-9]+(?:-.*)?)")
_CHANGELOG_LIMIT = 1024 * 1024
_HASH_DIGITS = 8
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class VersionInfo:
    """What is being built."""

    upstream: str
    """The version without epoch and Debian revision; it names the orig tarball."""
    debian: str
    """The whole version, for debian/changelog."""
    commit: str | None
    """Full id of HEAD; None outside git."""
    commit_time: datetime
    """When HEAD was committed, in UTC (of debian/changelog's entry, outside git)."""
    dirty: bool
    """Whether files below the source directory differ from HEAD, or are not in it."""
    tag: str | None
    """The release tag the version is counted from."""
    distance: int
    """Commits after `tag`, or all commits when there is none."""
    notes: tuple[str, ...] = ()
    """What a person should know of it."""
    ignored: tuple[str, ...] = ()
    """Those of the notes that are of tags which do not count."""


@dataclass(frozen=True, kw_only=True)
class _Tag:
    name: str
    upstream: str
    commit: str


def release_version(tag: str, prefix: str = "v") -> str | None:
    """The upstream version a release tag stands for, `v1.2.3-rc1` being `1.2.3~rc1`.

    None for a tag that is not `prefix` and a semantic version: a tag's name is whatever someone
    with access to the repository made it, and becomes part of file names and changelogs.
    """
    if len(tag) > _TAG_LIMIT or not tag.startswith(prefix):
        return None
    match = _SEMVER.fullmatch(tag.removeprefix(prefix))
    if match is None:
        return None
    return f"{match[1]}~{match[2]}" if match[2] else match[1]


def development_version(
    base: str | None, distance: int, commit: str, when: datetime, *, dirty: bool
) -> str:
    """The upstream version of a commit `distance` commits after the release `base`.

    `1.2.3+git5.20261123.gabc12345` is above 1.2.3 and below all of 1.2.4, pre-releases
    included. The number of commits comes first: of two commits one of which follows the other
    the later has more, while dates may run backwards. Next to it the date is for people, and
    the hash tells apart commits of two branches. `+dirty` sorts after the clean tree of the same
    commit and before the next commit, and on a release before `+git`, `d` being before `g`.

    After a pre-release that ends in a letter a 0 comes first: `1.0~beta+git5` would be above
    `1.0~beta2`, but `1.0~beta0+git5` is not. Without any release, `0~git5...` is below 0.0.1.
    """
    marks = ["dirty"] if dirty else []
    if base is None or distance:
        date = when.astimezone(UTC).strftime("%Y%m%d")
        marks.insert(0, f"git{distance}.{date}.g{commit[:_HASH_DIGITS]}")
    if base is None:
        return "0~" + "+".join(marks)
    if marks and not base[-1].isdigit():
        base += "0"
    return "+".join([base, *marks])


def for_suite(version: str, suite: str) -> str:
    """The version of the build for one suite, where the same source is built for several.

    Two different .debs must not have one name and version, and a system that moves to the next
    release must be offered that release's build. So a tilde suffix names the release:
    `1.2.3-1~deb12u1` for bookworm is below `1.2.3-1~deb13u1` for trixie, and both are below
    plain `1.2.3-1`, which sid keeps since every release is older than it. Ubuntu's are
    `~ubuntu22.04.1`, Raspberry Pi OS's `~raspios12u1`. A suite of one's own has its name in the
    suffix, and its order among other such suites is that of the names. The suffix is below every
    later version of the source, whatever the suite.
    """
    info = SUITES.get(suite)
    if info is None:
        return f"{version}~{re.sub(r'[^a-z0-9]', '', suite.lower())}.1"
    if info.release is None:
        return version
    match info.distribution:
        case "debian":
            return f"{version}~deb{info.release}u1"
        case "ubuntu":
            return f"{version}~ubuntu{info.release}.1"
        case other:
            return f"{version}~{other}{info.release}u1"


def determine(
    directory: Path, *, version_from: Literal["git", "changelog"] = "git", tag_prefix: str = "v"
) -> VersionInfo:
    """The version of the source in `directory`, by the way the configuration names."""
    if version_from == "changelog":
        return from_changelog(directory)
    return from_git(directory, tag_prefix=tag_prefix, native=is_native(directory))


def is_native(directory: Path) -> bool:
    """Whether debian/source/format says the package is native, its version without revision."""
    try:
        with (directory / "debian/source/format").open(encoding="utf-8") as file:
            return file.readline(100).strip() == "3.0 (native)"
    except (OSError, UnicodeDecodeError):
        return False


def from_git(directory: Path, *, tag_prefix: str = "v", native: bool = False) -> VersionInfo:
    """The version by the highest release tag in HEAD's history, and the commits since.

    The highest, not the nearest: after a merge of a maintenance branch the nearest tag may be an
    older release, and the version would go back. Only a release tag on HEAD itself goes first.

    Raises UsageError (NotARepository) where there is no commit to ask.
    """
    commit, when = _head(directory)
    names = _tags(directory)
    tags = [
        _Tag(name=name, upstream=upstream, commit=target)
        for name, target in names
        if (upstream := release_version(name, tag_prefix))
    ]
    ignored = _ignored(names, tags, tag_prefix)
    notes = list(ignored)
    tag, distance = _base(directory, tags, commit)
    if tag and distance == 0:
        notes += _order_notes(tag, tags)
    else:
        notes += _shallow_notes(directory, tag, distance)
    changes = _changes(directory)
    if changes:
        shown = ", ".join(changes[:_SHOWN]) + (", ..." if len(changes) > _SHOWN else "")
        notes.append(f"the tree differs from commit {commit[:_HASH_DIGITS]}: {shown}")
    upstream = development_version(
        tag.upstream if tag else None, distance, commit, when, dirty=bool(changes)
    )
    debian = with_epoch(upstream if native else f"{upstream}-1", directory)
    release = tag is not None and distance == 0
    notes += behind_changelog(debian, directory, release=release)
    return VersionInfo(
        upstream=upstream,
        debian=debian,
        commit=commit,
        commit_time=when,
        dirty=bool(changes),
        tag=tag.name if tag else None,
        distance=distance,
        notes=tuple(notes),
        ignored=tuple(ignored),
    )


def from_changelog(directory: Path) -> VersionInfo:
    """The version of the first entry of debian/changelog, exactly as it stands there.

    Raises UsageError when there is none that can be read.
    """
    from debian.changelog import Changelog, ChangelogParseError

    path = directory / "debian/changelog"
    shown = "debian/changelog"
    try:
        with path.open("rb") as file:
            text = file.read(_CHANGELOG_LIMIT).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}",
            cause='package.version_from is "changelog"',
            fix="dch --create, or debwright init",
        ) from error
    try:
        entry = Changelog(text, max_blocks=1, strict=True)
        version = NativeVersion(str(entry.version))
        when = parsedate_to_datetime(entry.date or "").astimezone(UTC)
    except (ChangelogParseError, ValueError, IndexError, TypeError) as error:
        raise UsageError(
            f"{path}: its first entry cannot be read: {error}",
            evidence=[Evidence(text=text.split("\n", 1)[0][:200], file=shown, line=1)],
            cause="the format of deb-changelog(5) is expected",
            fix=Command("dpkg-parsechangelog", "-l", shown),
        ) from error
    notes: list[str] = []
    commit, dirty = None, False
    try:
        commit, when = _head(directory)
        dirty = bool(_changes(directory))
        if dirty:
            notes.append(
                "the tree differs from HEAD; debian/changelog's version says nothing of it"
            )
    except UsageError:
        pass  # a source tree outside git is a good one, too
    return VersionInfo(
        upstream=version.upstream_version or "",
        debian=str(version),
        commit=commit,
        commit_time=when,
        dirty=dirty,
        tag=None,
        distance=0,
        notes=tuple(notes),
    )


def _head(directory: Path) -> tuple[str, datetime]:
    try:
        said = git(directory, "log", "-1", "--format=%H %ct").output
        commit, seconds = said.split()
    except (CommandError, ValueError) as error:
        if isinstance(error, CommandError) and "does not have any commits" not in error.done.error:
            raise
        raise UsageError(
            f"the git repository of {directory} has no commits",
            cause="a version is that of a commit",
            fix="git add . && git commit",
        ) from error
    return commit, datetime.fromtimestamp(int(seconds), UTC)


def _tags(directory: Path) -> list[tuple[str, str]]:
    """Tags in HEAD's history, each with the commit it names."""
    peeled = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    form = f"{peeled} %(refname:lstrip=2)"
    done = git(directory, "for-each-ref", "--merged=HEAD", f"--format={form}", "refs/tags")
    pairs = (line.split(" ", 1) for line in done.output.split("\n") if line)
    return [(name, commit) for commit, name in pairs]


def _base(directory: Path, tags: list[_Tag], head: str) -> tuple[_Tag | None, int]:
    """The tag to count from, and the number of commits since."""
    if not tags:
        return None, _count(directory, "HEAD")
    if on_head := [tag for tag in tags if tag.commit == head]:
        return _highest(on_head), 0
    best = _highest(tags)
    # Tags that dpkg cannot tell apart count from the oldest, or their order would go back.
    equal = [tag for tag in tags if compare(tag.upstream, best.upstream) == 0]
    distance, name = max((_count(directory, f"{t.commit}..HEAD"), t.name) for t in equal)
    return next(tag for tag in equal if tag.name == name), distance


def _highest(tags: Iterable[_Tag]) -> _Tag:
    return max(tags, key=lambda tag: (in_order(tag.upstream), tag.name))


def _count(directory: Path, revisions: str) -> int:
    return int(git(directory, "rev-list", "--count", revisions, "--").output)


def _changes(directory: Path) -> list[str]:
    """Paths below `directory` that differ from HEAD or are unknown to it, as git quotes them."""
    below = ("--", ".", f":(exclude){OUTPUT}")
    # For what is inside of submodules git would start another git, with their configuration.
    done = git(directory, "status", "--porcelain=v1", "--ignore-submodules=dirty", *below)
    changed = [line[3:] for line in done.output.split("\n") if line]
    for name in _submodules(directory):
        place = at(directory, name)
        if name not in changed and (place / ".git").exists() and _changes(place):
            changed.append(name)
    return changed


def _submodules(directory: Path) -> list[str]:
    listed = git(directory, "ls-files", "--stage", "--", ".").output.split("\n")
    return [line.partition("\t")[2] for line in listed if line.startswith(f"{SUBMODULE} ")]


def _ignored(names: list[tuple[str, str]], tags: list[_Tag], prefix: str) -> list[str]:
    counted = {tag.name for tag in tags}
    meant = re.compile(re.escape(prefix) + "[0-9]")
    odd = [name for name, _ in names if name not in counted and meant.match(name)]
    if not odd:
        return [] if tags else _other_prefix(names, prefix)
    shown = ", ".join(name[:40] for name in odd[:_SHOWN]) + (", ..." if len(odd) > _SHOWN else "")
    return [f"tags that are not {prefix}MAJOR.MINOR.PATCH[-PRERELEASE] do not count: {shown}"]


def _other_prefix(names: list[tuple[str, str]], prefix: str) -> list[str]:
    """Where no tag counts: the prefix with which most of them would."""
    found = Counter(
        m["prefix"]
        for name, _ in names
        if (m := _TAG_PARTS.fullmatch(name)) and release_version(name, m["prefix"])
    )
    if not found:
        return []
    other, number = found.most_common(1)[0]
    example = next(n for n, _ in names if release_version(n, other))
    return [
        f"no tag begins with {prefix or 'a number'}: {example[:60]} ({number} in all) would count "
        f'with [package] tag_prefix = "{other}"'
    ]


def _order_notes(tag: _Tag, tags: list[_Tag]) -> list[str]:
    best = _highest(tags)
    if best.commit == tag.commit or compare(best.upstream, tag.upstream) < 0:
        return []
    return [f"{tag.name} does not sort above {best.name}, which is older: apt will not upgrade"]


def _shallow_notes(directory: Path, tag: _Tag | None, distance: int) -> list[str]:
    shallow = git(directory, "rev-parse", "--is-shallow-repository").output.strip() == "true"
    if not shallow:
        return []
    missing = "its release tags are" if tag is None else "newer release tags may be"
    return [
        f"this is a shallow clone, from which {missing} missing, and {distance} commits may be "
        "too few: git fetch --unshallow --tags"
    ]
