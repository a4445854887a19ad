"""What the dashboard shows, gathered from the store as one JSON document.

Recent builds are given one by one, older ones in bins: the page filters and draws what it has, and
its size is bounded. All texts are data; the page never takes them for markup.
"""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.observe.metrics import Metrics, query, trends
from debwright.observe.metrics.dashboard.bins import bins
from debwright.observe.metrics.model import AlertRecord, RunRecord, TargetRecord, parse
from debwright.observe.metrics.query import DAY, Build, Filter, Run, StageTime
from debwright.observe.metrics.store import Store

POINTS = 2500
"""Builds given one by one."""
BRANCHES = 8
FAILURES = 60
CHANGES = 80
OVERHEADS = 1500
DOCTOR_LIMIT = 1024 * 1024
SHOWN_STAGES = 12
CHANGED = (trends.TOTAL, "build", "test", "check")
"""Stages whose changes of level are shown."""

Data = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the page is to say beside the records."""

    metrics: Metrics
    now: float
    doctor: Path | None = None
    """The JSON of `debwright doctor`, where there is one."""


def gather(store: Store, settings: Settings, builds: Sequence[Build] | None = None) -> Data:
    """The document. `builds` are all of the store, if they were read already."""
    builds = query.builds(store) if builds is None else builds
    stages = query.stage_times(store)
    runs = query.runs(store)
    names = sorted({b.target for b in builds}, key=_target_order(builds))
    branches = [b for b, _ in Counter(b.branch for b in builds if b.branch).most_common(BRANCHES)]
    recent = [b for b in builds if b.result not in ("cached", "skipped")][-POINTS:]
    return {
        "generated": round(settings.now),
        "packages": sorted({r.package for r in runs}),
        "builds": len(builds),
        "aim": settings.metrics.success_percent,
        "window": settings.metrics.window_days,
        "targets": names,
        "branches": branches,
        "states": states(builds),
        "bins": bins(builds, names, branches, settings.now),
        "points": _points(recent, stages, names, branches),
        "complete": len(recent) < POINTS,
        "changes": _changes(builds, stages),
        "overheads": _overheads(builds, stages),
        "failures": _failures(store, builds),
        "queue": _daily([(r.started, r.queue) for r in runs if r.queue is not None]),
        "cache": _cache(runs),
        "alerts": _alerts(store),
        "doctor": read_doctor(settings.doctor),
    }


def _target_order(builds: Iterable[Build]) -> Any:
    """Products before companions, then by name."""
    companions = {b.target for b in builds if b.companion}
    return lambda name: (name in companions, name)


def states(builds: Sequence[Build]) -> list[Data]:
    """The newest build of every target on every branch, and since when it has been like that."""
    newest: dict[tuple[str, str | None], list[Build]] = defaultdict(list)
    for build in builds:
        newest[build.target, build.branch].append(build)
    made = []
    for (target, branch), own in newest.items():
        last = own[-1]
        # A run that found everything done says that the state is as it was.
        told = next((b for b in reversed(own) if b.result != "cached"), last)
        good = told.result in ("passed", "cached")
        streak = 0
        for build in reversed(own):
            if build.result == "cached":
                continue
            if (build.result == "passed") != good:
                break
            streak, since = streak + 1, build.started
        made.append(
            {
                "target": target, "branch": branch, "result": told.result,
                "infrastructure": bool(told.infrastructure), "started": round(told.started),
                "seen": round(last.started), "since": round(since if streak else told.started),
                "streak": streak, "version": told.version, "commit": told.commit,
                "strategy": told.strategy, "machine": told.machine,
                "seconds": round(told.seconds, 1), "size": told.size, "memory": told.memory,
                "url": _link(told.url), "companion": bool(told.companion),
            }
        )  # fmt: skip
    return made


def _points(
    recent: Sequence[Build], stages: Sequence[StageTime], names: Sequence[str],
    branches: Sequence[str],
) -> Data:  # fmt: skip
    """Columns of recent builds. A time or a size is null where it says nothing."""
    target_of = {name: n for n, name in enumerate(names)}
    branch_of: dict[str | None, int] = {name: n for n, name in enumerate(branches)}
    own: dict[int, dict[str, float]] = {b.n: {} for b in recent}
    for stage in stages:
        if stage.build in own:
            own[stage.build][stage.name] = stage.seconds
    usual = Counter(name for times in own.values() for name in times)
    shown = [name for name, _ in usual.most_common(SHOWN_STAGES)]
    return {
        "target": [target_of[b.target] for b in recent],
        "branch": [branch_of.get(b.branch, -2) for b in recent],
        "at": [round(b.started) for b in recent],
        "result": [2 if b.infrastructure else int(b.result != "passed") for b in recent],
        "seconds": [round(b.seconds, 1) if b.result == "passed" else None for b in recent],
        "size": [b.size if b.result == "passed" else None for b in recent],
        "version": [b.version for b in recent],
        "stages": {
            name: [round(t, 1) if (t := own[b.n].get(name)) is not None else None for b in recent]
            for name in shown
        },
    }


def _changes(builds: Sequence[Build], stages: Sequence[StageTime]) -> list[Data]:
    found = trends.series(builds, stages, CHANGED)
    moved = [
        {
            "target": trend.key.target, "stage": trend.key.stage, "machine": trend.key.machine,
            "strategy": trend.key.strategy, "at": round(m.first.at), "version": m.first.version,
            "before": round(m.change.before, 1), "after": round(m.change.after, 1),
        }
        for trend in trends.trends(found) for m in trend.moved
    ]  # fmt: skip
    return sorted(moved, key=lambda c: (c["at"], c["target"], c["stage"]))[-CHANGES:]


def _overheads(builds: Sequence[Build], stages: Sequence[StageTime]) -> list[Data]:
    made: dict[tuple[str, str], Data] = {}
    for item in trends.overheads(builds[-6 * OVERHEADS :], stages)[-OVERHEADS:]:
        own = made.setdefault(
            (item.target, item.strategy),
            {"target": item.target, "strategy": item.strategy, "at": [], "ratio": []},
        )
        own["at"].append(round(item.at))
        own["ratio"].append(round(item.ratio, 3))
    return [made[key] for key in sorted(made)]


def _failures(store: Store, builds: Sequence[Build]) -> list[Data]:
    bad = [b for b in builds if b.result == "failed"][-FAILURES:]
    records: dict[str, RunRecord] = {}
    made = []
    for build in reversed(bad):
        if build.run not in records:
            record = store.record(build.run)
            assert isinstance(record, RunRecord)
            records[build.run] = record
        target = next(t for t in records[build.run].targets if t.target == build.target)
        made.append(_failure(build, target))
    return made


def _failure(build: Build, target: TargetRecord) -> Data:
    return {
        "target": build.target, "branch": build.branch, "at": round(build.started),
        "version": build.version, "commit": build.commit, "url": _link(build.url),
        "run": build.run, "stage": target.failed_stage, "code": target.code,
        "message": target.message, "next": target.next, "infrastructure": target.infrastructure,
        "problems": [p.model_dump() for p in target.problems],
    }  # fmt: skip


def _link(url: str | None) -> str | None:
    """Only what a browser opens as a page; records come from elsewhere."""
    return url if url and url.startswith(("https://", "http://")) else None


def _daily(values: Iterable[tuple[float, float]]) -> Data:
    """Median and highest of each day."""
    days: dict[int, list[float]] = defaultdict(list)
    for at, value in values:
        days[int(at // DAY)].append(value)
    ordered = sorted(days)[-400:]
    return {
        "day": ordered,
        "median": [round(statistics.median(days[d]), 1) for d in ordered],
        "most": [round(max(days[d]), 1) for d in ordered],
    }


def _cache(runs: Sequence[Run]) -> Data:
    """By day: layers found and made, bytes fetched, and the size of the cache at the end."""
    days: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        if run.source == "debwright":
            days[int(run.started // DAY)].append(run)
    ordered = sorted(days)[-400:]
    sizes = {d: [r.cache for r in days[d] if r.cache is not None] for d in ordered}
    return {
        "day": ordered,
        "found": [sum(r.found for r in days[d]) for d in ordered],
        "made": [sum(r.made for r in days[d]) for d in ordered],
        "fetched": [sum(r.fetched for r in days[d]) for d in ordered],
        "cached": [sum(r.result == "cached" for r in days[d]) for d in ordered],
        "runs": [len(days[d]) for d in ordered],
        "size": [sizes[d][-1] if sizes[d] else None for d in ordered],
    }


def _alerts(store: Store) -> list[Data]:
    """Problems that are there."""
    found = [parse(line) for line in store.documents("alert")]
    return [
        {"title": a.title, "text": a.text, "rule": a.rule, "since": round(a.since.timestamp())}
        for a in found if isinstance(a, AlertRecord) and a.open
    ]  # fmt: skip


def read_doctor(path: Path | None) -> Data | None:
    """What `debwright doctor --json` said, with the time it did; None where there is nothing.

    Only fields that are known and of the right kind are taken.
    """
    try:
        if path is None or path.stat().st_size > DOCTOR_LIMIT:
            return None
        document = json.loads(path.read_bytes())
        items = document["found"]
        found = [
            {name: _short(item.get(name)) for name in ("group", "name", "found", "fix")}
            | {"ok": item["ok"] is True, "needed": item.get("needed", True) is True}
            for item in items if isinstance(item, Mapping)
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return {"at": round(path.stat().st_mtime), "found": found[:200]}


def _short(value: object) -> str | None:
    return None if value is None else str(value)[:600]


__all__ = ["Filter", "Settings", "gather", "read_doctor", "states"]
