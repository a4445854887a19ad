"""Builds gathered by time, so that a page stays small however many there were."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from debwright.observe.metrics.query import DAY, Build
from debwright.observe.metrics.trends import quantile

SPANS = ((400.0, 1), (1200.0, 7), (float("inf"), 28))
"""Up to which age in days a bin has how many days."""
MOST_BINS = 12_000
ALL = -1
"""Stands for all branches together."""


@dataclass
class _Bin:
    passed: int = 0
    failed: int = 0
    infrastructure: int = 0
    seconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


def bins(
    builds: Sequence[Build], targets: Sequence[str], branches: Sequence[str], now: float
) -> dict[str, list[float | int | None]]:
    """Columns of bins by target, branch and time; more coarse when they would be too many.

    A build counts under its own branch, where that is one of `branches`, and under ALL.
    """
    for coarse in (1, 2, 4, 8, 16, 64):
        found = _gather(builds, targets, branches, now, coarse)
        if len(found) <= MOST_BINS:
            break
    return _columns(found)


Key = tuple[int, int, int, int]
"""Target, branch, first day since 1970, days."""


def _gather(
    builds: Iterable[Build],
    targets: Sequence[str],
    branches: Sequence[str],
    now: float,
    coarse: int,
) -> dict[Key, _Bin]:
    target_of = {name: n for n, name in enumerate(targets)}
    branch_of: dict[str | None, int] = {name: n for n, name in enumerate(branches)}
    today = int(now // DAY)
    spans = {}
    found: dict[Key, _Bin] = defaultdict(_Bin)
    for build in builds:
        if build.result in ("cached", "skipped"):
            continue
        day = int(build.started // DAY)
        if day not in spans:
            width = next(days for age, days in SPANS if today - day < age) * coarse
            spans[day] = (day - day % width, width)
        target, branch = target_of[build.target], branch_of.get(build.branch)
        for chosen in (ALL,) if branch is None else (ALL, branch):
            bin_ = found[target, chosen, *spans[day]]
            if build.result == "passed":
                bin_.passed += 1
                bin_.seconds.append(build.seconds)
                if build.size is not None:
                    bin_.sizes.append(build.size)
            elif build.infrastructure:
                bin_.infrastructure += 1
            else:
                bin_.failed += 1
    return found


def _columns(found: dict[Key, _Bin]) -> dict[str, list[float | int | None]]:
    names = ("target", "branch", "day", "days", "passed", "failed", "broken",
             "median", "low", "high", "size")  # fmt: skip
    columns: dict[str, list[float | int | None]] = {name: [] for name in names}
    for key in sorted(found, key=lambda k: (k[2], k[0], k[1])):
        bin_ = found[key]
        seconds = sorted(bin_.seconds)
        quartiles = [round(quantile(seconds, q), 1) if seconds else None for q in (0.5, 0.25, 0.75)]
        size = int(statistics.median(bin_.sizes)) if bin_.sizes else None
        values = (*key, bin_.passed, bin_.failed, bin_.infrastructure, *quartiles, size)
        for name, value in zip(names, values, strict=True):
            columns[name].append(value)
    return columns
