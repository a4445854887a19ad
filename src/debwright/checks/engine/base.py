"""The seam between the checks and the pipeline that runs them."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from debwright.checks.engine.previous import Previous
from debwright.config import Config
from debwright.host.process import LineSink
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Evidence, Finding, Severity, Status
from debwright.model.targets import Target
from debwright.packages.debs import Deb, Member
from debwright.packages.unpacked import Unpacked
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots

ASKED_FOR = ("reproducible", "equivalence")
"""Checks of their own stages, which take further builds: only when they are asked for."""


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """What every check may use."""

    target: Target
    host_arch: str
    """This machine's architecture."""
    config: Config
    debs: Sequence[Deb]
    changes: Path | None
    roots: Roots
    output: Path
    """Where a check may leave files of its own (`lintian.json`)."""
    log: LineSink
    activity: Callable[[str], None]
    previous: Previous = field(default_factory=Previous)
    """The release before, or why none is known."""
    companions: Sequence[Deb] = ()
    """Packages that are at hand when these are installed, and are not what is checked."""
    project: Path = Path()
    """Directory of debwright.toml; paths in it are relative to that."""
    unpacked: Unpacked = field(default_factory=Unpacked)
    spare: bool = False
    """Whether a second system may be booted beside the first."""
    anew: bool = False
    """What was found of the same packages before counts for nothing."""

    @property
    def cache(self) -> Cache:
        return self.roots.cache

    @property
    def emulated(self) -> bool:
        return self.target.arch != self.host_arch

    @property
    def installable(self) -> list[Deb]:
        """Packages a user would install: debug symbols and installer parts are not."""
        return [d for d in self.debs if d.path.suffix == ".deb" and not d.debug]

    def files(self) -> Iterator[tuple[Deb, Member, IO[bytes] | None]]:
        """Every file of the packages a user would install; see Unpacked.files."""
        for deb in self.installable:
            for member, handle in self.unpacked.files(deb.path):
                yield deb, member, handle


class Check(Protocol):
    """A check on the package files alone."""

    name: str

    def run(self, context: CheckContext) -> CheckResult: ...


def error(
    code: str, message: str, *, evidence: tuple[Evidence, ...] = (), fix: str | None = None
) -> Finding:
    return Finding(severity=Severity.ERROR, code=code, message=message, evidence=evidence, fix=fix)


def warning(
    code: str, message: str, *, evidence: tuple[Evidence, ...] = (), fix: str | None = None
) -> Finding:
    return Finding(
        severity=Severity.WARNING, code=code, message=message, evidence=evidence, fix=fix
    )


def levelled(
    level: str,
    code: str,
    message: str,
    *,
    evidence: tuple[Evidence, ...] = (),
    fix: str | None = None,
) -> list[Finding]:
    """The finding as severe as the configured level says; none when that is `off`."""
    severity = {"error": Severity.ERROR, "warn": Severity.WARNING}.get(level)
    if severity is None:
        return []
    return [Finding(severity=severity, code=code, message=message, evidence=evidence, fix=fix)]


def conclude(
    name: str,
    started: float,
    findings: Sequence[Finding],
    *,
    measurements: dict[str, float] | None = None,
    notes: Sequence[str] = (),
) -> CheckResult:
    """A check's result: failed when any finding is an error. `started` is from time.monotonic."""
    failed = any(f.severity is Severity.ERROR for f in findings)
    return CheckResult(
        name=name,
        status=Status.FAILED if failed else Status.PASSED,
        seconds=time.monotonic() - started,
        findings=tuple(findings),
        measurements=measurements or {},
        notes=tuple(notes),
    )


def skipped(name: str, reason: str) -> CheckResult:
    return CheckResult(name=name, status=Status.SKIPPED, reason=reason)


def failed_by(name: str, started: float, code: str, problem: DebwrightError) -> CheckResult:
    """A check that ended in an error: the error becomes its finding."""
    return conclude(name, started, [Finding.from_error(code, problem)])


def not_done(name: str, started: float, code: str, problem: DebwrightError) -> CheckResult:
    """A check that could not be carried out. It has failed, since its silence must not pass.

    Its reason says so: where the policy forgives the failure, nothing has been proven all the same.
    """
    failed = failed_by(name, started, code, problem)
    return failed.model_copy(update={"reason": f"could not be carried out: {problem.what}"})
