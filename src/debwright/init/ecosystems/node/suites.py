"""Which suites have a node that the project, and what it depends on, works with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from debwright.init.ecosystems.node.engines import allows
from debwright.model.errors import Evidence, UsageError
from debwright.model.suites import SUITES

WANTED = ("bookworm", "trixie")
"""Suites that are tried in this order."""
ARCHITECTURES = ("amd64", "arm64")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Versions of node that somebody asks for."""

    who: str
    range: str


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """The suite that is built for."""

    suite: str
    note: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(f"{self.suite}-{arch}" for arch in ARCHITECTURES)


def fitting(package: Mapping[str, Any], dependencies: Iterable[Mapping[str, Any]]) -> Fitting:
    """The first suite whose node all of them work with. Raises UsageError where the project itself
    asks for a node that no suite has."""
    engines = package.get("engines")
    said = engines.get("node") if isinstance(engines, Mapping) else None
    own = Wanted(who="package.json", range=said) if isinstance(said, str) else None
    others = [
        Wanted(who=f"{d['name']} {d['version']}", range=d["engines"])
        for d in dependencies
        if d.get("engines") and not d["optional"]
    ]
    first = WANTED[0]
    for suite in WANTED:
        against = _against(suite, [*([own] if own else []), *others])
        if not against:
            return Fitting(suite=suite, note=_why_not(first, suite, own, others))
    if own is not None and _against(WANTED[-1], [own]):
        raise UsageError(
            f"package.json asks for node {own.range}, and no suite has it",
            evidence=[Evidence(text=f'"engines": {{"node": "{own.range}"}}', file="package.json")],
            cause=", ".join(f"{suite} has {SUITES[suite].node}" for suite in WANTED),
            fix="allow an older node in package.json, if the service works with it",
        )
    # A dependency of its own accord asks for more; the checks will tell whether it needs it.
    fit = [s for s in WANTED if own is None or not _against(s, [own])]
    suite = min(fit, key=lambda s: len(_against(s, others)))
    culprit = _against(suite, others)[0]
    return Fitting(
        suite=suite,
        note=f"{culprit.who} asks for node {culprit.range}; {suite} has {SUITES[suite].node}, and "
        "no suite has what all dependencies ask for",
    )


def _against(suite: str, wanted: Iterable[Wanted]) -> list[Wanted]:
    have = SUITES[suite].node
    assert have is not None
    return [one for one in wanted if not allows(one.range, have)]


def _why_not(first: str, suite: str, own: Wanted | None, others: list[Wanted]) -> str | None:
    if suite == first:
        return None
    culprit = _against(first, [*([own] if own else []), *others])[0]
    return (
        f"built for {suite} only: {culprit.who} asks for node {culprit.range}, and {first} has "
        f"{SUITES[first].node}"
    )
