"""What is remembered of a run, made of its result."""

import resource
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from debwright import __version__
from debwright.host.machine import describe_host
from debwright.model.codes import INFRASTRUCTURE
from debwright.model.details import CheckDetails
from debwright.model.errors import DebwrightError, ExitCode
from debwright.model.results import (
    Artifact,
    CheckResult,
    CompanionResult,
    RunResult,
    Severity,
    StageResult,
    Status,
    TargetResult,
)
from debwright.observe.metrics import place
from debwright.observe.metrics.model import (
    MOST_NAMES,
    Problem,
    Result,
    RunRecord,
    StageRecord,
    TargetRecord,
    plain,
)
from debwright.observe.report import view

_SHORT, _LONG = 200, 600

MACHINES_OWN = ("3001", "3017", "3405")
"""Diagnosed root causes that are no package's doing: a full disk, a mirror amid an update, a lost
runner. Others of the 3xxx may be: a build that wants the network, one that takes all memory."""


def run_record(
    result: RunResult,
    directory: Path,
    *,
    cache_bytes: int | None = None,
    problems: dict[str, Sequence[Problem]] | None = None,
) -> RunRecord:
    """The record of a run of the project in `directory`.

    `problems` are what a diagnosis found, for each target that failed.
    """
    failures = {f.target: f for f in reversed(view.failures(result))}
    ci = place.ci_run()
    details = [s.details for t in result.parts for s in t.stages]
    queued = [d.waited_seconds or 0.0 for d in details if isinstance(d, CheckDetails)]
    return RunRecord(
        record="run",
        id=_new_id(),
        package=plain(result.package, _SHORT),
        version=plain(result.version, _SHORT),
        debwright=plain(result.debwright, _SHORT),
        commit=_short(result.commit),
        branch=_short(place.branch_of(directory)),
        ci=ci.key if ci else None,
        url=ci.url if ci else None,
        started=result.started,
        seconds=round(result.seconds, 3),
        machine=plain(place.machine_class(result.host), _SHORT),
        result=_overall(result),
        queue_seconds=round(sum(queued), 1) or None,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        disk_bytes=sum(a.size for t in result.parts for a in t.artifacts),
        cache_bytes=cache_bytes,
        stages=tuple(_stage(s) for s in result.stages),
        targets=tuple(
            _target(t, failures.get(t.target), (problems or {}).get(t.target, ()))
            for t in result.parts
        ),
    )


def broken_record(
    error: DebwrightError, package: str, version: str, started: datetime, directory: Path
) -> RunRecord:
    """The record of a run that ended before it had a result."""
    stage = StageRecord(
        name="run", status="failed", code=plain(type(error).__name__, _SHORT),
        seconds=round((datetime.now(UTC) - started).total_seconds(), 3),
    )  # fmt: skip
    ci = place.ci_run()
    return RunRecord(
        record="run", id=_new_id(), package=plain(package, _SHORT), version=plain(version, _SHORT),
        debwright=__version__, branch=_short(place.branch_of(directory)),
        ci=ci.key if ci else None, url=ci.url if ci else None, started=started,
        seconds=stage.seconds, machine=plain(place.machine_class(describe_host()), _SHORT),
        result="failed", stages=(stage,),
    )  # fmt: skip


def _new_id() -> str:
    """Not to be met twice on any machine."""
    return f"run:{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"


def _short(text: str | None) -> str | None:
    return None if text is None else plain(text, _SHORT)


def _overall(result: RunResult) -> Result:
    if not result.ok:
        return "failed"
    states = {view.target_status(t).value for t in result.parts}
    if states <= {"cached"}:
        return "cached"
    return "skipped" if "skipped" in states else "passed"


def _stage(stage: StageResult) -> StageRecord:
    if stage.status is Status.CACHED:
        # What was found done was paid for by the run before.
        return StageRecord(name=plain(stage.stage, _SHORT), status="cached")
    used = stage.usage
    return StageRecord(
        name=plain(stage.stage, _SHORT),
        status=stage.status.value,
        seconds=round(max(0.0, stage.seconds), 3),
        cpu_seconds=None if stage.cpu_seconds is None else round(stage.cpu_seconds, 3),
        code=plain(stage.error.code, _SHORT) if stage.error else None,
        **(used.model_dump() if used else {}),
    )


def _target(
    target: TargetResult, failure: view.Failure | None, problems: Sequence[Problem]
) -> TargetRecord:
    failed = next((s for s in target.stages if s.status is Status.FAILED), None)
    found = Counter(
        plain(f.code, _SHORT) for c in target.checks for f in c.findings
        if f.severity is not Severity.INFO
    )  # fmt: skip
    return TargetRecord(
        target=plain(target.target, _SHORT),
        strategy=plain(target.strategy, _SHORT),
        result=view.target_status(target).value,
        infrastructure=failed is not None
        and (is_infrastructure(failed) or any(p.code in MACHINES_OWN for p in problems[:1])),
        companion=isinstance(target, CompanionResult),
        stages=tuple(_stage(s) for s in target.stages),
        checks={plain(c.name, _SHORT): c.status.value for c in target.checks},
        flaky=tuple(sorted(c for c in found if c.endswith("/flaky"))),
        findings=dict(found.most_common(MOST_NAMES)),
        errors=view.count_findings(target.checks, Severity.ERROR),
        warnings=view.count_findings(target.checks, Severity.WARNING),
        measurements=_measurements(target.checks),
        packages=_packages(target.artifacts),
        failed_stage=plain(failed.stage, _SHORT) if failed else None,
        code=plain(failed.error.code, _SHORT) if failed and failed.error else None,
        message=plain(failure.what, _LONG) if failure else None,
        next=plain(failure.next, _LONG) if failure else None,
        problems=tuple(problems),
    )


def is_infrastructure(stage: StageResult) -> bool:
    """Whether a stage failed for the machine or the network: exit code 5 says so."""
    code = stage.error.code if stage.error else ""
    return code.startswith(f"{INFRASTRUCTURE}/") or stage.details.exit_code is ExitCode.MISSING


def _measurements(checks: Iterable[CheckResult]) -> dict[str, float]:
    found = {
        plain(f"{c.name}.{name}", _SHORT): value
        for c in checks if c.status is not Status.CACHED
        for name, value in c.measurements.items()
    }  # fmt: skip
    return dict(list(found.items())[:MOST_NAMES])


def _packages(artifacts: Iterable[Artifact]) -> dict[str, int]:
    return {plain(view.base_name(a.path).split("_", 1)[0], _SHORT): a.size
            for a in view.debs(artifacts)}  # fmt: skip
