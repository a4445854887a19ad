"""The pool files of a suite, of which only those that somebody asks for are parsed.

They are lines of JSON, sorted by package and path, as a manifest has them on disk. One of them is
found by bisection, and a change is kept apart from the lines until it is written: so one package
more costs the same in a suite of a hundred and in one of a hundred thousand.
"""

import mmap
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from pydantic import ValidationError

from debwright.model.errors import DebwrightError, Evidence
from debwright.repository.model import Entry

SEPARATOR = b",\n"
# Neither has a character that JSON would escape: `Entries.of` and Entry see to that.
_KEY = re.compile(rb'"path":"([^"\n]*)"[^\n]*?"package":"([^"\n]*)"')
BLOCK = 1024 * 1024
"""Bytes of lines that are read at once; a line is far shorter."""
Buffer = bytes | mmap.mmap
Tally = Mapping[tuple[str, str, str], int]
"""How many entries there are of a kind, a component and an architecture."""


def sort_key(entry: Entry) -> tuple[bytes, bytes]:
    return entry.package.encode(), entry.path.encode()


def package_of(path: str) -> str:
    """The package that a pool file is of, or its source package: its path says so (pool.py)."""
    directory, _, name = path.rpartition("/")
    return name.partition("_")[0] if name.endswith(".deb") else directory.rpartition("/")[2]


def encode(entry: Entry) -> bytes:
    return entry.model_dump_json(exclude_none=True).encode()


def parse(line: bytes) -> Entry:
    """The entry of a line. Raises DebwrightError for one that nobody has written."""
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        raise DebwrightError(
            "a manifest of the repository cannot be read",
            evidence=[Evidence(text=line[:200].decode("utf-8", "replace"))],
            cause="files below publications/ were changed or removed by hand",
            fix="move the repository away and publish all packages again, or pull it from a store",
        ) from error


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Sorted lines between two places of a file, a separator between each two of them."""

    data: Buffer = b""
    start: int = 0
    end: int = 0
    _keys: dict[int, tuple[bytes, bytes]] = field(default_factory=dict, repr=False, compare=False)

    def place(self, key: tuple[bytes, bytes]) -> int:
        """Where the first line begins that is not before `key`."""
        low, high = self.start, self.end
        while low < high:
            middle = (low + high) // 2
            begin = self.data.rfind(b"\n", low, middle) + 1 or low
            if self.key(begin) < key:
                low = self.after(begin)
            else:
                high = begin
        return low

    def after(self, begin: int) -> int:
        """Where the line ends that begins there, with its separator."""
        end = self.data.find(b"\n", begin, self.end)
        return self.end if end < 0 else end + 1

    def line(self, begin: int) -> bytes:
        return self.data[begin : self.after(begin)].removesuffix(SEPARATOR)

    def key(self, begin: int) -> tuple[bytes, bytes]:
        if (key := self._keys.get(begin)) is None:
            found = _KEY.search(self.data, begin, self.end)
            key = self._keys[begin] = (found[2], found[1]) if found else (b"", b"")
        return key

    def blocks(self, begin: int, end: int) -> Iterator[bytes]:
        """Whole lines, each with its separator; not all at once, for there may be many."""
        while begin < end:
            stop = end if end - begin < BLOCK else self.data.rfind(b"\n", begin, begin + BLOCK) + 1
            text = self.data[begin:stop]
            yield text + SEPARATOR if stop == self.end else text
            begin = stop


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What one set of entries has more, and what less, than another."""

    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


