"""The history of workflow runs, as GitHub's API tells it: what no record of debwright's own has.

A run that broke off before debwright started, or whose machine vanished, left no record; and only
GitHub knows how long a job waited for a machine. API: "List workflow runs for a repository" and
"List jobs for a workflow run attempt".
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from debwright.github.http import PAGE, Http
from debwright.model.targets import ARCHITECTURES
from debwright.observe.metrics.model import (
    MOST_STAGES,
    MOST_TARGETS,
    Result,
    RunRecord,
    StageRecord,
    TargetRecord,
    plain,
)
from debwright.observe.metrics.place import ci_key
from debwright.observe.metrics.store import Merged, Store

MOST_RESULTS = 1000
"""GitHub gives no more for one question."""
MOST_PAGES = MOST_RESULTS // PAGE
MOST_ROUNDS = 100
BATCH = 50
_WORD = re.compile(r"[a-z][a-z0-9.+-]*")
NAME_LIMIT = 300
# What a runner and the actions of others do: their failure says nothing about the package.
_NOT_OURS = re.compile(
    r"set up |initialize |stop containers|complete job|post |pre |run (?:actions|docker)/|checkout|"
    r"(?:restore|save) cache|(?:up|down)load", re.I,
)  # fmt: skip
_RESULTS: dict[str | None, Result] = {
    "success": "passed", "failure": "failed", "timed_out": "failed", "startup_failure": "failed",
}  # fmt: skip


class _Answer(BaseModel):
    # GitHub adds fields at any time.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Step(_Answer):
    name: str
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


class WorkflowJob(_Answer):
    name: str
    run_attempt: int | None = None
    conclusion: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    labels: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


class WorkflowRun(_Answer):
    id: int
    run_attempt: int = 1
    name: str | None = None
    head_branch: str | None = None
    head_sha: str
    status: str | None = None
    conclusion: str | None = None
    created_at: datetime
    run_started_at: datetime | None = None
    updated_at: datetime
    html_url: str


def ingest(
    store: Store, http: Http, repository: str, *, days: float, workflow: str | None,
    now: datetime, say: Callable[[str], None],
) -> Merged:  # fmt: skip
    """Record the runs of so many days that are over and not known yet.

    `workflow` is a file's name, as ci.yml; None: all. What was recorded stays when GitHub fails
    half-way, and the next call goes on from there. Raises GithubError, MissingError.
    """
    total, batch = Merged(), list[RunRecord]()
    path = f"/repos/{repository}/actions"
    runs = f"{path}/workflows/{workflow}/runs" if workflow else f"{path}/runs"
    try:
        for run, attempt in _attempts(_runs(http, runs, now - timedelta(days=days))):
            if store.rows(
                "SELECT 1 FROM record WHERE id = ?", (ci_key(repository, run.id, attempt),)
            ):
                total += Merged(known=1)
                continue
            jobs = list(_jobs(http, f"{path}/runs/{run.id}/attempts/{attempt}/jobs"))
            done = run if attempt == run.run_attempt else _earlier(run, attempt, jobs)
            if done is not None:
                batch.append(record_of(done, jobs, repository))
            if len(batch) >= BATCH:
                total += store.put(batch)
                batch = []
                say(f"{total.new} runs read")
    finally:
        total += store.put(batch)
    return total


def _attempts(runs: Iterator[WorkflowRun]) -> Iterator[tuple[WorkflowRun, int]]:
    """Each run that is over with all its attempts; GitHub lists the last one alone.

    Without the earlier ones a build that failed and was started again by hand never failed.
    """
    for run in runs:
        for attempt in range(run.run_attempt, 0, -1):
            if attempt < run.run_attempt or run.status == "completed":
                yield run, attempt


def _earlier(run: WorkflowRun, attempt: int, jobs: Sequence[WorkflowJob]) -> WorkflowRun | None:
    """An attempt before the last as its jobs tell it; None where GitHub has forgotten them."""
    started = [at for job in jobs if (at := job.started_at or job.created_at) is not None]
    ended = [job.completed_at for job in jobs if job.completed_at is not None]
    if not started or not ended:
        return None
    ends = {job.conclusion for job in jobs}
    worst = next((e for e in ("startup_failure", "timed_out", "failure", "cancelled")
                  if e in ends), "success")  # fmt: skip
    return run.model_copy(
        update={"run_attempt": attempt, "conclusion": worst, "run_started_at": min(started),
                "updated_at": max(ended), "html_url": f"{run.html_url}/attempts/{attempt}"}
    )  # fmt: skip


def _runs(http: Http, path: str, since: datetime) -> Iterator[WorkflowRun]:
    """Newest first. Beyond what GitHub gives at once, the time before the oldest is asked for."""
    until: datetime | None = None
    for _ in range(MOST_ROUNDS):
        span = f"{_time(since)}..{_time(until)}" if until else f">={_time(since)}"
        found, oldest = 0, until
        for item in http.pages(path, "workflow_runs", most=MOST_PAGES, created=span):
            run = WorkflowRun.model_validate(item)
            found += 1
            oldest = run.created_at
            yield run
        if found < MOST_RESULTS or oldest is None or oldest == until:
            return
        until = oldest


def _jobs(http: Http, path: str) -> Iterator[WorkflowJob]:
    return (WorkflowJob.model_validate(item) for item in http.pages(path, "jobs", most=MOST_PAGES))


def _own(run: WorkflowRun, jobs: Sequence[WorkflowJob]) -> list[WorkflowJob]:
    """Those that were done in this attempt: where failed jobs alone are started again, the others
    are listed once more as they were."""
    return [job for job in jobs if job.run_attempt in (None, run.run_attempt)]


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def record_of(run: WorkflowRun, jobs: Sequence[WorkflowJob], repository: str) -> RunRecord:
    """A workflow's run: jobs whose names tell a target as builds, all others as stages."""
    key = ci_key(repository, run.id, run.run_attempt)
    jobs = _own(run, jobs)
    targets = {t.target: t for job in jobs if (t := _target(job)) is not None}
    others = [job for job in jobs if _name_of_target(job) is None]
    labels = sorted({label for job in jobs for label in job.labels})
    started = run.run_started_at or run.created_at
    waits = [w for job in jobs if (w := _between(job.created_at, job.started_at)) is not None]
    return RunRecord(
        record="run", id=plain(key, 200), revision=1, source="github", ci=plain(key, 200),
        package=plain(repository.partition("/")[2], 200),
        commit=plain(run.head_sha, 200), url=plain(run.html_url, 600),
        branch=plain(run.head_branch, 200) if run.head_branch else None,
        started=started, seconds=_between(started, run.updated_at) or 0.0,
        machine=plain(f"github {' '.join(labels)}".strip(), 200),
        result=_RESULTS.get(run.conclusion, "skipped"),
        queue_seconds=max(waits, default=None),
        stages=tuple(_stage(j.name, j.conclusion, j.started_at, j.completed_at)
                     for j in others[:MOST_STAGES]),
        targets=tuple(list(targets.values())[:MOST_TARGETS]),
    )  # fmt: skip


