"""From each older version that users may have to this one: each on a system of its own."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from debwright.checks.engine import version_change
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import wait_healthy
from debwright.checks.engine.infrastructure import is_infrastructure, open_session
from debwright.checks.engine.previous import Previous
from debwright.checks.engine.session import LiveCheck, MaintainerScriptError, Session, sessions
from debwright.checks.live.upgrade import install_previous, new_release
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Finding, Severity
from debwright.packages.debs import Deb

CODES = Codes(
    {
        "versions/maintainer-script": Code(
            ERROR, "A maintainer script fails when the package replaces an older version."
        ),
        "versions/failed": Code(ERROR, "An older version cannot be upgraded."),
    }
)


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """An upgrade from one version."""

    version: str
    findings: tuple[Finding, ...] = ()
    why_not: str | None = None
    """Why it could not be tried."""
    seconds: float = 0.0

    def line(self, to: str) -> str:
        """For the report."""
        if self.why_not is not None:
            return f"{self.version}: skipped, {self.why_not}"
        bad = any(f.severity is Severity.ERROR for f in self.findings)
        return f"{self.version} to {to}: {'failed' if bad else 'passed'} ({self.seconds:.1f} s)"


class VersionsCheck(LiveCheck):
    """Upgrades from each version before the previous release, which `upgrade` begins with."""

    name = "versions"
    codes = (
        CODES | version_change.CODES.under("versions")
        | version_change.NOT_RESTARTED.under("versions")
    )  # fmt: skip
    settings = ("service", "upgrade")

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        if reason := _why_not(session):
            return skipped(self.name, reason)
        wanted = session.context.previous.older[: session.context.config.upgrade.versions]
        tried = list(_each(session, wanted))
        to = session.context.installable[0].version
        if all(one.why_not is not None for one in tried):
            return skipped(self.name, "; ".join(one.line(to) for one in tried))
        return conclude(
            self.name, started, [f for one in tried for f in one.findings],
            measurements={"versions_tried": float(sum(one.why_not is None for one in tried))},
            notes=[one.line(to) for one in tried],
        )  # fmt: skip


def _why_not(session: Session) -> str | None:
    context = session.context
    if not context.config.upgrade.versions:
        return "switched off: [upgrade] versions = 0"
    if not context.previous.older:
        return "no version is known that is older than the previous release"
    if session.layer is None or context.place is None:
        return "a machine that is somebody's has one version only"
    if session.system.emulated:
        return "scripts are the same on every architecture, and dpkg takes long under an emulator"
    if context.further is not None:
        return "they were tried with the first set of packages"
    return None


def _each(session: Session, wanted: tuple[tuple[Deb, ...], ...]) -> Iterator[_Tried]:
    for debs in wanted:
        session.context.activity(f"upgrade from {debs[0].version}")
        began = time.monotonic()
        with ExitStack() as stack:
            tried = _one(session, debs, stack)
        session.context.log(f"--- {tried.line('the new release')}")
        yield replace(tried, seconds=time.monotonic() - began)


def _one(first: Session, debs: tuple[Deb, ...], stack: ExitStack) -> _Tried:
    """On a fresh system: the old version, healthy; then the new one, and the same again."""
    version = debs[0].version
    context = replace(first.context, previous=Previous(debs=debs))
    assert context.place is not None
    session, _ = open_session(
        sessions(context, context.place.prepare(context, stack)), stack, context.log
    )
    session.apt(["update"], "reading the local repository")
    try:
        install_previous(session)
    except DebwrightError as problem:
        if is_infrastructure(problem):
            raise
        return _Tried(version=version, why_not=f"it cannot be installed here: {problem.what}")
    for service in session.services:
        if (ill := wait_healthy(session, service).problem) is not None:
            return _Tried(version=version, why_not=f"it is not healthy here: {ill.message}")
        session.saw(service, up=True)
    pids = version_change.main_pids(session) if session.services else {}
    markers = version_change.mark_data(session) if session.services else {}
    try:
        new_release(session, f"upgrading from {version}")
    except DebwrightError as problem:
        if is_infrastructure(problem):
            raise
        script = isinstance(problem, MaintainerScriptError)
        code = f"versions/{'maintainer-script' if script else 'failed'}"
        found = CODES.from_error(code, problem)
        message = f"from {version}: {found.message}"
        return _Tried(version=version, findings=(found.model_copy(update={"message": message}),))
    after = f"an upgrade from {version}"
    findings = version_change.services_after(session, pids, "versions", after)
    findings += version_change.lost_data(session, markers, "versions", after)
    return _Tried(version=version, findings=tuple(findings))
