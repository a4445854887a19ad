"""The run: stages in order, targets side by side, and what becomes of failures."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from debwright import __version__
from debwright.config import write_effective
from debwright.host.files import atomic_write, shown
from debwright.host.machine import describe_host
from debwright.host.process import SIGNAL_SECONDS
from debwright.isolation import cgroups
from debwright.model.errors import DebwrightError, ExitCode, UsageError
from debwright.model.fix import Command
from debwright.model.results import (
    Artifact,
    CompanionResult,
    RunResult,
    Status,
    TargetResult,
)
from debwright.packages.sbom import CYCLONEDX, SPDX
from debwright.pipeline.plan import Companion, TargetPlan, nocheck_notes
from debwright.pipeline.stages import STAGES
from debwright.pipeline.stages.base import (
    Job,
    Stage,
    TargetRun,
    TargetStage,
    Wanted,
    artifact_of,
    skipped,
)
from debwright.pipeline.stages.check import not_proven
from debwright.pipeline.stages.companion import adopt, companion_job, finished
from debwright.pipeline.stages.equivalence import EquivalenceStage
from debwright.pipeline.stages.publish import (
    Published,
    PublishStage,
    not_published,
    require_key,
    require_newer,
)
from debwright.pipeline.stages.source import SourceStage
from debwright.roots.cache import Cache

KINDS = {
    ".deb": "deb", ".dsc": "source", ".xz": "source", ".gz": "source", ".bz2": "source",
    ".changes": "changes", ".buildinfo": "buildinfo", ".log": "log", ".json": "result",
}  # fmt: skip


PRODUCT = ".product"
"""Says in a directory of results whose they are."""

DOWNLOADS = frozenset({"deb", "source", "changes", "buildinfo", "sbom"})
"""Kinds of files that a user would download."""

S = TypeVar("S", bound=Stage[Any])


def stages_of(kind: type[S], wanted: Wanted) -> list[S]:
    """The stages of one kind that are wanted, in their order."""
    return [s for s in STAGES if isinstance(s, kind) and s.wanted(wanted)]


def columns(wanted: Wanted) -> list[str]:
    """Names of the stages that targets pass through, as a console shows them."""
    kinds = (TargetStage, EquivalenceStage)
    return [s.name for s in STAGES if isinstance(s, kinds) and s.wanted(wanted)]


def run(job: Job, wanted: Wanted) -> RunResult:
    """Do the wanted stages for every target of the plan. One target's failure stops no other."""
    started, clock = datetime.now(UTC), time.monotonic()
    plan = job.plan
    _begin(job, wanted)
    companions = _companions(job, wanted)
    whole = [s.run(job, suite) for s in stages_of(SourceStage, wanted) for suite in plan.suites]
    if lost := [c.target for c in companions if not c.ok]:
        targets = _unbuilt(job, f"its companion {lost[0]} failed")
    elif all(s.status.ok for s in whole):
        for note in nocheck_notes(job.plan, job.sources):
            job.note(note)
        runs = _targets(job, wanted)
        for stage in stages_of(EquivalenceStage, wanted):
            stage.run(runs)
        targets = [_result(r) for r in runs]
    else:
        targets = _unbuilt(job, "there is no source package")
    published = None
    for publishing in stages_of(PublishStage, wanted):
        published = _publish(publishing, job, companions, targets)
        whole.append(published.stage)
    return RunResult(
        debwright=__version__,
        package=plan.package,
        version=plan.version_text,
        started=started,
        seconds=time.monotonic() - clock,
        host=describe_host(),
        commit=plan.version.commit if plan.version else None,
        stages=tuple(whole),
        companions=tuple(companions),
        targets=tuple(targets),
        artifacts=checksums(job.dist, job.home, [*companions, *targets]),
        signing_key=published.key if published else None,
        signing_note=published.note if published else None,
        apt_sources=published.sources if published else None,
        notes=tuple(job.notes),
    )


def _begin(job: Job, wanted: Wanted) -> None:
    """Say what is to be done; what is missing for its end is found out before its beginning."""
    plan = job.plan
    names = [*(c.name for c in plan.companions), *(str(t.target) for t in plan.targets)]
    job.reporter.begin(f"{plan.package} {plan.version_text}", names, columns(wanted))
    for note in plan.version.notes if plan.version else ():
        job.note(note)
    for choice in plan.targets:
        job.reporter.note(f"{choice.target}: {choice.strategy}, {choice.choice.reason}")
    if wanted.publish:
        require_key(job)
        require_newer(job)
    _claim(job)
    write_effective(plan.config, job.dist)


