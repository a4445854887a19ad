"""Updates that not all machines get at once: apt's field Phased-Update-Percentage.

apt works out for each machine, from its id and from the name and version of the source package,
whether an upgrade is for it already (apt_preferences(5) of apt 2.6 and later; PhasedUpgrader in
apt-pkg/upgrade.cc). Who has the version keeps it, and who installs the package gets it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from debwright.model.errors import UsageError
from debwright.model.fix import Command
from debwright.repository.entries import Entries
from debwright.repository.model import DataModel, Entry

ALL = 100
"""The percentage of everybody, which needs no field."""


class Phasing(DataModel):
    """The percentages that a version of a source package is to have, and from when on."""

    source: str
    version: str
    packages: tuple[str, ...]
    """Its binary packages."""
    steps: tuple[tuple[int, int], ...]
    """Seconds since 1970, and the percentage from then on; the earliest first."""

    def percent(self, now: float) -> int | None:
        """What it is to be by now; None before the first step."""
        return next((percent for since, percent in reversed(self.steps) if since <= now), None)

    @property
    def end(self) -> int:
        return self.steps[-1][0]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person wants of a source package in a suite."""

    suite: str
    source: str
    version: str | None = None
    """The newest when None."""
    percents: tuple[int, ...] = ()
    """One after the other, the first now."""
    every: int = 0
    """Seconds between them."""


def raised(
    entries: Entries, phasings: Sequence[Phasing], now: float
) -> tuple[Entries, tuple[Phasing, ...]]:
    """The entries with the percentages of `now`, and what is still to come."""
    left = []
    for phasing in phasings:
        found = [e for name in phasing.packages for e in entries.named(name) if _is(e, phasing)]
        percent = phasing.percent(now)
        if percent is not None:
            entries = entries.changed(added=phased(found, percent))
        if found and phasing.end > now:
            left.append(phasing)
    return entries, tuple(left)


def phased(entries: Iterable[Entry], percent: int | None) -> list[Entry]:
    """Binary packages with a percentage; None and 100 are for everybody."""
    value = None if percent == ALL else percent
    return [
        e if e.kind != "deb" or e.phased == value else e.model_copy(update={"phased": value})
        for e in entries
    ]


def begin(
    entries: Entries, wanted: Wanted, before: Sequence[Phasing], now: int
) -> tuple[Entries, tuple[Phasing, ...]]:
    """The entries with the first percentage of `wanted`, and all that is to come then.

    What was to come of the same source package is given up. Raises UsageError when the suite does
    not have the package.
    """
    from debwright.repository.versions import sorted_by_version

    own = [e for e in entries if e.source == wanted.source and e.kind == "deb"]
    if wanted.version is None and own:
        newest = sorted_by_version(own)[-1].version
    else:
        newest = wanted.version or ""
    found = [e for e in own if e.version == newest]
    if not found:
        version = f" in version {wanted.version}" if wanted.version else ""
        raise UsageError(
            f"{wanted.suite} has no packages of the source package {wanted.source}{version}",
            fix=Command("debwright", "repo", "list", "--packages"),
        )
    steps = tuple((now + n * wanted.every, p) for n, p in enumerate(wanted.percents))
    phasing = Phasing(
        source=wanted.source, version=newest, steps=steps,
        packages=tuple(sorted({e.package for e in found})),
    )  # fmt: skip
    others = [p for p in before if p.source != wanted.source]
    return raised(entries, [*others, phasing], now)


def _is(entry: Entry, phasing: Phasing) -> bool:
    return (entry.kind, entry.source, entry.version) == ("deb", phasing.source, phasing.version)


def told(phasings: Mapping[str, Sequence[Phasing]]) -> list[str]:
    """What is still to come in each suite, in words."""
    from datetime import UTC, datetime

    return [
        f"{suite}: {p.source} {p.version} gets "
        + ", ".join(
            f"{percent} % from {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M} UTC"
            for since, percent in p.steps
        )
        for suite, each in sorted(phasings.items())
        for p in each
    ]
