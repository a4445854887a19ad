"""The packages installed over themselves, as `apt install --reinstall` does."""

import time

from debwright.checks.engine import health, watch
from debwright.checks.engine.base import conclude
from debwright.checks.engine.edits import conffiles, digests, edit
from debwright.checks.engine.session import LiveCheck, MaintainerScriptError, Reinstalled, Session
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Finding

CODES = Codes(
    {
        "reinstall/maintainer-script": Code(
            ERROR, "A maintainer script fails when the packages are installed a second time."
        ),
        "reinstall/failed": Code(ERROR, "The packages cannot be installed a second time."),
    }
)


class ReinstallCheck(LiveCheck):
    """Maintainer scripts must be idempotent (Debian policy 6.2), and the service healthy after."""

    name = "reinstall"
    codes = CODES | health.CODES.under("reinstall") | watch.DEAD.under("reinstall")
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        done = reinstalled(session)
        if done.problem is not None:
            script = isinstance(done.problem, MaintainerScriptError)
            code = f"{self.name}/maintainer-script" if script else f"{self.name}/failed"
            return conclude(self.name, started, [CODES.from_error(code, done.problem)])
        return conclude(
            self.name, started,
            [*_still_healthy(session), *watch.dead(session, self.name, "after a reinstallation, ")],
            measurements={"reinstall_seconds": done.seconds},
        )  # fmt: skip


def reinstalled(session: Session) -> Reinstalled:
    """Edit every conffile and install the packages once more; done once in a session."""
    if session.reinstalled is None:
        session.reinstalled = _reinstall(session)
    return session.reinstalled


def _reinstall(session: Session) -> Reinstalled:
    debs = session.context.installable
    known = [c for c in conffiles(session, [d.package for d in debs]) if not c.obsolete]
    paths = [c.path for c in known]
    before = digests(session, paths)
    edited = edit(session, paths) if paths else {}
    for service in session.services:
        session.forgive_starts(service.unit)
    started = time.monotonic()
    problem: DebwrightError | None = None
    try:
        session.apt(
            ["install", "--reinstall", *(f"{d.package}={d.version}" for d in debs)],
            "installing the packages once more",
        )
    except DebwrightError as caught:
        problem = caught
    return Reinstalled(
        packaged={c.path: c.packaged for c in known}, before=before, edited=edited,
        seconds=time.monotonic() - started, problem=problem,
    )  # fmt: skip


def _still_healthy(session: Session) -> list[Finding]:
    return [
        health.as_found_by("reinstall", "after a reinstallation", problem)
        for problem in health.wait_all(session, health.running(session))
    ]
