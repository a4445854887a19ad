"""The checks of one target, in order, as a list one can read top to bottom."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

from debwright.checks.engine import debconf, left, policy
from debwright.checks.engine.base import (
    Check,
    CheckContext,
    conclude,
    not_done,
    skipped,
)
from debwright.checks.engine.infrastructure import (
    NOT_THE_PACKAGE,
    infrastructure_code,
    is_infrastructure,
    open_session,
)
from debwright.checks.engine.second_system import SecondSystem, second_system
from debwright.checks.engine.session import LiveCheck, MaintainerScriptError, Session, sessions
from debwright.checks.engine.sets import SetsError, context_for, sets_of
from debwright.checks.registry import DEPENDENCIES, INSTALL, LIVE, file_checks
from debwright.model.codes import ERROR, INFRASTRUCTURE, Code, Codes, UndeclaredCode
from debwright.model.errors import CheckError, DebwrightError, MissingError
from debwright.model.results import CheckResult
from debwright.model.targets import Target
from debwright.packages.unpacked import Unpacked
from debwright.systems.base import CleaningError, System
from debwright.systems.nspawn import NspawnSystem
from debwright.systems.runtime import ConflictsWithSystem, UnsatisfiableDependencies

T = TypeVar("T")


CODES = Codes({"cleanup/failed": Code(ERROR, "Something of the check is still on the machine.")})


class Cleanup(Check):
    """What must be gone from a machine that is not debwright's own."""

    name = "cleanup"
    codes = CODES


CLEANUP = Cleanup()
Add = Callable[[CheckResult, Check], None]
"""Takes a result, and the check that it is of."""


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

    def add(result: CheckResult, check: Check) -> None:
        record(policy.judge(result, check, context.config, context.target))

    if not context.installable:
        raise CheckError(f"{context.target}: there is no package to check")
    with context.cache.scratch("unpacked") as directory:
        _static(replace(context, unpacked=Unpacked(directory)), add)
    chosen = system or NspawnSystem()
    _sets(context, chosen, also_on, record)
    targets = (context.target, *also_on)
    if (waivers := policy.waivers_result(context.config, targets, results)) is not None:
        results.append(waivers)
        finished(waivers)
    return results


def _sets(
    context: CheckContext, system: System, also_on: Sequence[Target],
    record: Callable[[CheckResult], None],
) -> None:  # fmt: skip
    """The live checks on each set of packages that can be installed together.

    Those of the first set have the checks' own names, those of further ones are CHECK+SET.
    """
    started = time.monotonic()
    try:
        made = sets_of(context.config, context.installable)
    except SetsError as problem:
        found = INSTALL.codes.from_error("install/sets", problem)
        record(conclude(INSTALL.name, started, [found]))
        return
    for number, one in enumerate(made):
        subject = context_for(context, one, number)
        notes = (one.line(),) if len(made) > 1 else ()
        for note in notes:
            context.log(note)

        def add(
            result: CheckResult, check: Check, suffix: str = f"+{one.name}" if number else "",
            notes: tuple[str, ...] = notes,
        ) -> None:  # fmt: skip
            judged = policy.judge(result, check, context.config, context.target)
            if check is INSTALL:
                judged = judged.model_copy(update={"notes": (*notes, *judged.notes)})
            record(judged.model_copy(update={"name": f"{judged.name}{suffix}"}))

        _here(subject, system, add)
        if not number:
            for target in also_on:
                _elsewhere(replace(subject, target=target), system, record)


def _static(context: CheckContext, add: Add) -> None:
    for check in file_checks():
        if _off(context, check):
            add(_switched_off(check), check)
            continue
        context.activity(check.name)
        add(_guarded(check, check.run, context), check)


def _here(context: CheckContext, system: System, add: Add) -> None:
    """The live checks on the packages' own target.

    An archive that cannot be read, or a machine where something is missing, is no fault of the
    package's: it has been tried again, and is reported under a name of its own.
    """
    started = time.monotonic()
    try:
        _live(context, system, add)
    except MissingError as problem:
        found = DEPENDENCIES.declared.from_error(infrastructure_code(problem), problem)
        add(not_done(DEPENDENCIES.name, started, found, problem), DEPENDENCIES)
        _skip(add, [INSTALL, *LIVE], NOT_THE_PACKAGE)


def _elsewhere(
    context: CheckContext, system: System, record: Callable[[CheckResult], None]
) -> None:
    """The live checks on a target that the packages were not built on.

    What is missing on this machine, or in the network, is no fault of the packages: it is skipped.
    """

    def named(result: CheckResult, check: Check) -> None:
        judged = policy.judge(result, check, context.config, context.target)
        record(judged.model_copy(update={"name": f"{judged.name}@{context.target}"}))

    if not system.any_target:
        _skip(named, [INSTALL], f"{system} is a machine of one suite")
        return
    try:
        _live(context, system, named)
    except MissingError as problem:
        said = "; ".join([problem.what, *(e.text for e in problem.evidence[:1])])
        _skip(named, [INSTALL], f"{said} (next: {problem.fix})" if problem.fix else said)


def _off(context: CheckContext, check: Check) -> bool:
    return context.config.checks.get(check.name) == "off"


def _switched_off(check: Check) -> CheckResult:
    return skipped(check.name, f'switched off in debwright.toml: {check.name} = "off"')


def _live(context: CheckContext, system: System, add: Add) -> None:
    """Dependencies, then a boot, then what runs on it; what cannot run says why."""
    started = time.monotonic()
    try:
        with ExitStack() as stack:
            _live_within(context, system, stack, add)
    except CleaningError as problem:
        found = CODES.from_error("cleanup/failed", problem)
        add(conclude(CLEANUP.name, started, [found]), CLEANUP)


