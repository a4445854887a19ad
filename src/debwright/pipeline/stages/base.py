"""What stages share: the job they work for, what a stage is, and how it is done or found done."""

import hashlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from debwright import __version__
from debwright.host import usage
from debwright.host.files import sha256_file
from debwright.host.process import Interrupted
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.details import StageDetails, details_of
from debwright.model.errors import DebwrightError, from_os_error
from debwright.model.events import Reporter
from debwright.model.results import Artifact, CheckResult, Finding, StageResult, Status
from debwright.model.targets import Strategy, Target
from debwright.observe.report.timeline import Color
from debwright.pipeline.capacity import Budget
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.plan import Plan, TargetPlan
from debwright.roots.layers import Roots
from debwright.source.make import SourcePackage
from debwright.systems.base import System
from debwright.systems.nspawn import NspawnSystem


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which stages to do, beyond building."""

    check: bool = True
    publish: bool = True
    reproducible: bool = False
    """Build every target a second time and compare."""
    equivalence: bool = False
    """Compare the targets of a suite with each other, and cross-built ones with emulated ones."""


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

    def note(self, text: str) -> None:
        """Something the user should know, now and in the report; each text once."""
        if text not in self.notes:
            self.notes.append(text)
            self.reporter.note(text)


def artifact_of(path: Path, kind: str, dist: Path) -> Artifact:
    """A file below `dist` as reports name it."""
    return Artifact(
        path=str(path.relative_to(dist)),
        kind=kind,
        size=path.stat().st_size,
        sha256=sha256_file(path),
    )


@dataclass
class TargetRun:
    """One target as it passes through its stages."""

    job: Job
    target: TargetPlan
    source: SourcePackage
    strategy: Strategy
    strategy_reason: str
    stages: list[StageResult] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    scratch: Path | None = None
    """Where it is built; what a cross build left there is tested."""
    stack: ExitStack = field(default_factory=ExitStack)
    """What is held until the target's tests are over."""

    @property
    def name(self) -> str:
        return str(self.target.target)

    @property
    def directory(self) -> Path:
        return self.job.directory(self.target)

    @property
    def finished(self) -> FinishedStages:
        return FinishedStages(self.directory)

    @property
    def changes(self) -> Path | None:
        return next(iter(sorted(self.directory.glob("*.changes"))), None)

    @property
    def failed(self) -> bool:
        return any(s.status is Status.FAILED for s in self.stages)

    def packages(self) -> list[Path]:
        """Its packages, with the `all` ones that another target of its suite built."""
        return packages_of(self.job, self.target)

    def skip(self, stage: str, reason: str, details: StageDetails | None = None) -> None:
        """The stage is not done, and that is said."""
        self.stages.append(skipped(self.job, self.name, stage, reason, details))

    def log(self, stage: str, line: str) -> None:
        self.job.reporter.line(self.name, stage, line)

    def activity(self, stage: str, text: str) -> None:
        self.job.reporter.activity(self.name, stage, text)


def packages_of(job: Job, target: TargetPlan) -> list[Path]:
    """The packages of a target, with the `all` ones that another target of its suite built."""
    directory = job.directory(target)
    own = sorted(directory.glob("*.deb"))
    names = {p.name for p in own}
    shared = job.all_packages.get(target.target.suite, ())
    return own + [p for p in shared if p.parent != directory and p.name not in names]


@dataclass
class Outcome:
    """What a stage's work gave: files that it answers for, and what the report says of it."""

    outputs: Sequence[Path] = ()
    details: StageDetails | None = None
    checks: tuple[CheckResult, ...] = ()
    cpu_seconds: float | None = None
    skipped: str | None = None
    """Why the stage was not done."""
    remember: bool = True
    """Whether a skip will be the same next time, given the same inputs."""
    failed: Finding | None = None
    """A failure that left results worth keeping (checks)."""


class Subject(Protocol):
    """What a stage works on."""

    @property
    def job(self) -> Job: ...
    @property
    def name(self) -> str | None:
        """The target, as watchers know it; None for the run as a whole."""

    @property
    def finished(self) -> FinishedStages:
        """What was done before, and where it is written down."""


S = TypeVar("S", bound=Subject)


class Stage(ABC, Generic[S]):
    """One step of a run. It says of itself what the timeline, the console and the pages show."""

    name: ClassVar[str]
    color: ClassVar[Color]
    """Of its bar in the timeline."""
    does: ClassVar[str]
    """For the list of stages: a sentence without subject."""

    @property
    def codes(self) -> Codes:
        """The code of a failure that has none of its own."""
        return Codes({f"{self.name}/failed": Code(ERROR, f"The stage {self.name} failed.")})

    def wanted(self, wanted: Wanted) -> bool:  # noqa: ARG002 - a stage is done unless it says no
        return True

    @abstractmethod
    def inputs(self, on: S) -> dict[str, Any]:
        """What its digest is made of: it is done again only where one of these has changed."""

    def changing(self, on: S) -> dict[str, Any]:  # noqa: ARG002 - for those that have any
        """Further inputs, which the work may bring about itself, as the roots that it makes.

        They are looked at before the work and once more after it.
        """
        return {}

    @abstractmethod
    def work(self, on: S) -> Outcome:
        """Do it. Raises DebwrightError or OSError, which become a failed result."""


