"""Which versions other packages of a suite still need: what `keep` may not drop."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from debwright.repository.incoming import read_control
from debwright.repository.model import Entry
from debwright.source.order import compare

FIELDS = ("Pre-Depends", "Depends")
_HOLDS = {
    "=": lambda c: c == 0, "<<": lambda c: c < 0, "<=": lambda c: c <= 0,
    ">=": lambda c: c >= 0, ">>": lambda c: c > 0,
}  # fmt: skip

Relation = Mapping[str, Any]
"""One alternative as python-debian gives it: `name`, and `version` as an operator and a version."""


def needed_by_others(
    repo: Path, suite: str, kept: Collection[Entry], gone: Collection[Entry],
    arriving: Mapping[str, Path],
) -> dict[str, str]:  # fmt: skip
    """The paths among `gone` that a package of `kept` depends on, each with the one that needs it.

    A package needs a version when it depends on the name with a restriction that this version
    fulfils and no kept one does. Packages that are not published yet are read at their place in
    `arriving`.
    """
    left = {e.path: e for e in gone if e.kind == "deb"}
    staying = {e.path: e for e in kept if e.kind == "deb"}
    found: dict[str, str] = {}
    while left:
        names = {e.package for e in left.values()}
        more: dict[str, str] = {}
        for control in _controls(repo, suite, staying, names, arriving):
            for alternatives in _relations(control):
                for entry in _missing(alternatives, staying.values(), left.values()):
                    more[entry.path] = f"{control['Package']} {control['Version']}"
        if not more:
            break
        found |= more
        staying |= {path: left.pop(path) for path in more}
    return found


def _missing(
    alternatives: Iterable[Relation], kept: Collection[Entry], gone: Collection[Entry]
) -> Iterator[Entry]:
    """What fulfils a dependency that nothing else does: the newest that there is."""
    relations = [r for r in alternatives if r.get("version")]
    names = {str(r["name"]) for r in alternatives}
    if any(e.package in names and any(_fulfils(e, r) for r in alternatives) for e in kept):
        return
    for relation in relations:
        fitting = [e for e in gone if _fulfils(e, relation)]
        for architecture in {e.architecture for e in fitting}:
            own = [e for e in fitting if e.architecture == architecture]
            newest = own[0]
            for entry in own[1:]:
                newest = entry if compare(entry.version, newest.version) > 0 else newest
            yield newest


def _fulfils(entry: Entry, relation: Relation) -> bool:
    if entry.package != relation["name"]:
        return False
    if not relation.get("version"):
        return True
    operator, version = relation["version"]
    holds = _HOLDS.get(operator)
    return holds is not None and holds(compare(entry.version, version))


def _relations(control: Mapping[str, str]) -> Iterator[Sequence[Relation]]:
    from debian.deb822 import PkgRelation

    for name in FIELDS:
        if text := control.get(name):
            yield from PkgRelation.parse_relations(text)


def _controls(
    repo: Path, suite: str, kept: Mapping[str, Entry], names: Collection[str],
    arriving: Mapping[str, Path],
) -> Iterator[Mapping[str, str]]:  # fmt: skip
    """The control fields of kept packages that say any of `names`."""
    from debian.deb822 import Deb822

    for path, source in arriving.items():
        if path in kept:
            yield read_control(source)
    seen: set[str] = set()
    word = re.compile("|".join(rf"(?<![\w+.-]){re.escape(n)}(?![\w+.-])" for n in names).encode())
    for index in sorted((repo / "dists" / suite).glob("*/binary-*/Packages")):
        for paragraph in _paragraphs_with(index.read_bytes(), word):
            fields = Deb822(paragraph)
            path = str(fields.get("Filename", ""))
            if path in kept and path not in seen:
                seen.add(path)
                yield fields


def _paragraphs_with(data: bytes, word: re.Pattern[bytes]) -> Iterator[bytes]:
    """Only these are parsed: an index may have many thousands."""
    position = 0
    while (hit := word.search(data, position)) is not None:
        before = data.rfind(b"\n\n", 0, hit.start())
        start = 0 if before < 0 else before + 2
        end = data.find(b"\n\n", hit.end())
        position = len(data) if end < 0 else end
        yield data[start:position]
