"""Which versions of its packages a suite keeps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cmp_to_key
from pathlib import Path

from debwright.repository.model import Entry


def newest(
    repo: Path, entries: Mapping[str, Entry], keep: int, arriving: Mapping[str, Path]
) -> dict[str, Entry]:
    """The `keep` newest versions of each package and source package, and the tarballs these name.

    Versions are told apart as dpkg does, for each architecture by itself. A .dsc that is not in
    the pool yet is read at its place in `arriving`.
    """
    groups: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in entries.values():
        if entry.kind != "file":
            groups[entry.kind, entry.package, entry.architecture].append(entry)
    gone: list[Entry] = []
    for group in groups.values():
        if len(group) > keep:
            gone += sorted_by_version(group)[:-keep]
    if not gone:
        return dict(entries)
    out = {e.path for e in gone}
    out |= _tarballs(repo, entries, out, {e.source for e in gone if e.kind == "dsc"}, arriving)
    return {path: e for path, e in entries.items() if path not in out}


def sorted_by_version(entries: Iterable[Entry]) -> list[Entry]:
    """Oldest first, as dpkg compares versions."""
    from debwright.source.version import compare

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
