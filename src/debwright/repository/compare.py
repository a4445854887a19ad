"""What differs between two publications, for people."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debwright.model.errors import UsageError
from debwright.model.fix import Command
from debwright.repository import store
from debwright.repository.entries import Changes, Entries, changes
from debwright.repository.model import Entry
from debwright.repository.plan import State, entries_of, load


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What became of a package in a suite."""

    package: str
    architecture: str
    kind: str
    """`deb`, or `dsc` for a source package."""
    before: tuple[str, ...]
    """Versions, the oldest first; none where it was not there."""
    after: tuple[str, ...]


def compared(repo: Path, one: int, other: int) -> dict[str, list[Difference]]:
    """What publication `other` has otherwise than `one`, by suite; suites without it are left out.

    Raises UsageError for a publication that is not there any more.
    """
    before, after = (entries_of(_load(repo, number)) for number in (one, other))
    found = {
        suite: _differences(before.get(suite, Entries()), after.get(suite, Entries()))
        for suite in sorted({*before, *after})
    }
    return {suite: differences for suite, differences in found.items() if differences}


def _load(repo: Path, number: int) -> State | None:
    there = store.publication_numbers(repo)
    if number not in there:
        raise UsageError(
            f"there is no publication {number}",
            cause=f"there are {', '.join(map(str, there))}",
            fix=Command("debwright", "repo", "list"),
        )
    return load(repo, number)


def _differences(before: Entries, after: Entries) -> list[Difference]:
    changed: Changes = changes(before, after)
    names = {e.package for e in (*changed.added, *changed.removed) if e.kind != "file"}
    found = []
    for name in sorted(names):
        old, new = _versions(before.named(name)), _versions(after.named(name))
        for kind, architecture in sorted(old.keys() | new.keys()):
            was, now = old.get((kind, architecture), ()), new.get((kind, architecture), ())
            if was != now:
                found.append(
                    Difference(
                        package=name, architecture=architecture, kind=kind, before=was, after=now
                    )
                )
    return found


def _versions(entries: Iterable[Entry]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    from debwright.repository.versions import sorted_by_version

    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.kind != "file":
            groups[entry.kind, entry.architecture].append(entry)
    return {key: tuple(map(_words, sorted_by_version(group))) for key, group in groups.items()}


def _words(entry: Entry) -> str:
    return entry.version if entry.phased is None else f"{entry.version} ({entry.phased} %)"
