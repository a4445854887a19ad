"""The checks of one target, in order, as a list one can read top to bottom."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol, TypeVar

from debwright.checks.engine import policy
from debwright.checks.engine.base import (
    ASKED_FOR,
    Check,
    CheckContext,
    conclude,
    error,
    failed_by,
    not_done,
    skipped,
)
from debwright.checks.engine.infrastructure import (
    NOT_THE_PACKAGE,
    PREFIX,
    infrastructure_code,
    is_infrastructure,
    open_session,
)
from debwright.checks.engine.second_system import Spare, spare_system
from debwright.checks.engine.session import MaintainerScriptError, Session, sessions
from debwright.checks.files.buildpath import BuildPathCheck
from debwright.checks.files.contents import ContentsCheck
from debwright.checks.files.elf import ElfCheck
from debwright.checks.files.hardening import HardeningCheck
from debwright.checks.files.lintian import LintianCheck
from debwright.checks.files.malware import MalwareCheck
from debwright.checks.files.sbom import SbomCheck
from debwright.checks.files.secrets import SecretsCheck
from debwright.checks.files.vulnerabilities import VulnerabilitiesCheck
from debwright.checks.live.benchmarks import BenchmarksCheck
from debwright.checks.live.conffiles import ConffilesCheck
from debwright.checks.live.crash import CrashCheck
from debwright.checks.live.dependencies import dependencies_result
from debwright.checks.live.downgrade import DowngradeCheck
from debwright.checks.live.exposure import ExposureCheck
from debwright.checks.live.journal import JournalCheck
from debwright.checks.live.minimum import MinimumCheck
from debwright.checks.live.purge import PurgeCheck
from debwright.checks.live.reboot import RebootCheck
from debwright.checks.live.regression import RegressionCheck
from debwright.checks.live.reinstall import ReinstallCheck
from debwright.checks.live.restart import ReloadCheck, RestartCheck, StopCheck
from debwright.checks.live.service import ServiceCheck, SmokeCheck
from debwright.checks.live.state import FilesCheck
from debwright.checks.live.steady import SteadyCheck
from debwright.checks.live.upgrade import UpgradeCheck
from debwright.checks.live.writes import WritesCheck
from debwright.model.errors import CheckError, DebwrightError, MissingError
from debwright.model.results import CheckResult, Finding
from debwright.model.targets import Target
from debwright.packages.unpacked import Unpacked
from debwright.systems.base import CleaningError, System
from debwright.systems.nspawn import NspawnSystem
from debwright.systems.runtime import (
    REPOSITORY,
    ConflictsWithSystem,
    UnsatisfiableDependencies,
)

T = TypeVar("T")


class LiveCheck(Protocol):
    """A check on the booted system."""

    name: str

    def run(self, session: Session) -> CheckResult: ...


STATIC: tuple[Check, ...] = (
    ElfCheck(),
    HardeningCheck(),
    ContentsCheck(),
    SecretsCheck(),
    BuildPathCheck(),
    MalwareCheck(),
    VulnerabilitiesCheck(),
    SbomCheck(),
    LintianCheck(),
)
"""On the files alone."""

LIVE: tuple[LiveCheck, ...] = (
    ServiceCheck(),
    SmokeCheck(),
    ExposureCheck(),
    WritesCheck(),
    FilesCheck(),
    SteadyCheck(),
    RestartCheck(),
    ReloadCheck(),
    JournalCheck(),
    CrashCheck(),
    BenchmarksCheck(),
    ReinstallCheck(),
    ConffilesCheck(),
    StopCheck(),
    RebootCheck(),
    PurgeCheck(),
    UpgradeCheck(),
    DowngradeCheck(),
    RegressionCheck(),
    MinimumCheck(),
)
"""On a booted system with the package installed, one after the other on the same system.