def _claim(job: Job) -> None:
    """Make the directory of the results, unless another product of that version has it.

    Its packages would be taken for those of this run, and so deleted. Raises UsageError.
    """
    package, mark = job.plan.package, job.home / PRODUCT
    owner = _owner(job.home)
    if owner not in (None, package):
        raise UsageError(
            f"{shown(job.home)} has the packages of {owner}, and this is {package}",
            cause=f"both products have the version {job.plan.version_text}, and the same output",
            fix=Command("debwright", "--output", shown(job.dist / package), "run"),
        )
    job.home.mkdir(parents=True, exist_ok=True)
    if not mark.exists():
        atomic_write(mark, f"{package}\n")


def _owner(home: Path) -> str | None:
    """The source package whose results are in a directory; None where that cannot be told."""
    try:
        return (home / PRODUCT).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        found = sorted(home.glob("source/*/*.dsc"))  # by a debwright that wrote no mark
        return found[0].name.partition("_")[0] if found else None


def _companions(job: Job, wanted: Wanted) -> list[CompanionResult]:
    """All companions, before the product that needs them."""
    companions = job.plan.companions
    if not companions:
        return []
    with ThreadPoolExecutor(max_workers=min(_jobs(job), len(companions))) as pool:
        futures = [pool.submit(_one_companion, job, c, wanted) for c in companions]
        while wait(futures, timeout=SIGNAL_SECONDS).not_done:
            pass
        return [f.result() for f in futures]


def _one_companion(job: Job, companion: Companion, wanted: Wanted) -> CompanionResult:
    """source, build and check of one companion."""
    child = companion_job(job, companion)
    adopt(child)
    child.home.mkdir(parents=True, exist_ok=True)
    root, suite = companion.root, companion.root.target.suite
    child.all_built[suite] = threading.Event()
    sources = tuple(s.run(child, suite) for s in stages_of(SourceStage, wanted))
    ready = all(s.status.ok for s in sources)
    done = _result(run_target(child, root, wanted)) if ready else None
    result = CompanionResult(
        target=companion.name,
        version=companion.plan.version_text,
        root=str(root.target),
        source=companion.source,
        strategy=done.strategy if done else str(root.strategy),
        strategy_reason=f"companion from {companion.source}; {root.choice.reason}",
        stages=(*sources, *(done.stages if done else ())),
        checks=done.checks if done else (),
        artifacts=done.artifacts if done else (),
    )
    if result.ok:
        finished(child)
    return result


def _jobs(job: Job) -> int:
    return job.plan.config.targets.jobs or os.cpu_count() or 1


def _targets(job: Job, wanted: Wanted) -> list[TargetRun]:
    """All targets side by side. Those that build `all` packages go first: others wait for them.

    Then those whose programs are emulated, as they take longest: else the last would end alone.
    """
    plan = job.plan
    job.all_built.update({suite: threading.Event() for suite in plan.suites})
    order = sorted(plan.targets, key=lambda t: rank(job, t))
    job.budget.expect(str(t.target) for t in order)
    with ThreadPoolExecutor(max_workers=max(1, min(_jobs(job), len(order)))) as pool:
        futures = {str(t.target): pool.submit(run_target, job, t, wanted) for t in order}
        while wait(futures.values(), timeout=SIGNAL_SECONDS).not_done:
            pass  # only between two waits is a signal sure to be noticed
        return [futures[str(t.target)].result() for t in plan.targets]


def rank(job: Job, target: TargetPlan) -> tuple[bool, bool]:
    """What the others wait for comes first, and then what takes longest."""
    waited_for = target.build_all and job.sources[target.target.suite].has_all
    return not waited_for, target.target.arch == job.plan.host.arch


def run_target(job: Job, target: TargetPlan, wanted: Wanted) -> TargetRun:
    """One target through its stages; those after a failed build are not done."""
    source = job.sources[target.target.suite]
    choice = job.plan.choice_for(target, source)
    on = TargetRun(job, target, source, choice.strategy, choice.reason)
    stages = stages_of(TargetStage, wanted)  # type: ignore[type-abstract]
    try:
        for stage in stages:
            if (refused := stage.refused(on)) is not None:
                on.skip("build", f"`{stage.name}` is not possible here")
                on.stages.append(refused)
                job.reporter.stage_finished(on.name, refused)
                return on
        with on.stack:
            built = all(stage.run(on) for stage in stages if stage.builds)
        _share_all(job, target, built=built)
        for stage in (s for s in stages if not s.builds):
            if built:
                stage.run(on)
            elif stage.proves:
                on.skip(stage.name, f"there is no package to {stage.name}")
    finally:
        # It may have failed before its checks, or have had no need of them.
        job.budget.arrived(on.name)
        if target.build_all:
            job.all_built[target.target.suite].set()
    return on


