"""What is looked for in a run's result: a finding, a check, a stage, or that it fails at all."""

from collections.abc import Iterator
from dataclasses import dataclass

from debwright.model.errors import UsageError
from debwright.model.fix import Correction
from debwright.model.results import CheckResult, Finding, RunResult, StageResult, Status
from debwright.model.suites import nearest
from debwright.pipeline.bisect.search import Answer

_Part = CheckResult | StageResult

BUILDS = ("source", "wheels", "build")
"""Stages that `debwright build` has; what breaks in them needs no checks to be seen."""


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """A name, and which checks or stages would show it."""

    name: str | None = None
    """A code as `service/crashed`, a check, or a stage; None: any failure."""
    checks: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()

    @property
    def by_building(self) -> bool:
        """Whether packages need not be checked to see it."""
        return bool(self.stages) and not self.checks and self.stages <= set(BUILDS)

    def seen_in(self, result: RunResult) -> tuple[Answer, Finding | None]:
        """What the result says, and the finding that says so."""
        if self.name is None:
            failed = next((f for f in _failures(result) if f is not None), None)
            return (Answer.GOOD, None) if result.ok else (Answer.BAD, failed)
        parts: list[_Part] = [*_checks(result), *_stages(result)]
        for part in parts:
            for finding in _findings(part):
                if finding.code == self.name and finding.waived is None:
                    return Answer.BAD, finding
            if _name(part) == self.name and part.status is Status.FAILED:
                return Answer.BAD, next(iter(_findings(part)), None)
        if result.ok:
            shown = [p for p in parts if _name(p) in self.checks | self.stages and p.status.ok]
            return (Answer.GOOD if shown else Answer.UNKNOWN), None
        there = [p for p in parts if _name(p) in self.checks]
        # Each target that was asked for has to show it.
        good = len(there) >= len(result.targets) > 0 and all(p.status.ok for p in there)
        if not self.checks:
            named = [p for p in parts if _name(p) in self.stages]
            good = bool(named) and all(p.status.ok for p in named)
        failed = next((f for f in _failures(result) if f is not None), None)
        return (Answer.GOOD, None) if good else (Answer.UNKNOWN, failed)


def symptom_of(name: str | None) -> Symptom:
    """What a name stands for. Raises UsageError for one that nothing gives."""
    if name is None:
        return Symptom()
    from debwright.checks.registry import every_check
    from debwright.pipeline.stages import STAGES

    checks = {check.name: set(check.declared) for check in every_check()}
    stages = {stage.name for stage in STAGES}
    if name in checks:
        return Symptom(name=name, checks=frozenset({name}))
    if name in stages:
        return Symptom(name=name, stages=frozenset({name}))
    by = frozenset(check for check, codes in checks.items() if name in codes)
    if by:
        return Symptom(name=name, checks=by)
    if name.partition("/")[0] in stages and "/" in name:
        return Symptom(name=name, stages=frozenset({name.partition("/")[0]}))
    close = nearest(name, [*checks, *stages, *(c for codes in checks.values() for c in codes)])
    raise UsageError(
        f"nothing gives {name!r}",
        cause="a code of a finding, a check or a stage is expected: see docs/reference/codes.md",
        fix=Correction(close, wrong=name) if close else None,
    )


def _name(part: _Part) -> str:
    # Of further sets and targets: CHECK+SET, CHECK@TARGET.
    text = part.name if isinstance(part, CheckResult) else part.stage
    return text.partition("+")[0].partition("@")[0]


def _checks(result: RunResult) -> Iterator[CheckResult]:
    for target in result.parts:
        yield from target.checks


def _stages(result: RunResult) -> Iterator[StageResult]:
    yield from result.stages
    for target in result.parts:
        yield from target.stages


def _findings(part: _Part) -> tuple[Finding, ...]:
    if isinstance(part, CheckResult):
        return part.findings
    return (part.error,) if part.error is not None else ()


def _failures(result: RunResult) -> Iterator[Finding | None]:
    parts: list[_Part] = [*_checks(result), *_stages(result)]
    for part in parts:
        if part.status is Status.FAILED:
            yield next(iter(_findings(part)), None)