class TargetStage(Stage[TargetRun]):
    """A stage that each target passes through."""

    builds: ClassVar[bool] = False
    """Whether there are packages is known only after it."""
    proves: ClassVar[bool] = False
    """Where it cannot be done, that is said: the target is not proven to work."""

    def refused(self, on: TargetRun) -> StageResult | None:  # noqa: ARG002
        """A failure that is known before anything is done; None to go on."""
        return None

    def run(self, on: TargetRun) -> bool:
        """Do it, or find it done; whether it did not fail."""
        result, checks = perform(self, on)
        on.stages.append(result)
        on.checks += checks
        return result.status is not Status.FAILED


def common_inputs(job: Job) -> dict[str, Any]:
    """Inputs of every stage: another debwright may do the same work differently."""
    return {"debwright": own_digest(), "source": job.plan.source_digest}


def digests(paths: Sequence[Path]) -> dict[str, str]:
    """File names with what is in them, as inputs."""
    return {p.name: sha256_file(p) for p in paths}


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


def perform(stage: Stage[S], on: S) -> tuple[StageResult, tuple[CheckResult, ...]]:
    """Do one stage unless it was done before; tell the reporter; turn errors into a result."""
    job, reporter, finished = on.job, on.job.reporter, on.finished
    fixed = stage.inputs(on)
    known = None if job.force else finished.find(stage.name, {**fixed, **stage.changing(on)})
    if known is not None:
        result = known.result
        if result.status is not Status.SKIPPED:
            why = "nothing it depends on has changed"
            result = result.model_copy(update={"status": Status.CACHED, "reason": why})
        reporter.stage_finished(on.name, result)
        return result, known.checks
    finished.forget(stage.name)
    result, outcome = carried_out(
        stage.name, on.name, reporter, finished.directory, lambda: stage.work(on)
    )
    if result.status is Status.PASSED or (result.status is Status.SKIPPED and outcome.remember):
        now = {**fixed, **stage.changing(on)}
        finished.write(stage.name, now, outcome.outputs, result, outcome.checks)
    reporter.stage_finished(on.name, result)
    return result, outcome.checks


def carried_out(
    stage: str,
    target: str | None,
    reporter: Reporter,
    directory: Path,
    work: Callable[[], Outcome],
    *,
    raising: tuple[type[DebwrightError], ...] = (),
    given: Sequence[str] = (),
) -> tuple[StageResult, Outcome]:
    """Do the work of a stage: what it took, and for a failure what its logs say of the cause.

    An error becomes a failed result, but for `raising`: the disk may be full for this target
    alone, and the others go on. `given` are the files of packages that were not built here.
    """
    reporter.stage_started(target, stage)
    started, clock = datetime.now(UTC), time.monotonic()
    with usage.metered() as cost:
        try:
            outcome = work()
        except Interrupted:
            raise
        except (DebwrightError, OSError) as caught:
            if isinstance(caught, raising):
                raise
            problem = from_os_error(caught) if isinstance(caught, OSError) else caught
            outcome = Outcome(
                failed=Finding.from_error(getattr(problem, "code", f"{stage}/failed"), problem),
                details=details_of(stage, {"exit_code": problem.exit_code}),
            )
    details = outcome.details or details_of(stage, {})
    if outcome.failed is not None:
        from debwright.pipeline.stages.diagnosis import diagnosis_of

        said = diagnosis_of(
            stage, directory, outcome.failed, outcome.checks, target=target, given=given
        )
        details = details.model_copy(update={"diagnosis": said})
    status = Status.SKIPPED if outcome.skipped else Status.PASSED
    result = StageResult(
        stage=stage,
        status=Status.FAILED if outcome.failed else status,
        reason=outcome.skipped,
        started=started,
        seconds=time.monotonic() - clock,
        cpu_seconds=cost.cpu_seconds if outcome.cpu_seconds is None else outcome.cpu_seconds,
        error=outcome.failed,
        usage=cost.usage(),
        details=details,
    )
    return result, outcome


def skipped(
    job: Job, target: str | None, stage: str, reason: str, details: StageDetails | None = None
) -> StageResult:
    """The result of a stage that is not done, which watchers see too."""
    result = StageResult(
        stage=stage, status=Status.SKIPPED, reason=reason, details=details or details_of(stage, {})
    )
    job.reporter.stage_finished(target, result)
    return result
