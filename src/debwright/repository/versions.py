"""Which versions of its packages a suite keeps."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cmp_to_key
from pathlib import Path

from debwright.repository.entries import Entries
from debwright.repository.model import Entry
from debwright.repository.needed import needed_by_others


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a suite keeps, and what goes."""

    entries: Entries
    dropped: tuple[str, ...] = ()
    """In words, as `greeter 1.0-1 amd64`."""
    held: tuple[str, ...] = ()
    """What stays beyond the number, and why."""


def newest(
    repo: Path, suite: str, entries: Entries, keep: int, *,
    arriving: Mapping[str, Path], added: Collection[str] = (),
) -> Kept:  # fmt: skip
    """The `keep` newest versions of each package and source package, and the tarballs these name.

    Versions are compared as dpkg does, for each architecture by itself. What is among `added` and
    what a kept package needs stays in any case. A file that is not in the pool yet is read at its
    place in `arriving`.
    """
    groups: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    every = {entry.path: entry for entry in entries}
    for entry in every.values():
        if entry.kind != "file":
            groups[entry.kind, entry.package, entry.architecture].append(entry)
    old = [e for g in groups.values() if len(g) > keep for e in sorted_by_version(g)[:-keep]]
    gone = [e for e in old if e.path not in added]
    if not gone:
        return Kept(entries=entries)
    paths = {e.path for e in gone}
    staying = [e for path, e in every.items() if path not in paths]
    needed = needed_by_others(repo, suite, staying, gone, arriving)
    gone = [e for e in gone if e.path not in needed]
    out = {e.path for e in gone}
    out |= _tarballs(repo, every, out, {e.source for e in gone if e.kind == "dsc"}, arriving)
    return Kept(
        entries=entries.changed(removed=[every[path] for path in out]),
        dropped=tuple(sorted(_words(e) for e in gone)),
        held=tuple(sorted(f"{_words(every[p])}, for {who}" for p, who in needed.items())),
    )


def _words(entry: Entry) -> str:
    return f"{entry.package} {entry.version} {entry.architecture}"


def sorted_by_version(entries: Iterable[Entry]) -> list[Entry]:
    """Oldest first, as dpkg compares versions."""
    from debwright.source.order import compare

    key = cmp_to_key(compare)
    return sorted(entries, key=lambda e: key(e.version))


def _tarballs(
    repo: Path,
    entries: Mapping[str, Entry],
    out: set[str],
    sources: set[str],
    arriving: Mapping[str, Path],
) -> set[str]:
    """The tarballs of `sources` that no .dsc names any more."""
    if not sources:
        return set()
    named: set[str] = set()
    for path, entry in entries.items():
        if entry.kind == "dsc" and entry.source in sources and path not in out:
            directory = path.rpartition("/")[0]
            named |= {f"{directory}/{n}" for n in files_of_dsc(arriving.get(path, repo / path))}
    return {
        path
        for path, entry in entries.items()
        if entry.kind == "file" and entry.source in sources and path not in named
    }


def files_of_dsc(dsc: Path) -> list[str]:
    """The names of the files that a .dsc names."""
    from debian.deb822 import Dsc

    with dsc.open("rb") as stream:
        return [str(row["name"]) for row in Dsc(stream).get("Checksums-Sha256", [])]