def _name_of_target(job: WorkflowJob) -> str | None:
    """The first word that is SUITE-ARCH, as in `build (bookworm-arm64)`."""
    words = _WORD.findall(job.name[:NAME_LIMIT])
    return next(
        (w for w in words if w.rpartition("-")[2] in ARCHITECTURES and w.rpartition("-")[0]), None
    )


def _target(job: WorkflowJob) -> TargetRecord | None:
    name = _name_of_target(job)
    if name is None:
        return None
    result = _RESULTS.get(job.conclusion, "skipped")
    broken = next((s for s in job.steps if s.conclusion in ("failure", "timed_out")), None)
    # Without a failed step the machine was lost; a time-out of a job says no more.
    infrastructure = result == "failed" and (
        job.conclusion != "failure" or broken is None or _NOT_OURS.match(broken.name) is not None
    )
    stages = {s.name: _stage(s.name, s.conclusion, s.started_at, s.completed_at) for s in job.steps}
    failed = result == "failed"
    return TargetRecord(
        target=plain(name, 200), strategy="github", result=result, infrastructure=infrastructure,
        stages=tuple(stages.values())[:MOST_STAGES],
        failed_stage=plain(broken.name, 200) if broken and failed else None,
        code=f"github/{plain(job.conclusion or 'unknown', 100)}" if failed else None,
        message=plain(_said(job, broken), 600) if failed else None,
    )  # fmt: skip


def _said(job: WorkflowJob, broken: Step | None) -> str:
    if broken is None:
        return f"the job ended with {job.conclusion} and no step that failed"
    return f"the step `{broken.name}` failed"


def _stage(
    name: str, conclusion: str | None, started: datetime | None, completed: datetime | None
) -> StageRecord:
    return StageRecord(
        name=plain(name, 200), status=_RESULTS.get(conclusion, "skipped"),
        seconds=_between(started, completed) or 0.0,
    )  # fmt: skip


def _between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds; GitHub's clocks may disagree by one."""
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())
