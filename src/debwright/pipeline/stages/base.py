"""What all stages share: the job they work for, and how a stage is timed, cached and told of."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from debwright import __version__
from debwright.host import usage
from debwright.host.files import sha256_file
from debwright.host.process import Interrupted
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import DebwrightError, from_os_error
from debwright.model.events import Reporter
from debwright.model.results import Artifact, CheckResult, Finding, StageResult, Status
from debwright.model.targets import Target
from debwright.pipeline.capacity import Budget
from debwright.pipeline.plan import Plan, TargetPlan
from debwright.pipeline.record import Ledger
from debwright.roots.layers import Roots
from debwright.source.make import SourcePackage
from debwright.systems.base import System
from debwright.systems.nspawn import NspawnSystem


@dataclass
class Job:
    """One invocation: the plan, where results go, and who watches."""

    plan: Plan
    dist: Path
    roots: Roots
    reporter: Reporter
    force: bool = False
    environment: System = field(default_factory=NspawnSystem)
    """Where the live checks run."""
    notes: list[str] = field(default_factory=list)
    budget: Budget = field(default_factory=Budget)
    """What the checks of several targets share."""
    sources: dict[str, SourcePackage] = field(default_factory=dict)
    """Suite to its source package, filled by the source stage."""
    source_lock: threading.Lock = field(default_factory=threading.Lock)
    all_built: dict[str, threading.Event] = field(default_factory=dict)
    """Suite to the event that its `all` packages are there (or never will be)."""
    all_packages: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    place: Path | None = None
    """Where results go instead of dist/VERSION: a companion's are below its product's."""

    @property
    def home(self) -> Path:
        """dist/VERSION; an epoch's colon is not for file names, as in .deb names."""
        return self.place or self.dist / self.plan.version_text.split(":", 1)[-1]

    def directory(self, target: TargetPlan) -> Path:
        return self.home / str(target.target)

    def ledger(self, target: TargetPlan) -> Ledger:
        return Ledger(self.directory(target))

    def artifact(self, path: Path, kind: str) -> Artifact:
        return artifact_of(path, kind, self.dist)


def artifact_of(path: Path, kind: str, dist: Path) -> Artifact:
    """A file below `dist` as reports name it."""
    return Artifact(
        path=str(path.relative_to(dist)),
        kind=kind,
        size=path.stat().st_size,
        sha256=sha256_file(path),
    )


@dataclass
class Outcome:
    """What a stage's work gave: files for the ledger, and details for the report."""

    outputs: Sequence[Path] = ()
    details: dict[str, Any] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    cpu_seconds: float | None = None
    skipped: str | None = None
    """Why the stage was not done."""
    remember: bool = True
    """Whether a skip will be the same next time, given the same inputs."""
    failed: Finding | None = None
    """A failure that left results worth keeping (checks)."""


CODES = Codes(
    {
        f"{stage}/failed": Code(ERROR, f"The stage {stage} failed.")
        for stage in (
            "source", "build", "test", "sbom", "check", "reproducible", "equivalence", "publish",
        )
    }
)  # fmt: skip
Work = Callable[[], Outcome]


def common_inputs(job: Job) -> dict[str, Any]:
    """Inputs of every stage: another debwright may do the same work differently."""
    return {"debwright": own_digest(), "source": job.plan.source_digest}


def base_id(job: Job, target: Target) -> str | None:
    """Of the base root of `target`, an input of what is done in it; None while there is none."""
    base, _ = job.roots.store.find(job.roots.base_request(target))
    return base.id if base else None


@cache
def own_digest() -> str:
    """Version and content of debwright itself: between releases the version alone says little."""
    home = Path(__file__).parents[2]
    state = hashlib.sha256(__version__.encode())
    for path in sorted(home.rglob("*")):
        if path.suffix in {".py", ".sh", ".j2", ".html", ".css", ".js", ".toml", ".c"}:
            state.update(str(path.relative_to(home)).encode() + b"\0" + path.read_bytes())
    return state.hexdigest()[:16]


def perform(
    job: Job,
    ledger: Ledger,
    work: Work,
    *,
    target: str | None,
    stage: str,
    inputs: Mapping[str, Any],
) -> tuple[StageResult, tuple[CheckResult, ...]]:
    """Do one stage unless the ledger has it; tell the reporter; turn errors into a result."""
    if not job.force and (record := ledger.find(stage, inputs)) is not None:
        result = record.result
        if result.status is not Status.SKIPPED:
            result = result.model_copy(
                update={"status": Status.CACHED, "reason": "nothing it depends on has changed"}
            )
        job.reporter.stage_finished(target, result)
        return result, record.checks
    job.reporter.stage_started(target, stage)
    ledger.forget(stage)
    started, clock = datetime.now(UTC), time.monotonic()
    outcome, error = Outcome(), None
    with usage.metered() as cost:
        try:
            outcome = work()
            error = outcome.failed
        except Interrupted:
            raise
        except (DebwrightError, OSError) as caught:
            # The disk may be full for this target alone: the others go on.
            problem = from_os_error(caught) if isinstance(caught, OSError) else caught
            error = Finding.from_error(getattr(problem, "code", f"{stage}/failed"), problem)
            outcome.details["exit_code"] = problem.exit_code
    if error is not None:
        from debwright.pipeline.stages.diagnosis import diagnosis_of

        told = diagnosis_of(stage, ledger.directory, error, outcome.checks)
        outcome.details |= {"diagnosis": told} if told else {}
    status = Status.FAILED if error else (Status.SKIPPED if outcome.skipped else Status.PASSED)
    result = StageResult(
        stage=stage,
        status=status,
        reason=outcome.skipped,
        started=started,
        seconds=time.monotonic() - clock,
        cpu_seconds=cost.cpu_seconds if outcome.cpu_seconds is None else outcome.cpu_seconds,
        error=error,
        usage=cost.usage(),
        details=outcome.details,
    )
    if status is Status.PASSED or (status is Status.SKIPPED and outcome.remember):
        ledger.write(stage, inputs, outcome.outputs, result, outcome.checks)
    job.reporter.stage_finished(target, result)
    return result, outcome.checks


def skipped(job: Job, target: str | None, stage: str, reason: str) -> StageResult:
    result = StageResult(stage=stage, status=Status.SKIPPED, reason=reason)
    job.reporter.stage_finished(target, result)
    return result
