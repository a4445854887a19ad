"""How long stages take, how often builds succeed, what emulation costs: over time."""

import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from debwright.observe.metrics.changes import LONGEST, Change, change_points
from debwright.observe.metrics.query import DAY, Build, StageTime

TOTAL = "total"
"""The name under which all stages of a target together are found among stages."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Of several values: the middle, and what half and nearly all of them lie within."""

    count: int
    median: float
    low: float
    """The lower quartile."""
    high: float
    """The upper quartile."""
    p95: float
    last: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        ordered = sorted(values)
        return cls(
            count=len(values), median=quantile(ordered, 0.5), low=quantile(ordered, 0.25),
            high=quantile(ordered, 0.75), p95=quantile(ordered, 0.95), last=values[-1],
        )  # fmt: skip


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of sorted values, interpolated between neighbours (Hyndman and Fan's type 7)."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


class Key(NamedTuple):
    """What can be compared: the same stage of one target, on machines of one class, built alike."""

    target: str
    stage: str
    machine: str
    strategy: str


class Point(NamedTuple):
    """One value of a series."""

    at: float
    seconds: float
    run: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A change point, and the first build that had the new level."""

    change: Change
    first: Point


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A series with its spread since the last change, and its changes."""

    key: Key
    points: Sequence[Point] = field(repr=False)
    spread: Spread
    moved: Sequence[Moved]


def series(
    builds: Iterable[Build], stages: Iterable[StageTime], only: Collection[str] | None = None
) -> dict[Key, list[Point]]:
    """The times of stages that were done, oldest first; of builds that passed, in whole, as TOTAL.

    A build of which a part was found done has no total: it is no measure of anything. `only` these
    stages are looked at, or all.
    """
    by_build: dict[int, list[StageTime]] = defaultdict(list)
    for stage in stages:
        by_build[stage.build].append(stage)
    found: dict[Key, list[Point]] = defaultdict(list)
    for build in builds:
        own = by_build.get(build.n)
        if own is None or not build.counts:
            continue
        target, machine, strategy = build.target, build.machine, build.strategy
        whole = False
        for _, name, seconds, _ in own:
            whole = whole or name == "build"
            if only is None or name in only:
                point = Point(build.started, seconds, build.run, build.version)
                found[Key(target, name, machine, strategy)].append(point)
        if whole and len(own) > 1 and build.result == "passed":
            point = Point(build.started, build.seconds, build.run, build.version)
            found[Key(target, TOTAL, machine, strategy)].append(point)
    return found


def trends(found: dict[Key, list[Point]]) -> list[Trend]:
    """Each series with its changes; the spread is that of the newest level."""
    made = []
    for key, points in sorted(found.items()):
        changes = moves([p.seconds for p in points])
        since = changes[-1].index if changes else 0
        made.append(
            Trend(
                key=key, points=points, spread=Spread.of([p.seconds for p in points[since:]]),
                moved=tuple(Moved(change=c, first=points[c.index]) for c in changes),
            )
        )  # fmt: skip
    return made


def moves(values: Sequence[float]) -> list[Change]:
    """Change points of a series of any length: of the newest values one by one, of older in groups.

    A group is represented by its median, so an old change is found to within a group.
    """
    recent = len(values) - LONGEST
    if recent <= 0:
        return change_points(values)
    group = -(-recent // LONGEST)
    starts = list(range(0, recent, group))
    old = change_points([statistics.median(values[s : s + group]) for s in starts])
    changes = [replace(c, index=starts[c.index]) for c in old]
    return changes + [replace(c, index=c.index + recent) for c in change_points(values[recent:])]


@dataclass(frozen=True, kw_only=True)
class Success:
    """How builds ended within some days. What the machine or the network broke is counted apart."""

    passed: int
    failed: int
    infrastructure: int
    cached: int
    skipped: int

    @property
    def ratio(self) -> float | None:
        """Of builds that say something of the package; None when there were none."""
        total = self.passed + self.failed
        return self.passed / total if total else None


def success(builds: Iterable[Build], now: float, days: float) -> Success:
    counts: dict[str, int] = defaultdict(int)
    for build in builds:
        if now - days * DAY < build.started <= now:
            broken = build.result == "failed" and build.infrastructure
            counts["infrastructure" if broken else build.result] += 1
    return Success(
        passed=counts["passed"], failed=counts["failed"],
        infrastructure=counts["infrastructure"], cached=counts["cached"],
        skipped=counts["skipped"],
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """What building for another architecture cost, against a native build of the same version."""

    at: float
    suite: str
    target: str
    strategy: str
    ratio: float
    """Processor time of the build stage, or wall time where the former is not known."""
    version: str


def overheads(builds: Iterable[Build], stages: Iterable[StageTime]) -> list[Overhead]:
    """For every version that was built natively and otherwise, for one suite, on one class."""
    times = {s.build: s for s in stages if s.name == "build"}
    groups: dict[tuple[str, str, str, str], list[tuple[Build, StageTime]]] = defaultdict(list)
    for build in builds:
        if build.counts and build.result == "passed" and build.n in times and not build.companion:
            suite = build.target.rpartition("-")[0]
            key = (build.package, build.version, suite, build.machine)
            groups[key].append((build, times[build.n]))
    made = []
    for (_, version, suite, _), members in groups.items():
        native = [s for b, s in members if b.strategy == "native"]
        others: dict[tuple[str, str], list[tuple[Build, StageTime]]] = defaultdict(list)
        for build, stage in members:
            if build.strategy in ("cross", "emulated"):
                others[build.target, build.strategy].append((build, stage))
        for (target, strategy), pairs in others.items():
            ratio = _ratio([s for _, s in pairs], native)
            if ratio is not None:
                at = max(b.started for b, _ in pairs)
                made.append(Overhead(at=at, suite=suite, target=target, strategy=strategy,
                                     ratio=ratio, version=version))  # fmt: skip
    return sorted(made, key=lambda o: (o.at, o.target, o.strategy))


def _ratio(other: Sequence[StageTime], native: Sequence[StageTime]) -> float | None:
    """Of medians: of processor time where all have it, else of wall time."""
    for column in (
        ([s.cpu for s in other], [s.cpu for s in native]),
        ([s.seconds for s in other], [s.seconds for s in native]),
    ):
        mine, base = ([v for v in values if v] for values in column)
        if base and (len(mine), len(base)) == (len(other), len(native)):
            return statistics.median(mine) / statistics.median(base)
    return None
