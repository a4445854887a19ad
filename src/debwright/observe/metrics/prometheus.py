"""What Prometheus reads: its text format, version 0.0.4, of what the store holds.

Format: prometheus.io, "Exposition formats". Counters and histograms count all that is recorded, so
they only grow, except when records are removed: to Prometheus that is a restart.
"""

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from debwright.observe.metrics import Metrics, query, trends
from debwright.observe.metrics.model import RunRecord
from debwright.observe.metrics.query import Build
from debwright.observe.metrics.store import Store

BUCKETS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0)
"""Seconds: from a cached stage to an emulated build of something large."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


def exposition(
    store: Store, metrics: Metrics, now: float, builds: Sequence[Build] | None = None
) -> str:
    """The text, ending with a line end. `builds` are all of the store, if read already."""
    builds = query.builds(store) if builds is None else builds
    parts = (
        _durations(builds), _success(builds, metrics, now), _sizes(store, builds),
        _validations(store), _builds(builds), _last(builds),
    )  # fmt: skip
    return "".join(f"{line}\n" for part in parts for line in part)


def _durations(builds: Iterable[Build]) -> Iterator[str]:
    """Of builds that passed and were done, not found done."""
    name = "cicd_build_duration_seconds"
    yield from _head(name, "histogram", "Time of builds that passed, all stages of a target.")
    counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * (len(BUCKETS) + 1))
    sums: dict[tuple[str, str, str], float] = defaultdict(float)
    for build in builds:
        if build.result == "passed":
            key = (build.package, build.target, build.strategy)
            counts[key][bisect_left(BUCKETS, build.seconds)] += 1
            sums[key] += build.seconds
    for key in sorted(counts):
        labels = dict(zip(("package", "target", "strategy"), key, strict=True))
        total = 0
        for bound, count in zip((*map(_number, BUCKETS), "+Inf"), counts[key], strict=True):
            total += count
            yield _sample(f"{name}_bucket", labels | {"le": bound}, total)
        yield _sample(f"{name}_sum", labels, sums[key])
        yield _sample(f"{name}_count", labels, total)


def _success(builds: Sequence[Build], metrics: Metrics, now: float) -> Iterator[str]:
    name = "cicd_build_success_ratio"
    days = metrics.window_days
    yield from _head(
        name, "gauge", f"Share of builds that passed within {days} days, failures of the machine "
        "left out.",
    )  # fmt: skip
    groups: dict[tuple[str, str], list[Build]] = defaultdict(list)
    for build in builds:
        groups[build.package, build.target].append(build)
    for (package, target), own in sorted(groups.items()):
        ratio = trends.success(own, now, days).ratio
        if ratio is not None:
            yield _sample(name, {"package": package, "target": target}, ratio)
    aim = "cicd_build_success_aim_ratio"
    yield from _head(aim, "gauge", "The success ratio below which there is an alarm.")
    for package in sorted({b.package for b in builds}):
        yield _sample(aim, {"package": package}, metrics.success_percent / 100)


def _sizes(store: Store, builds: Sequence[Build]) -> Iterator[str]:
    name = "cicd_artifact_size_bytes"
    yield from _head(name, "gauge", "Size of each binary package, of the newest build that passed.")
    newest = {(b.package, b.target): b for b in builds if b.result in ("passed", "cached")}
    for (package, target), build in sorted(newest.items()):
        record = store.record(build.run)
        assert isinstance(record, RunRecord)
        own = next(t for t in record.targets if t.target == target)
        for artifact, size in sorted(own.packages.items()):
            labels = {"package": package, "target": target, "artifact": artifact}
            yield _sample(name, labels, size)


def _validations(store: Store) -> Iterator[str]:
    name = "cicd_validation_result_total"
    yield from _head(name, "counter", "Checks by their result.")
    found: Counter[tuple[str, str, str, str]] = Counter()
    # There are few ways in which all checks of a build end: SQLite counts those.
    rows = store.rows(
        "SELECT run.package, build.target, build.checks, count(*) FROM build "
        "JOIN run ON run.n = build.run WHERE build.checks <> '{}' AND build.result <> 'cached' "
        "GROUP BY 1, 2, 3"
    )
    for package, target, checks, count in rows:
        for check, result in json.loads(checks).items():
            found[package, target, check, result] += count
    for (package, target, check, result), count in sorted(found.items()):
        labels = {"package": package, "target": target, "check": check, "result": result}
        yield _sample(name, labels, count)


def _builds(builds: Iterable[Build]) -> Iterator[str]:
    name = "cicd_builds_total"
    yield from _head(name, "counter", "Builds by their result; broken: by the machine or network.")
    found = Counter(
        (b.package, b.target, "broken" if b.infrastructure else b.result) for b in builds
    )
    for (package, target, result), count in sorted(found.items()):
        yield _sample(name, {"package": package, "target": target, "result": result}, count)


def _last(builds: Iterable[Build]) -> Iterator[str]:
    name = "cicd_last_success_timestamp_seconds"
    yield from _head(name, "gauge", "When a target last passed.")
    last = {(b.package, b.target): b.started for b in builds if b.result in ("passed", "cached")}
    for (package, target), at in sorted(last.items()):
        yield _sample(name, {"package": package, "target": target}, at)


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _sample(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 6))