@dataclass(frozen=True, kw_only=True)
class Entries(Collection[Entry]):
    """The entries of a suite, in the order of packages and paths."""

    lines: Lines = Lines()
    tally: Tally = field(default_factory=dict)
    packages: int = 0
    """Names of binary packages."""
    state: str = ""
    """What tells the lines from all others that were ever written."""
    added: Mapping[str, Entry] = field(default_factory=dict)
    removed: Mapping[str, Entry] = field(default_factory=dict)
    """What differs from the lines, by path."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Entries":
        """Raises ValueError for an entry whose path says another package."""
        found = {entry.path: entry for entry in entries}
        for path, entry in found.items():
            if package_of(path) != entry.package:
                raise ValueError(f"{path} is no path of {entry.package}")
        return cls().changed(added=found.values())

    def __len__(self) -> int:
        return sum(self.tally.values())

    def __iter__(self) -> Iterator[Entry]:
        return (parse(line) for line in self.encoded())

    def __contains__(self, entry: object) -> bool:
        return isinstance(entry, Entry) and self.get(entry.path) == entry

    @property
    def has_sources(self) -> bool:
        return any(kind == "dsc" for kind, _, _ in self.tally)

    def encoded(self) -> Iterator[bytes]:
        """The line of each entry."""
        for part in self.parts():
            for line in part.splitlines():
                yield line.removesuffix(b",")

    def get(self, path: str) -> Entry | None:
        """The entry of a pool file."""
        if path in self.added:
            return self.added[path]
        return None if path in self.removed else self._on_a_line(path)

    def _on_a_line(self, path: str) -> Entry | None:
        wanted = (package_of(path).encode(), path.encode())
        begin = self.lines.place(wanted)
        if begin == self.lines.end or self.lines.key(begin) != wanted:
            return None
        return parse(self.lines.line(begin))

    def named(self, package: str) -> list[Entry]:
        """All of a package, and of the source package of this name."""
        wanted, found = package.encode(), []
        begin = self.lines.place((wanted, b""))
        while begin < self.lines.end and self.lines.key(begin)[0] == wanted:
            entry = parse(self.lines.line(begin))
            if entry.path not in self.removed and entry.path not in self.added:
                found.append(entry)
            begin = self.lines.after(begin)
        return sorted([*found, *self._added_by_package.get(package, ())], key=sort_key)

    @cached_property
    def _added_by_package(self) -> Mapping[str, Sequence[Entry]]:
        known: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.added.values():
            known[entry.package].append(entry)
        return known

    def changed(self, *, added: Iterable[Entry] = (), removed: Iterable[Entry] = ()) -> "Entries":
        """These with some others. What is added takes the place of what has its path."""
        more, less = dict(self.added), dict(self.removed)
        tally: Counter[tuple[str, str, str]] = Counter(self.tally)
        had: dict[str, bool] = {}
        for entry, comes in [*((e, False) for e in removed), *((e, True) for e in added)]:
            path = entry.path
            old = more.get(path) or (None if path in less else self._on_a_line(path))
            if old == (entry if comes else None):
                continue
            if entry.package not in had:
                had[entry.package] = _has_binary(self.named(entry.package))
            if old is not None:
                tally[_sort(old)] -= 1
                if more.pop(path, None) is None:
                    less[path] = old
            if comes:
                tally[_sort(entry)] += 1
                if less.get(path) == entry:
                    del less[path]
                else:
                    more[path] = entry
        made = replace(
            self, added=more, removed=less, tally={k: n for k, n in tally.items() if n}
        )  # fmt: skip
        moved = sum(_has_binary(made.named(name)) - before for name, before in had.items())
        return replace(made, packages=self.packages + moved)

    def parts(self) -> Iterator[bytes]:
        """All lines, each with its separator, in parts as large as the changes leave them."""
        splices = [(self.lines.place(sort_key(e)), 0, sort_key(e), b"") for e in
                   self.removed.values()]  # fmt: skip
        splices += [
            (self.lines.place(sort_key(e)), 1, sort_key(e), encode(e) + SEPARATOR)
            for e in self.added.values()
        ]
        begin = self.lines.start
        for place, comes, _, text in sorted(splices, key=lambda s: (s[0], s[2], s[1])):
            yield from self.lines.blocks(begin, max(begin, place))
            begin = max(begin, place)
            if comes:
                yield text
            else:
                begin = self.lines.after(place)
        yield from self.lines.blocks(begin, self.lines.end)


def changes(before: Entries, after: Entries) -> Changes:
    """What has to be done with `before` so that it is `after`."""
    if before.lines is after.lines and not before.added and not before.removed:
        return Changes(
            added=tuple(after.added.values()), removed=tuple(after.removed.values())
        )  # fmt: skip
    old, new = dict.fromkeys(before.encoded()), dict.fromkeys(after.encoded())
    return Changes(
        added=tuple(parse(line) for line in new if line not in old),
        removed=tuple(parse(line) for line in old if line not in new),
    )


def _sort(entry: Entry) -> tuple[str, str, str]:
    return entry.kind, entry.component, entry.architecture


def _has_binary(entries: Iterable[Entry]) -> bool:
    return any(e.kind == "deb" for e in entries)
