"""Every unit that the packages install and start: none has failed, and none is in a loop."""

import time

from debwright.checks.engine import watch
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.host.process import pause
from debwright.model.results import CheckResult

SETTLED = 5.0
"""Seconds after installation in which a unit that cannot run has shown it."""


class UnitsCheck(LiveCheck):
    """All units of the packages, listed or not; and those of the system that fail since then."""

    name = "units"
    codes = watch.DEAD | watch.CODES | watch.JOBS
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        now = watch.states(session)
        begun = [name for name, unit in now.items() if unit.get("ActiveState") != "inactive"]
        if begun and (left := SETTLED - session.since_install()) > 0:
            pause(left)
            now = watch.states(session)
        findings = watch.dead(session, self.name, now=now)
        failed, notes = watch.jobs(session, now)
        findings += failed
        listed = [s.unit for s in session.services]
        findings += watch.failed_since(session, [*listed, *now], self.name)
        if not now and not findings:
            return skipped(self.name, "the packages have no units")
        return conclude(
            self.name, started, findings, measurements={"units": float(len(begun))}, notes=notes
        )