def _result(on: TargetRun) -> TargetResult:
    return TargetResult(
        target=on.name,
        strategy=str(on.strategy),
        strategy_reason=on.strategy_reason,
        stages=tuple(on.stages),
        checks=tuple(on.checks),
        artifacts=_artifacts(on.job, on.target),
    )


def _share_all(job: Job, target: TargetPlan, *, built: bool) -> None:
    """Hand `all` packages to the suite's other targets, or wait for them."""
    suite = target.target.suite
    if target.build_all:
        if built:
            job.all_packages[suite] = tuple(sorted(job.directory(target).glob("*_all.deb")))
        job.all_built[suite].set()
    elif job.sources[suite].has_all:
        job.all_built[suite].wait()


def _unbuilt(job: Job, reason: str) -> list[TargetResult]:
    return [
        TargetResult(
            target=str(t.target), strategy=str(t.strategy), strategy_reason=t.choice.reason,
            stages=(skipped(job, str(t.target), "build", reason),),
        )
        for t in job.plan.targets
    ]  # fmt: skip


def _publish(
    stage: PublishStage,
    job: Job,
    companions: Sequence[CompanionResult],
    targets: Sequence[TargetResult],
) -> Published:
    """Publish everything or nothing: architectures of one version belong together."""
    services = [c.plan.config.service for c in job.plan.companions]
    services += [job.plan.config.service] * len(targets)
    for target, service in zip([*companions, *targets], services, strict=True):
        if not target.ok or not target.artifacts:
            return not_published(job, f"{target.target} failed")
        if reason := not_proven(target.checks, has_service=bool(service)):
            text = f"{target.target} is not proven to work: {reason}"
            return not_published(job, text, unproven=True)
    return stage.run(job, job.plan.targets)


def _artifacts(job: Job, target: TargetPlan) -> tuple[Artifact, ...]:
    directory = job.directory(target)
    if not directory.is_dir():
        return ()
    return tuple(
        artifact_of(path, kind_of(path), job.dist)
        for path in sorted(directory.iterdir())
        if path.suffix in KINDS and path.name != "stages.json"
    )


def kind_of(path: Path) -> str:
    """What the report calls a file of a target's directory; its suffix is one of KINDS."""
    return "sbom" if path.name.endswith((CYCLONEDX, SPDX)) else KINDS[path.suffix]


def checksums(dist: Path, home: Path, targets: Sequence[TargetResult]) -> tuple[Artifact, ...]:
    """SHA256SUMS of what a user would download, in sha256sum(1)'s format; written into `home`."""
    lines = sorted({
        f"{a.sha256}  {Path(a.path).relative_to(home.name)}"
        for t in targets for a in t.artifacts if a.kind in DOWNLOADS
    })  # fmt: skip
    if not lines:
        return ()
    path = home / "SHA256SUMS"
    atomic_write(path, "\n".join(lines) + "\n")
    return (artifact_of(path, "checksums", dist),)


def exit_code(result: RunResult) -> ExitCode:
    """What the process ends with: of several failures, that of the build, then of the checks."""
    stages = [*result.stages, *(s for part in result.parts for s in part.stages)]
    failed = [s.details.exit_code or ExitCode.FAILED for s in stages if s.status is Status.FAILED]
    if failed:
        first = (ExitCode.CHECK, ExitCode.BUILD)
        return max(failed, key=lambda code: (first.index(code) if code in first else -1, code))
    # Nothing failed; but checks that this machine could not make are no success.
    own = [s.details.exit_code for s in result.stages if s.status is Status.SKIPPED]
    parts = [s.details.exit_code for s in stages if s.details.unproven]
    wanted = [code for code in own if code] or [code for code in parts if code]
    return max(wanted, default=ExitCode.SUCCESS)


@contextmanager
def exclusive(dist: Path) -> Iterator[None]:
    """One debwright at a time in a dist directory; the second says so and stops."""
    dist.mkdir(parents=True, exist_ok=True)
    handle = os.open(dist / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DebwrightError(
                f"another debwright is working in {dist}",
                fix="wait for it to end, or choose another directory with --output",
            ) from error
        yield
    finally:
        os.close(handle)


def heal(cache: Cache) -> None:
    """Remove what a killed debwright left: scratch directories, control groups, key homes."""
    from debwright.keys.gnupg.home import heal_stale_homes

    cache.prepare()
    cgroups.heal()
    heal_stale_homes()