The order spares restarts: what only looks comes while the wait of `steady` runs; the journal is
read before a crash fills it; the reboot starts what `stop` has stopped, so that removal meets a
running service; an upgrade needs a system from which the package is gone, and what is left out at
last nobody needs any more.
"""

ON_A_CLEAN_SYSTEM = ("upgrade", "downgrade", "minimum")
"""Live checks that begin without the package: a second system does as well."""

WITHOUT_INIT = frozenset({"files", "purge"})
"""Live checks that look at no unit: they can be made where systemd does not run."""

NAMES = (*(c.name for c in STATIC), "dependencies", "install", *(c.name for c in LIVE), *ASKED_FOR)


def run_checks(
    context: CheckContext,
    finished: Callable[[CheckResult], None],
    system: System | None = None,
    also_on: Sequence[Target] = (),
) -> list[CheckResult]:
    """Every check of the target; `finished` hears of each as it ends.

    `system` is where the live ones run; nspawn when it is not named. They run on the targets
    of `also_on` too, with the same packages, and are then called CHECK@TARGET.
    """
    results: list[CheckResult] = []

    def record(result: CheckResult) -> None:
        results.append(result)
        finished(result)

    def add(result: CheckResult) -> None:
        record(policy.judge(result, context.config, context.target))

    if not context.installable:
        raise CheckError(f"{context.target}: there is no package to check")
    with context.cache.scratch("unpacked") as directory:
        _static(replace(context, unpacked=Unpacked(directory)), add)
    chosen = system or NspawnSystem()
    _here(context, chosen, add)
    for target in also_on:
        _elsewhere(replace(context, target=target), chosen, record)
    targets = (context.target, *also_on)
    if (waivers := policy.waivers_result(context.config, targets, results)) is not None:
        results.append(waivers)
        finished(waivers)
    return results


def _static(context: CheckContext, add: Callable[[CheckResult], None]) -> None:
    for check in STATIC:
        if _off(context, check.name):
            add(_switched_off(check.name))
            continue
        context.activity(check.name)
        add(_guarded(check.name, check.run, context))


def _here(context: CheckContext, system: System, add: Callable[[CheckResult], None]) -> None:
    """The live checks on the packages' own target.

    An archive that cannot be read, or a machine that lacks something, is no fault of the package's:
    it has been tried again, and is told under a name of its own.
    """
    started = time.monotonic()
    try:
        _live(context, system, add)
    except MissingError as problem:
        add(not_done("dependencies", started, infrastructure_code(problem), problem))
        _skip(add, ["install", *(c.name for c in LIVE)], NOT_THE_PACKAGE)


def _elsewhere(context: CheckContext, system: System, add: Callable[[CheckResult], None]) -> None:
    """The live checks on a target that the packages were not built on.

    What this machine, or the network, lacks for it is no fault of the packages: it is skipped.
    """

    def named(result: CheckResult) -> None:
        judged = policy.judge(result, context.config, context.target)
        add(judged.model_copy(update={"name": f"{judged.name}@{context.target}"}))

    if not system.any_target:
        named(skipped("install", f"{system} is a machine of one suite"))
        return
    try:
        _live(context, system, named)
    except MissingError as problem:
        said = "; ".join([problem.what, *(e.text for e in problem.evidence[:1])])
        named(skipped("install", f"{said} (next: {problem.fix})" if problem.fix else said))


def _off(context: CheckContext, name: str) -> bool:
    return context.config.checks.get(name) == "off"


def _switched_off(name: str) -> CheckResult:
    return skipped(name, f'switched off in debwright.toml: {name} = "off"')


def _live(context: CheckContext, system: System, add: Callable[[CheckResult], None]) -> None:
    """Dependencies, then a boot, then what runs on it; what cannot run says why."""
    started = time.monotonic()
    try:
        with ExitStack() as stack:
            _live_within(context, system, stack, add)
    except CleaningError as problem:
        add(failed_by("cleanup", started, "cleanup/failed", problem))


def _live_within(
    context: CheckContext,
    system: System,
    stack: ExitStack,
    add: Callable[[CheckResult], None],
) -> None:
    rest = ["install", *(c.name for c in LIVE)]
    started = time.monotonic()
    try:
        context.activity("resolving dependencies")
        opening = sessions(context, system.prepare(context, stack))
    except UnsatisfiableDependencies as problem:
        add(failed_by("dependencies", started, "install/unsatisfiable", problem))
        _skip(add, rest, "the package's dependencies cannot be satisfied")
        return
    except MaintainerScriptError as problem:
        add(failed_by("dependencies", started, "install/maintainer-script", problem))
        _skip(add, rest, "the package's dependencies cannot be installed")
        return
    except ConflictsWithSystem as problem:
        add(failed_by("dependencies", started, "dependencies/removes", problem))
        _skip(add, rest, "installing the package would remove others")
        return
    if _off(context, "dependencies"):
        # They must be had all the same, or nothing could be installed.
        add(_switched_off("dependencies"))
    else:
        add(dependencies_result(context, system.layer(context), started))
    if why := system.unavailable():
        _skip(add, rest, why.in_one_line())
        return
    if _off(context, "install"):
        add(_switched_off("install"))
        _skip(add, rest[1:], "the packages are not installed: the check `install` is switched off")
        return
    _booted(context, system, opening, add)


def _skip(add: Callable[[CheckResult], None], names: Sequence[str], reason: str) -> None:
    for name in names:
        add(skipped(name, reason))


def _booted(
    context: CheckContext,
    system: System,
    opening: Callable[[ExitStack], Session],
    add: Callable[[CheckResult], None],
) -> None:
    started = time.monotonic()
    with ExitStack() as stack, spare_system() as spare:
        if context.spare and system.two_at_once and _worth(context):
            spare.start(opening, _on_a_clean_system)
        try:
            session, notes = open_session(opening, stack, context.log)
            context.activity("installing")
            session.install()
        except DebwrightError as problem:
            script = isinstance(problem, MaintainerScriptError)
            code = "install/maintainer-script" if script else "install/failed"
            if machine := is_infrastructure(problem):
                add(not_done("install", started, infrastructure_code(problem), problem))
            else:
                add(failed_by("install", started, code, problem))
            reason = NOT_THE_PACKAGE if machine else "the package could not be installed"
            _skip(add, [c.name for c in LIVE], reason)
            return
        measurements = {
            "boot_seconds": session.system.boot_seconds,
            "install_seconds": session.install_seconds,
        }
        add(conclude("install", started, _sizes(context), measurements=measurements, notes=notes))
        session.measured = spare.measured
        _look(session, spare, add)


def _look(session: Session, spare: Spare, add: Callable[[CheckResult], None]) -> None:
    """Every live check on the system with the packages, but for those made on the second one."""
    made: dict[str, CheckResult] = {}
    for check in LIVE:
        if check.name == ON_A_CLEAN_SYSTEM[0]:
            session.context.activity(check.name)
            made = spare.finish(session.context.log)
        result = made.get(check.name) or _one(check, session)
        session.measured[check.name] = result.measurements
        add(result)
        if check.name == "service":
            spare.service_seen()


def _worth(context: CheckContext) -> bool:
    """Whether the second system would have anything to do."""
    return bool(context.previous.debs) and not _off(context, "upgrade")


def _on_a_clean_system(session: Session, spare: Spare) -> list[CheckResult]:
    """The checks for a second system.

    `minimum` is the installation after a purge, too: where nothing could be upgraded, and so
    nothing is to be purged, it is left to the first.
    """
    results: list[CheckResult] = []
    for check in (c for c in LIVE if c.name in ON_A_CLEAN_SYSTEM):
        if check.name == "minimum":
            # What is not up with everything is not asked to be up with less.
            spare.await_service()
            if not session.upgraded:
                continue
        if spare.cancelled:
            break
        results.append(_one(check, session))
        session.measured[check.name] = results[-1].measurements
    return results


def _one(check: LiveCheck, session: Session) -> CheckResult:
    context = session.context
    if session.system.without_init and check.name not in WITHOUT_INIT:
        return skipped(check.name, session.system.without_init)
    if _off(context, check.name):
        return _switched_off(check.name)
    if session.lost is not None:
        return skipped(check.name, session.lost)
    context.activity(check.name)
    return _guarded(check.name, check.run, session)


def _guarded(name: str, run: Callable[[T], CheckResult], subject: T) -> CheckResult:
    """A check that cannot be carried out has failed: its silence must not pass for success."""
    started = time.monotonic()
    try:
        return run(subject)
    except DebwrightError as problem:
        code = f"{PREFIX}/{name}" if is_infrastructure(problem) else f"{name}/failed"
        return not_done(name, started, code, problem)


def _sizes(context: CheckContext) -> list[Finding]:
    limits = context.config.limits
    found = []
    for deb in context.installable:
        size, installed = deb.size / 1e6, (deb.installed_kib or 0) * 1024 / 1e6
        if limits.deb_mb is not None and size > limits.deb_mb:
            text = f"{deb.path.name} is {size:.1f} MB, {limits.deb_mb} MB are allowed"
            found.append(error("install/deb-size", text))
        if limits.installed_mb is not None and installed > limits.installed_mb:
            text = f"{deb.package} takes {installed:.1f} MB, {limits.installed_mb} MB are allowed"
            found.append(error("install/installed-size", text))
    return found


__all__ = ["NAMES", "REPOSITORY", "run_checks"]
