"""The rules: what of the records is a problem. Each yields nothing while all is well."""

import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from debwright.host.files import human_seconds, human_size
from debwright.observe.metrics import Metrics, query, trends
from debwright.observe.metrics.query import DAY, Build, StageTime
from debwright.observe.metrics.store import Store

MEDIAN_DAYS = 7
ENOUGH_BUILDS = 10
"""Builds without which a success rate says nothing."""
ENOUGH_TIMES = 5
ENOUGH_SIZES = 3
FLAKY_OF = 10


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that is wrong now."""

    key: str
    """Rule and subject; the same problem has the same key tomorrow."""
    title: str
    text: str
    next: str
    """The command to type."""

    @property
    def rule(self) -> str:
        return self.key.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the rules look at: builds of the branches that count, oldest first."""

    builds: Sequence[Build]
    stages: Sequence[StageTime]
    checks: dict[int, dict[str, str]]
    """Build to its checks' results."""
    metrics: Metrics
    now: float

    @classmethod
    def of(cls, store: Store, metrics: Metrics, now: float) -> "Facts":
        since = now - max(metrics.window_days, MEDIAN_DAYS) * DAY
        patterns = metrics.alerts.branches
        builds = [
            b for b in query.builds(store, query.Filter(days=metrics.window_days, now=now))
            if b.branch is None or any(fnmatchcase(b.branch, p) for p in patterns)
        ]  # fmt: skip
        rows = store.rows("SELECT n, checks FROM build WHERE started >= ?", (since,))
        return cls(
            builds=builds, stages=query.stage_times(store, since), metrics=metrics, now=now,
            checks={n: json.loads(checks) for n, checks in rows},
        )  # fmt: skip

    def by_target(self) -> dict[str, list[Build]]:
        found: dict[str, list[Build]] = defaultdict(list)
        for build in self.builds:
            found[build.target].append(build)
        return found


def problems(facts: Facts) -> list[Problem]:
    """All that the records say is wrong."""
    return [problem for rule in RULES for problem in rule(facts)]


def failing(facts: Facts) -> Iterator[Problem]:
    wanted = facts.metrics.alerts.failures_in_row
    for target, builds in facts.by_target().items():
        counted = [b for b in builds if b.counts]
        streak = next(
            (n for n, b in enumerate(reversed(counted)) if b.result == "passed"), len(counted)
        )
        if wanted and streak >= wanted:
            last = counted[-1]
            yield Problem(
                key=f"failing:{target}", title=f"{target} failed {streak} times in a row",
                text=f"The last was {last.version}, with {last.code or 'no code'}; it began with "
                f"{counted[-streak].version}.",
                next=f"debwright metrics show {last.run}",
            )  # fmt: skip


def success(facts: Facts) -> Iterator[Problem]:
    aim, days = facts.metrics.success_percent, facts.metrics.window_days
    for target, builds in facts.by_target().items():
        rate = trends.success(builds, facts.now, days)
        total = rate.passed + rate.failed
        if rate.ratio is not None and total >= ENOUGH_BUILDS and 100 * rate.ratio < aim:
            yield Problem(
                key=f"success:{target}", title=f"fewer than {aim:g} % of {target}'s builds succeed",
                text=f"{rate.passed} of {total} within {days} days, {100 * rate.ratio:.1f} %; "
                f"{rate.infrastructure} more failed for the machine or the network.",
                next=f"debwright metrics trends -t {target}",
            )  # fmt: skip


def slow(facts: Facts) -> Iterator[Problem]:
    limit = facts.metrics.duration_growth_percent
    for key, points in sorted(trends.series(facts.builds, facts.stages).items()):
        if key.stage != trends.TOTAL:
            continue
        last = points[-1]
        recent = [p.seconds for p in points[:-1] if p.at >= last.at - MEDIAN_DAYS * DAY]
        if len(recent) < ENOUGH_TIMES:
            continue
        growth = _growth(last.seconds, statistics.median(recent))
        if growth > limit:
            yield Problem(
                key=f"slow:{key.target}:{key.machine}:{key.strategy}",
                title=f"{key.target} takes {growth:.0f} % longer than usual",
                text=f"{last.version} took {human_seconds(last.seconds)}; the median of "
                f"{MEDIAN_DAYS} days is {human_seconds(statistics.median(recent))} "
                f"({key.strategy}, {key.machine}).",
                next=f"debwright metrics compare last~1 {last.run}",
            )  # fmt: skip


def large(facts: Facts) -> Iterator[Problem]:
    limit = facts.metrics.size_growth_percent
    yield from _grown(facts, "size", "packages", limit, lambda b: b.size)


def memory(facts: Facts) -> Iterator[Problem]:
    limit = facts.metrics.memory_growth_percent
    yield from _grown(facts, "memory", "service's memory", limit, lambda b: b.memory)


def _grown(
    facts: Facts, rule: str, what: str, limit: float, value: Callable[[Build], float | None]
) -> Iterator[Problem]:
    for target, builds in facts.by_target().items():
        known = [(b, v) for b in builds if b.result == "passed" and (v := value(b))]
        earlier = [v for _, v in known[:-1]]
        if len(earlier) < ENOUGH_SIZES:
            continue
        last, now = known[-1]
        usual = statistics.median(earlier)
        if (growth := _growth(now, usual)) > limit:
            yield Problem(
                key=f"{rule}:{target}", title=f"{target}: the {what} grew by {growth:.0f} %",
                text=f"{human_size(int(now))} in {last.version}; the median of "
                f"{facts.metrics.window_days} days is {human_size(int(usual))}.",
                next=f"debwright metrics compare last~1 {last.run}",
            )  # fmt: skip


def flaky(facts: Facts) -> Iterator[Problem]:
    """What worked at the second try only, and checks that judged one version both ways."""
    most = facts.metrics.alerts.flaky_builds
    for target, builds in facts.by_target().items() if most else ():
        counted = [b for b in builds if b.counts][-FLAKY_OF:]
        second = [b for b in counted if b.flaky]
        both = sorted(_both_ways(counted, facts.checks))
        if len(second) < most and not both:
            continue
        parts = []
        if second:
            parts.append(f"{len(second)} of the last {len(counted)} builds needed a second try")
        if both:
            parts.append(f"judged one version both ways: {', '.join(both)}")
        yield Problem(
            key=f"flaky:{target}", title=f"{target}: checks are flaky",
            text="; ".join(parts).capitalize() + ".", next=f"debwright check --force -t {target}",
        )  # fmt: skip


def _both_ways(builds: Sequence[Build], checks: dict[int, dict[str, str]]) -> set[str]:
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for build in builds:
        for name, result in checks.get(build.n, {}).items():
            if result in ("passed", "failed"):
                seen[build.version, name].add(result)
    return {name for (_, name), results in seen.items() if len(results) > 1}


def _growth(now: float, usual: float) -> float:
    return 100 * (now / usual - 1) if usual > 0 else 0.0


RULES = (failing, success, slow, large, memory, flaky)
