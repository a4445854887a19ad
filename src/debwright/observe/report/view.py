"""What every report form says, worked out once: verdict, failures, skipped checks, paths."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import quote

from debwright.model.details import CheckDetails
from debwright.model.fix import Command
from debwright.model.results import (
    Artifact,
    CheckResult,
    CompanionResult,
    Finding,
    RunResult,
    Severity,
    StageResult,
    Status,
    TargetResult,
)
from debwright.observe.report.causes import findings_of


def plural(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


class Quote(Protocol):
    """Evidence, of an error or of a finding."""

    @property
    def text(self) -> str: ...
    @property
    def file(self) -> str | None: ...
    @property
    def line(self) -> int | None: ...


def evidence_lines(evidence: Sequence[Quote], limit: int) -> list[str]:
    """At most `limit` pieces of evidence as lines; a file with several is named once above them.

    Untrusted text, not yet made printable.
    """
    lines: list[str] = []
    for file, group in groupby(evidence[:limit], key=lambda item: item.file):
        items = list(group)
        if file is not None and len(items) > 1:
            lines.append(f"{file}:")
        for item in items:
            place = [str(item.line)] if item.line is not None else []
            if file is not None and len(items) == 1:
                place.insert(0, file)
            lines.append(f"{':'.join(place)}: {item.text}" if place else item.text)
    if (more := len(evidence) - limit) > 0:
        lines.append(f"[{more} more lines]")
    return lines


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The run in one word and one sentence."""

    status: Status
    """PASSED, FAILED, or SKIPPED when no target came as far as being proven."""
    headline: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Everything to say about one stage that failed; `target` is None for the run's own."""

    target: str | None
    stage: str
    what: str
    findings: tuple[Finding, ...]
    log: str | None
    """Path of the log, relative to `dist/`."""
    reproduce: Command
    inspect: Command | None

    @property
    def where(self) -> str:
        return f"{self.target or 'run'}: {self.stage}"

    @property
    def next(self) -> Command:
        """The command to type: what a finding advises if that is one, or to run it again."""
        return (
            next((f.fix for f in self.findings if isinstance(f.fix, Command)), None)
            or self.reproduce
        )


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Something that did not run, and why."""

    target: str | None
    name: str
    reason: str


def target_status(target: TargetResult) -> Status:
    """How a target ended. A skipped stage makes it skipped: it was not proven.

    So do checks that failed nothing and have not seen the packages work. Tests that the source does
    not have, or that cannot run by themselves, are no missing proof: they are shown as skipped.
    Nor is a build that another target has done for this one.
    """
    if not target.ok:
        return Status.FAILED
    statuses = {
        s.status
        for s in target.stages
        if s.status is not Status.SKIPPED or not (s.stage == "test" or _done_elsewhere(s))
    }
    if not statuses or Status.SKIPPED in statuses:
        return Status.SKIPPED
    if any(s.details.unproven for s in target.stages):
        return Status.SKIPPED
    return Status.CACHED if statuses == {Status.CACHED} else Status.PASSED


def _done_elsewhere(stage: StageResult) -> bool:
    """Whether another target did it for this one, so that no proof is missing."""
    return stage.details.done_by is not None


def verdict(result: RunResult) -> Verdict:
    total = len(result.targets)
    failed = [t for t in result.targets if not t.ok]
    unproven = [t for t in result.parts if target_status(t) is Status.SKIPPED]
    detail = _detail(result)
    if lost := [c.target for c in result.companions if not c.ok]:
        headline = f"The {'companion' if len(lost) == 1 else 'companions'} {', '.join(lost)} failed"
        return Verdict(status=Status.FAILED, headline=headline, detail=detail)
    if failed:
        return Verdict(
            status=Status.FAILED,
            headline=f"{len(failed)} of {plural(total, 'target')} failed",
            detail=detail,
        )
    if broken := [s.stage for s in result.stages if s.status is Status.FAILED]:
        return Verdict(
            status=Status.FAILED, headline=f"Failed at {', '.join(broken)}", detail=detail
        )
    if not total:
        return Verdict(status=Status.SKIPPED, headline="No target was run", detail=detail)
    if unproven:
        headline = (
            f"{len(unproven)} of {plural(len(result.parts), 'target')} not fully run, none failed"
        )
        return Verdict(status=Status.SKIPPED, headline=headline, detail=detail)
    words = {1: "The target passed", 2: "Both targets passed"}
    headline = words.get(total, f"All {total} targets passed")
    return Verdict(status=Status.PASSED, headline=headline, detail=detail)


def _detail(result: RunResult) -> str:
    checks = [c for t in result.parts for c in t.checks]
    counts = {
        "passed": sum(c.status.ok for c in checks),
        "failed": sum(c.status is Status.FAILED for c in checks),
        "skipped": sum(c.status is Status.SKIPPED for c in checks),
    }
    parts = [f"{n} {word}" for word, n in counts.items() if n]
    text = f"{plural(len(checks), 'check')}: {', '.join(parts)}" if checks else "No check ran"
    for severity in (Severity.ERROR, Severity.WARNING):
        if n := count_findings(checks, severity):
            text += f" · {plural(n, severity.value)}"
    if n := count_waived(checks):
        text += f" · {n} waived"
    return text


def count_waived(checks: Iterable[CheckResult]) -> int:
    return sum(f.waived is not None for c in checks for f in c.findings)


def count_findings(checks: Iterable[CheckResult], severity: Severity) -> int:
    return sum(f.severity is severity for c in checks for f in c.findings)


def skips(result: RunResult) -> list[Skip]:
    """Every stage and check that was skipped, but for what another target has done."""
    found = _stage_skips(None, result.stages)
    for target in result.parts:
        found += _stage_skips(target.target, target.stages)
        found += [
            Skip(target=target.target, name=c.name, reason=c.reason or "no reason given")
            for c in target.checks
            if c.status is Status.SKIPPED
        ]
    return found


def skips_together(result: RunResult) -> list[str]:
    """What was skipped, a line for each reason: targets, what, and why."""
    names: dict[tuple[str, str], list[str]] = {}
    for skip in skips(result):
        names.setdefault((skip.target or "run", skip.reason), []).append(skip.name)
    targets: dict[tuple[str, str], list[str]] = {}
    for (target, reason), found in names.items():
        targets.setdefault((", ".join(found), reason), []).append(target)
    return [f"{', '.join(where)}: {what}: {why}" for (what, why), where in targets.items()]


def _stage_skips(target: str | None, stages: Iterable[StageResult]) -> list[Skip]:
    return [
        Skip(target=target, name=s.stage, reason=s.reason or "no reason given")
        for s in stages
        if s.status is Status.SKIPPED and not _done_elsewhere(s)
    ]


def failures(
    result: RunResult, dist: Path | None = None, *, typed: Path = Path("dist")
) -> list[Failure]:
    """Each failed stage. With `dist`, logs in their usual place are found there too.

    `typed` is how `dist` is typed in a command.
    """
    found = [
        _failure(result, None, stage, dist, typed)
        for stage in result.stages
        if stage.status is Status.FAILED
    ]
    for target in result.parts:
        found += [
            _failure(result, target, stage, dist, typed)
            for stage in target.stages
            if stage.status is Status.FAILED
        ]
    return found


def _failure(
    result: RunResult, target: TargetResult | None, stage: StageResult, dist: Path | None,
    typed: Path,
) -> Failure:  # fmt: skip
    broken = [
        check
        for check in (target.checks if target else ())
        if check.status is Status.FAILED and _stage_of(check) == stage.stage
    ]
    errors = [f for c in broken for f in c.findings if f.severity is Severity.ERROR]
    own = stage.error
    # The stage's own error often only counts the checks below it; then it is the headline.
    if own is not None and own not in errors and (own.evidence or own.fix or not errors):
        errors.insert(0, own)
    errors = findings_of(stage.details.diagnosis) + errors
    return Failure(
        target=target.target if target else None,
        stage=stage.stage,
        what=_what(stage, broken),
        findings=tuple(errors),
        log=find_log(result, target, stage, dist),
        reproduce=_reproduce(target, stage, typed),
        inspect=_inspect(target),
    )


def _stage_of(check: CheckResult) -> str:
    """The stage a check was made in: those that take builds of their own have their own."""
    return check.name if check.name in ("reproducible", "equivalence") else "check"


def _what(stage: StageResult, broken: list[CheckResult]) -> str:
    if stage.error is not None:
        return stage.error.message
    if broken:
        return f"{plural(len(broken), 'check')} failed: {', '.join(c.name for c in broken)}"
    return stage.reason or f"the {stage.stage} stage failed and gave no reason"


def _reproduce(target: TargetResult | None, stage: StageResult, dist: Path) -> Command:
    if target is None:
        return Command("debwright", "run")
    only = [] if isinstance(target, CompanionResult) else ["-t", target.target]
    if stage.stage == "build":
        return Command("debwright", "build", *only)
    if stage.stage in ("reproducible", "equivalence"):
        return Command("debwright", "check", f"--{stage.stage}", *only)
    if isinstance(stage.details, CheckDetails) and stage.details.files:
        # Packages that were given as files, which nothing here can find or build again.
        return Command("debwright", "check", "-t", target.target, *stage.details.files)
    changes = [a.path for a in target.artifacts if a.path.endswith(".changes")]
    if stage.stage == "check" and changes:
        return Command("debwright", "check", dist / changes[0])
    return Command("debwright", "run", *only)


def _inspect(target: TargetResult | None) -> Command | None:
    if target is None:
        return None
    if isinstance(target, CompanionResult):
        return Command("debwright", "-C", target.source, "shell", target.root)
    return Command("debwright", "shell", target.target)


def find_log(
    result: RunResult, target: TargetResult | None, stage: StageResult, dist: Path | None
) -> str | None:
    """The log of a stage, relative to `dist/`: named by the stage, an artifact, or just there.

    A stage names it in its details; an artifact counts when it is `STAGE.log`.
    """
    if stage.details.log:
        return stage.details.log
    wanted = f"{stage.stage}.log"
    artifacts = (target or result).artifacts
    for artifact in artifacts:
        if PurePosixPath(artifact.path).name == wanted:
            return artifact.path
    if dist is None:
        return None
    parts = [result.version, target.target, wanted] if target else [result.version, wanted]
    usual = dist.joinpath(*parts)
    return "/".join(parts) if usual.is_file() else None


TAIL_BYTES = 64 * 1024


def log_tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, read from its end; none when it cannot be read. Untrusted."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            found = file.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    # The first line is cut where reading began.
    return (found[1:] if size > TAIL_BYTES else found)[-lines:]


def debs(artifacts: Iterable[Artifact]) -> list[Artifact]:
    return [a for a in artifacts if a.path.endswith((".deb", ".udeb"))]


def base_name(path: str) -> str:
    return PurePosixPath(path).name or path


def link(path: str, directory_name: str) -> str:
    """A path relative to `dist/` as a URL relative to `dist/DIRECTORY_NAME/`.

    The leading `./` or `../` keeps a hostile path from being read as a scheme or a host.
    """
    relative = os.path.relpath("/" + path.lstrip("/"), "/" + directory_name)
    relative = relative if relative.startswith("../") else f"./{relative}"
    return quote(relative.encode("utf-8", "replace"), safe="/.-_~+")