def _live_within(
    context: CheckContext,
    system: System,
    stack: ExitStack,
    add: Add,
) -> None:
    started = time.monotonic()
    context = replace(context, place=system)

    def unsolved(code: str, problem: DebwrightError, why: str) -> None:
        found = DEPENDENCIES.codes.from_error(code, problem)
        add(conclude(DEPENDENCIES.name, started, [found]), DEPENDENCIES)
        _skip(add, [INSTALL, *LIVE], why)

    try:
        context.activity("resolving dependencies")
        opening = sessions(context, system.prepare(context, stack))
    except UnsatisfiableDependencies as problem:
        why = "the package's dependencies cannot be satisfied"
        unsolved("install/unsatisfiable", problem, why)
        return
    except MaintainerScriptError as problem:
        why = "the package's dependencies cannot be installed"
        unsolved("install/maintainer-script", problem, why)
        return
    except ConflictsWithSystem as problem:
        why = "installing the package would remove others"
        unsolved("dependencies/removes", problem, why)
        return
    if _off(context, DEPENDENCIES):
        # They must be there all the same, or nothing could be installed.
        add(_switched_off(DEPENDENCIES), DEPENDENCIES)
    else:
        measured = DEPENDENCIES.run(context, system.layer(context), started)
        add(measured, DEPENDENCIES)
    if missing := system.unavailable():
        _skip(add, [INSTALL, *LIVE], missing.in_one_line())
        return
    if _off(context, INSTALL):
        add(_switched_off(INSTALL), INSTALL)
        _skip(add, LIVE, "the packages are not installed: the check `install` is switched off")
        return
    _booted(context, system, opening, add)


def _skip(add: Add, checks: Sequence[Check], reason: str) -> None:
    for check in checks:
        add(skipped(check.name, reason), check)


def _booted(
    context: CheckContext,
    system: System,
    opening: Callable[[ExitStack], Session],
    add: Add,
) -> None:
    started = time.monotonic()
    with ExitStack() as stack, second_system() as second:
        if context.second_system and system.two_at_once and _worth(context):
            second.start(opening, _on_a_clean_system)
        try:
            session, notes = open_session(opening, stack, context.log)
            context.activity("installing")
            session.install()
        except DebwrightError as problem:
            add(_not_installed(context, problem, started), INSTALL)
            reason = "the package could not be installed"
            _skip(add, LIVE, NOT_THE_PACKAGE if is_infrastructure(problem) else reason)
            return
        measurements = {
            "boot_seconds": session.system.boot_seconds,
            "install_seconds": session.install_seconds,
        }
        findings = [*INSTALL.sizes(context), *left.by_scripts(session)]
        result = conclude(INSTALL.name, started, findings, measurements=measurements, notes=notes)
        add(result, INSTALL)
        session.measured = second.measured
        _look(session, second, add)


def _not_installed(
    context: CheckContext, problem: DebwrightError, started: float
) -> CheckResult:  # fmt: skip
    if is_infrastructure(problem):
        found = INSTALL.codes.from_error(infrastructure_code(problem), problem)
        return not_done(INSTALL.name, started, found, problem)
    script = isinstance(problem, MaintainerScriptError)
    code = "install/maintainer-script" if script else "install/failed"
    if isinstance(problem, debconf.DebconfError):
        code = problem.code
    found = INSTALL.codes.from_error(code, problem)
    if script:
        asked = debconf.unanswered(context.config, context.installable, context.project)
        found = debconf.explained(found, asked)
    return conclude(INSTALL.name, started, [found])


def _look(session: Session, second: SecondSystem, add: Add) -> None:
    """Every live check on the system with the packages, but for those made on the second one."""
    made: dict[str, CheckResult] = {}
    asked = False
    for check in LIVE:
        if check.clean_system and not asked:
            asked = True
            session.context.activity(check.name)
            made = second.finish(session.context.log)
        result = made.get(check.name) or _one(check, session)
        session.measured[check.name] = result.measurements
        add(result, check)
        if check.name == "service":
            second.service_seen()


def _worth(context: CheckContext) -> bool:
    """Whether the second system would have anything to do."""
    return bool(context.previous.debs) and context.config.checks.get("upgrade") != "off"


def _on_a_clean_system(session: Session, second: SecondSystem) -> list[CheckResult]:
    """The checks for a second system.

    `minimum` is the installation after a purge, too: where nothing could be upgraded, and so
    nothing is to be purged, it is left to the first.
    """
    results: list[CheckResult] = []
    for check in (c for c in LIVE if c.clean_system):
        if check.name == "minimum":
            # What is not up with everything is not asked to be up with less.
            second.await_service()
            if not session.upgraded:
                continue
        if second.cancelled:
            break
        results.append(_one(check, session))
        session.measured[check.name] = results[-1].measurements
    return results


def _one(check: LiveCheck, session: Session) -> CheckResult:
    context = session.context
    if session.system.without_init and check.needs_init:
        return skipped(check.name, session.system.without_init)
    if _off(context, check):
        return _switched_off(check)
    if session.lost is not None:
        return skipped(check.name, session.lost)
    context.activity(check.name)
    return _guarded(check, check.run, session)


def _guarded(check: Check, run: Callable[[T], CheckResult], subject: T) -> CheckResult:
    """A check that cannot be carried out has failed: its silence must not pass for success.

    A code that nothing declares is a mistake of debwright's own, which nothing may hide.
    """
    started = time.monotonic()
    try:
        return run(subject)
    except UndeclaredCode:
        raise
    except DebwrightError as problem:
        machine = is_infrastructure(problem)
        code = f"{INFRASTRUCTURE}/{check.name}" if machine else f"{check.name}/failed"
        return not_done(check.name, started, check.declared.from_error(code, problem), problem)
