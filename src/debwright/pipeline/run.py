"""The run: stages in order, targets side by side, and what becomes of failures."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debwright import __version__
from debwright.config import write_effective
from debwright.host.files import atomic_write
from debwright.host.machine import describe_host
from debwright.host.process import SIGNAL_SECONDS
from debwright.isolation import cgroups
from debwright.model.errors import DebwrightError
from debwright.model.results import (
    Artifact,
    CheckResult,
    CompanionResult,
    RunResult,
    StageResult,
    Status,
    TargetResult,
)
from debwright.packages.sbom.make import CYCLONEDX, SPDX
from debwright.pipeline.plan import Companion, TargetPlan
from debwright.pipeline.stages.base import Job, artifact_of, skipped
from debwright.pipeline.stages.build import TargetBuild, build_stage, failure_of
from debwright.pipeline.stages.check import check_stage, not_proven, without_emulator
from debwright.pipeline.stages.companion import adopt, companion_job, finished
from debwright.pipeline.stages.publish import Published, publish_stage, require_key, skipped_publish
from debwright.pipeline.stages.sbom import sbom_stage
from debwright.pipeline.stages.source import source_stage
from debwright.roots.cache import Cache

STAGES = ("build", "test", "sbom", "check")
"""Of each target, in order. source comes before them and publish after, for the run as a whole."""

KINDS = {
    ".deb": "deb", ".dsc": "source", ".xz": "source", ".gz": "source", ".bz2": "source",
    ".changes": "changes", ".buildinfo": "buildinfo", ".log": "log", ".json": "result",
}  # fmt: skip


DOWNLOADS = frozenset({"deb", "source", "changes", "buildinfo", "sbom"})
"""Kinds of files that a user would download."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which stages to do, beyond building."""

    check: bool = True
    publish: bool = True
    reproducible: bool = False
    """Build every target a second time and compare."""
    equivalence: bool = False
    """Compare the targets of a suite with each other, and cross-built ones with emulated ones."""

    @property
    def stages(self) -> tuple[str, ...]:
        extra = [n for n in ("reproducible", "equivalence") if getattr(self, n)]
        return (*(s for s in STAGES if s != "check" or self.check), *extra)


def run(job: Job, wanted: Wanted) -> RunResult:
    """Do the wanted stages for every target of the plan. One target's failure stops no other."""
    started, clock = datetime.now(UTC), time.monotonic()
    plan = job.plan
    names = [str(t.target) for t in plan.targets]
    names = [*(c.name for c in plan.companions), *names]
    job.reporter.begin(f"{plan.package} {plan.version_text}", names, wanted.stages)
    for note in plan.version.notes if plan.version else ():
        job.notes.append(note)
        job.reporter.note(note)
    for choice in plan.targets:
        job.reporter.note(f"{choice.target}: {choice.strategy}, {choice.choice.reason}")
    if wanted.publish:
        require_key(job)
    job.home.mkdir(parents=True, exist_ok=True)
    write_effective(plan.config, job.dist)
    companions = _companions(job, wanted)
    whole = [source_stage(job, suite) for suite in plan.suites]
    if lost := [c.target for c in companions if not c.ok]:
        targets = _unbuilt(job, f"its companion {lost[0]} failed")
    elif all(s.status.ok for s in whole):
        targets = _targets(job, wanted)
        if wanted.equivalence:
            from debwright.pipeline.stages.equivalence import equivalence_stages

            targets = equivalence_stages(job, targets)
    else:
        targets = _unbuilt(job, "there is no source package")
    published = _publish(job, wanted, companions, targets)
    whole += [published.stage] if wanted.publish else []
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
        signing_key=published.key,
        signing_note=published.note,
        apt_sources=published.sources,
        notes=tuple(job.notes),
    )


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
    root = companion.root
    child.all_built[root.target.suite] = threading.Event()
    source = source_stage(child, root.target.suite)
    done = _one_target(child, root, wanted) if source.status.ok else None
    result = CompanionResult(
        target=companion.name,
        version=companion.plan.version_text,
        root=str(root.target),
        source=companion.source,
        strategy=done.strategy if done else str(root.strategy),
        strategy_reason=f"companion from {companion.source}; {root.choice.reason}",
        stages=(source, *(done.stages if done else ())),
        checks=done.checks if done else (),
        artifacts=done.artifacts if done else (),
    )
    if result.ok:
        finished(child)
    return result


def _jobs(job: Job) -> int:
    return job.plan.config.targets.jobs or os.cpu_count() or 1


def _targets(job: Job, wanted: Wanted) -> list[TargetResult]:
    """All targets side by side. Those that build `all` packages go first: others wait for them.

    Then those whose programs are emulated, as they take longest: else the last would end alone.
    """
    plan = job.plan
    job.all_built.update({suite: threading.Event() for suite in plan.suites})
    order = sorted(plan.targets, key=lambda t: _rank(job, t))
    job.budget.expect(str(t.target) for t in order)
    with ThreadPoolExecutor(max_workers=max(1, min(_jobs(job), len(order)))) as pool:
        futures = {str(t.target): pool.submit(_one_target, job, t, wanted) for t in order}
        while wait(futures.values(), timeout=SIGNAL_SECONDS).not_done:
            pass  # only between two waits is a signal sure to be noticed
        return [futures[str(t.target)].result() for t in plan.targets]


