"""What trends, alerts and the dashboard ask of the store."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from debwright.model.errors import UsageError
from debwright.model.fix import Command
from debwright.observe.metrics.model import RunRecord
from debwright.observe.metrics.store import Store

DAY = 86400.0

# A workflow's run, as the hosting service tells it, gives way to what debwright recorded of it.
_COUNTED = """NOT (run.source = 'github' AND EXISTS (SELECT 1 FROM run AS own
  JOIN build AS made ON made.run = own.n
  WHERE own.ci = run.ci AND own.source = 'debwright' AND made.target = build.target))"""
_BUILDS = f"""SELECT build.n, record.id, run.package, run.version, run.commit_id, run.branch,
  run.machine, run.url, build.target, build.strategy, build.result, build.infrastructure,
  build.companion, build.started, build.seconds, build.size, build.memory, build.flaky,
  build.code, build.warnings, build.retries
  FROM build JOIN run ON run.n = build.run JOIN record ON record.n = build.run
  WHERE build.started >= ? AND {_COUNTED} ORDER BY build.started, build.n"""  # noqa: S608
_STAGES = """SELECT stage.build, stage.name, stage.seconds, stage.cpu FROM stage
  JOIN build ON build.n = stage.build
  WHERE build.started >= ? AND stage.status IN ('passed', 'failed')"""
_RUNS = """SELECT record.id, run.source, run.package, run.version, run.branch, run.started,
  run.seconds, run.machine, run.result, run.queue, run.fetched, run.found, run.made, run.cache,
  run.url FROM run JOIN record ON record.n = run.n
  WHERE run.started >= ? ORDER BY run.started, record.id"""


class Build(NamedTuple):
    """One target of one run."""

    n: int
    run: str
    package: str
    version: str
    commit: str | None
    branch: str | None
    machine: str
    url: str | None
    target: str
    strategy: str
    result: str
    infrastructure: int
    companion: int
    started: float
    """Seconds since 1970."""
    seconds: float
    size: int | None
    memory: float | None
    flaky: int
    code: str | None
    warnings: int
    retries: int

    @property
    def counts(self) -> bool:
        """Whether it says something of the package: done now, on a machine that works."""
        return self.result == "passed" or (self.result == "failed" and not self.infrastructure)


class Run(NamedTuple):
    """One run, or one run of a workflow."""

    id: str
    source: str
    package: str
    version: str
    branch: str | None
    started: float
    seconds: float
    machine: str
    result: str
    queue: float | None
    fetched: int
    found: int
    made: int
    cache: int | None
    url: str | None


class StageTime(NamedTuple):
    """What one stage of one build took, where it was done."""

    build: int
    name: str
    seconds: float
    cpu: float | None


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which builds are asked for."""

    targets: Sequence[str] = ()
    """fnmatch patterns; none: all."""
    branch: str | None = None
    days: float | None = None
    now: float | None = None

    @property
    def at(self) -> float:
        return time.time() if self.now is None else self.now

    @property
    def since(self) -> float:
        return 0.0 if self.days is None else self.at - self.days * DAY

    def takes(self, build: Build) -> bool:
        return (
            not self.targets or any(fnmatchcase(build.target, t) for t in self.targets)
        ) and self.branch in (None, build.branch)


def builds(store: Store, wanted: Filter = Filter()) -> list[Build]:
    """Builds, oldest first."""
    rows = map(Build._make, store.rows(_BUILDS, (wanted.since,)))
    if not wanted.targets and wanted.branch is None:
        return list(rows)
    return [b for b in rows if wanted.takes(b)]


def stage_times(store: Store, since: float = 0.0) -> list[StageTime]:
    return list(map(StageTime._make, store.rows(_STAGES, (since,))))


def runs(store: Store, since: float = 0.0) -> list[Run]:
    """Runs, oldest first; those that the hosting service tells of are among them."""
    return list(map(Run._make, store.rows(_RUNS, (since,))))


def find_run(store: Store, name: str) -> RunRecord:
    """A run by its id, the beginning of it, `last`, or `last~2` for the second before.

    Raises UsageError for none and for several.
    """
    word, _, back = name.partition("~")
    if word == "last" and (back.isdecimal() or not back):
        found = store.ids()[int(back or 0) :][:1]
    else:
        found = store.ids(name) or store.ids(f"run:{name}")
        found = [name] if name in found else found
    if len(found) != 1:
        shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise UsageError(
            f"{len(found)} runs are called {name}" if found else f"there is no run {name}",
            cause=f"it could be {shown}" if found else None,
            fix=Command("debwright", "metrics", "list"),
        )
    record = store.record(found[0])
    assert isinstance(record, RunRecord)
    return record
