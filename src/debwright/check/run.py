"""The checks of one target, in order, as a list one can read top to bottom."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from debwright.check.base import Check, CheckContext, conclude, error, failed_by, skipped
from debwright.check.environment import Environment, NspawnEnvironment, Open
from debwright.check.lintian import LintianCheck
from debwright.check.purge import PurgeCheck
from debwright.check.runtime import REPOSITORY, UnsatisfiableDependencies
from debwright.check.service import ServiceCheck, SmokeCheck
from debwright.check.session import MaintainerScriptError, Session
from debwright.check.state import FilesCheck
from debwright.check.static import ContentsCheck, ElfCheck
from debwright.config import Config
from debwright.errors import CheckError, DebwrightError
from debwright.results import CheckResult, Finding, Severity, Status
from debwright.sandbox.nspawn import BootError

T = TypeVar("T")


class LiveCheck(Protocol):
    """A check on the booted system."""

    name: str

    def run(self, session: Session) -> CheckResult: ...


STATIC: tuple[Check, ...] = (ElfCheck(), ContentsCheck(), LintianCheck())
"""On the files alone."""

LIVE: tuple[LiveCheck, ...] = (
    ServiceCheck(),
    SmokeCheck(),
    FilesCheck(),
    PurgeCheck(),
)
"""On a booted system with the package installed, one after the other on the same system."""

ASKED_FOR = ("reproducible", "equivalence")
"""Checks of their own stages, which take further builds: only when they are asked for."""

NAMES = (*(c.name for c in STATIC), "dependencies", "install", *(c.name for c in LIVE), *ASKED_FOR)


def run_checks(
    context: CheckContext,
    finished: Callable[[CheckResult], None],
    environment: Environment | None = None,
) -> list[CheckResult]:
    """Every check of the target; `finished` hears of each as it ends.

    `environment` is where the live ones run; nspawn when it is not named.
    """
    results: list[CheckResult] = []

    def add(result: CheckResult) -> None:
        judged = judge(result, context)
        results.append(judged)
        finished(judged)

    if not context.installable:
        raise CheckError(f"{context.target}: there is no package to check")
    for check in STATIC:
        if _off(context, check.name):
            add(skipped(check.name, f'switched off in debwright.toml: {check.name} = "off"'))
            continue
        context.activity(check.name)
        add(_guarded(check.name, check.run, context))
    _live(context, environment or NspawnEnvironment(), add)
    return results


def _off(context: CheckContext, name: str) -> bool:
    return context.config.checks.get(name) == "off"


def judge(result: CheckResult, context: CheckContext) -> CheckResult:
    """What the configuration makes of a result; see judge_by."""
    return judge_by(result, context.config, str(context.target))


def judge_by(result: CheckResult, config: Config, target: str) -> CheckResult:
    """Apply `[checks]` (`warn` cannot fail) and the waivers, which mark findings, not hide them."""
    findings = [_waive(f, config, target) for f in result.findings]
    if config.checks.get(result.name) == "warn":
        findings = [
            f.model_copy(update={"severity": Severity.WARNING})
            if f.severity is Severity.ERROR else f for f in findings
        ]  # fmt: skip
    status = result.status
    if status is Status.FAILED and not any(f.severity is Severity.ERROR for f in findings):
        status = Status.PASSED
    return result.model_copy(update={"findings": tuple(findings), "status": status})


def _waive(finding: Finding, config: Config, target: str) -> Finding:
    if finding.severity is not Severity.ERROR:
        return finding
    today = datetime.now(UTC).date()
    ended = None
    for waiver in config.waivers:
        if waiver.covers(finding.code, target, today):
            said = f"waived until {waiver.until}: {waiver.reason}"
            return finding.model_copy(
                update={"severity": Severity.INFO, "message": f"{finding.message} ({said})"}
            )
        if waiver.covers(finding.code, target, waiver.until):
            ended = max(waiver.until, ended or waiver.until)
    if ended is not None:
        said = f"its waiver ended on {ended}"
        return finding.model_copy(update={"message": f"{finding.message} ({said})"})
    return finding


def _live(
    context: CheckContext, environment: Environment, add: Callable[[CheckResult], None]
) -> None:
    """Dependencies, then a boot, then what runs on it; what cannot run says why."""
    rest = ["install", *(c.name for c in LIVE)]
    started = time.monotonic()
    try:
        context.activity("resolving dependencies")
        opening = environment.prepare(context)
    except UnsatisfiableDependencies as problem:
        add(failed_by("dependencies", started, "install/unsatisfiable", problem))
        _skip(add, rest, "the package's dependencies cannot be satisfied")
        return
    except MaintainerScriptError as problem:
        add(failed_by("dependencies", started, "install/maintainer-script", problem))
        _skip(add, rest, "the package's dependencies cannot be installed")
        return
    add(conclude("dependencies", started, []))
    if why := environment.unavailable():
        _skip(add, rest, why)
        return
    _booted(context, opening, add)


def _skip(add: Callable[[CheckResult], None], names: Sequence[str], reason: str) -> None:
    for name in names:
        add(skipped(name, reason))


def _booted(context: CheckContext, opening: Open, add: Callable[[CheckResult], None]) -> None:
    started = time.monotonic()
    with ExitStack() as stack:
        try:
            session = opening(stack)
            context.activity("installing")
            session.install()
        except DebwrightError as problem:
            code = "install/failed"
            if isinstance(problem, MaintainerScriptError):
                code = "install/maintainer-script"
            elif isinstance(problem, BootError):
                code = "install/boot"
            add(failed_by("install", started, code, problem))
            _skip(add, [c.name for c in LIVE], "the package could not be installed")
            return
        measurements = {
            "boot_seconds": session.system.boot_seconds,
            "install_seconds": session.install_seconds,
        }
        add(conclude("install", started, _sizes(context), measurements=measurements))
        for check in LIVE:
            if _off(context, check.name):
                add(skipped(check.name, f'switched off in debwright.toml: {check.name} = "off"'))
                continue
            context.activity(check.name)
            add(_guarded(check.name, check.run, session))


def _guarded(name: str, run: Callable[[T], CheckResult], subject: T) -> CheckResult:
    """A check that cannot be carried out has failed: its silence must not pass for success."""
    started = time.monotonic()
    try:
        return run(subject)
    except DebwrightError as problem:
        return failed_by(name, started, f"{name}/failed", problem)


def _sizes(context: CheckContext) -> list[Finding]:
    limits = context.config.limits
    found = []
    for deb in context.installable:
        size, installed = deb.size / 1024**2, (deb.installed_kib or 0) / 1024
        if limits.deb_mb is not None and size > limits.deb_mb:
            text = f"{deb.path.name} is {size:.1f} MB, {limits.deb_mb} MB are allowed"
            found.append(error("install/deb-size", text))
        if limits.installed_mb is not None and installed > limits.installed_mb:
            text = f"{deb.package} takes {installed:.1f} MB, {limits.installed_mb} MB are allowed"
            found.append(error("install/installed-size", text))
    return found


__all__ = ["NAMES", "REPOSITORY", "run_checks"]