def _rank(job: Job, target: TargetPlan) -> tuple[bool, bool]:
    waited_for = target.build_all and job.sources[target.target.suite].has_all
    return not waited_for, target.target.arch == job.plan.host.arch


def _one_target(job: Job, target: TargetPlan, wanted: Wanted) -> TargetResult:
    """build, test and check of one target."""
    build = TargetBuild(
        job, target, job.sources[target.target.suite], target.strategy, target.choice.reason
    )
    checks: tuple[CheckResult, ...] = ()
    try:
        if wanted.check and (refused := without_emulator(job, target)) is not None:
            build.stages += [skipped(job, build.name, "build", "it could not be checked"), refused]
            return _target_result(build, checks)
        built = build_stage(build)
        _share_all(job, target, built=built)
        if built:
            build.stages.append(sbom_stage(job, target))
        if not wanted.check:
            pass
        elif built:
            stage, checks = check_stage(job, target)
            build.stages.append(stage)
            if wanted.reproducible:
                from debwright.pipeline.stages.second_build import reproducible_stage

                stage, more = reproducible_stage(build)
                build.stages.append(stage)
                checks += more
        else:
            build.stages.append(skipped(job, build.name, "check", "there is no package to check"))
    finally:
        # It may have failed before its checks, or have had no need of them.
        job.budget.arrived(build.name)
        if target.build_all:
            job.all_built[target.target.suite].set()
    return _target_result(build, checks)


def _target_result(build: TargetBuild, checks: tuple[CheckResult, ...]) -> TargetResult:
    return TargetResult(
        target=build.name,
        strategy=str(build.strategy),
        strategy_reason=build.strategy_reason,
        stages=tuple(build.stages),
        checks=checks,
        artifacts=_artifacts(build.job, build.target),
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
    job: Job,
    wanted: Wanted,
    companions: Sequence[CompanionResult],
    targets: Sequence[TargetResult],
) -> Published:
    """Publish everything or nothing: architectures of one version belong together."""
    if not wanted.publish:
        return Published(stage=StageResult(stage="publish", status=Status.SKIPPED))
    services = [c.plan.config.service for c in job.plan.companions]
    services += [job.plan.config.service] * len(targets)
    for target, service in zip([*companions, *targets], services, strict=True):
        if not target.ok or not target.artifacts:
            return skipped_publish(job, f"{target.target} failed")
        has_service = service is not None
        if reason := not_proven(target.checks, has_service=has_service):
            text = f"{target.target} is not proven to work: {reason}"
            return skipped_publish(job, text, unproven=True)
    return publish_stage(job, job.plan.targets)


def _artifacts(job: Job, target: TargetPlan) -> tuple[Artifact, ...]:
    directory = job.directory(target)
    if not directory.is_dir():
        return ()
    return tuple(
        job.artifact(path, kind_of(path))
        for path in sorted(directory.iterdir())
        if path.suffix in KINDS and path.name != "stages.json"
    )


def kind_of(path: Path) -> str:
    """What the report calls a file of a target's directory; its suffix is one of KINDS."""
    return "sbom" if path.name.endswith((CYCLONEDX, SPDX)) else KINDS[path.suffix]


def checksums(dist: Path, home: Path, targets: Sequence[TargetResult]) -> tuple[Artifact, ...]:
    """SHA256SUMS of what a user would download, in sha256sum(1)'s format; written into `home`."""
    lines = sorted(
        f"{a.sha256}  {Path(a.path).relative_to(home.name)}"
        for t in targets for a in t.artifacts if a.kind in DOWNLOADS
    )  # fmt: skip
    if not lines:
        return ()
    path = home / "SHA256SUMS"
    atomic_write(path, "\n".join(lines) + "\n")
    return (artifact_of(path, "checksums", dist),)


def exit_code(result: RunResult) -> int:
    """0, or the code of the first failure in the order of the stages (see DESIGN: exit codes)."""
    failed = [s for s in result.stages if s.status is Status.FAILED]
    for target in result.parts:
        failed += [s for s in target.stages if s.status is Status.FAILED]
    if failed:
        return max((failure_of(s)[1] for s in failed), key=lambda c: (c == 3, c == 4, c))
    skipped_for = [s for s in result.stages if s.status is Status.SKIPPED]
    if code := max((int(s.details.get("exit_code", 0)) for s in skipped_for), default=0):
        return code
    # Nothing failed; but checks that this machine could not make are no success.
    unproven = [s for t in result.parts for s in t.stages if s.details.get("unproven")]
    return max((int(s.details.get("exit_code", 0)) for s in unproven), default=0)


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
    from debwright.keys.signing import heal_stale_homes

    cache.prepare()
    cgroups.heal()
    heal_stale_homes()
