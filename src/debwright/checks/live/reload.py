"""systemctl reload: the service is healthy, and the same process as before."""

import time

from debwright.checks.engine import health
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult

CODES = Codes({"reload/restarted": Code(ERROR, "The service does not survive a reload.")})


class ReloadCheck(LiveCheck):
    """`systemctl reload`, where the unit offers it: healthy, and the same process as before."""

    name = "reload"
    codes = CODES | health.CODES.under("reload") | health.verb_codes("reload")
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := health.why_not(session):
            return skipped(self.name, reason)
        started, service = time.monotonic(), health.service_of(session)
        before = session.unit(service.unit)
        if before.get("CanReload") != "yes":
            return skipped(
                self.name, f"{service.unit} has no ExecReload= and no Type=notify-reload"
            )
        done = session.systemctl("reload", service.unit, session.patience(90))
        if done.returncode != 0:
            session.healthy = False
            return conclude(
                self.name, started, [health.verb_failed(session, service, "reload", done.tail(4))]
            )
        seconds = time.monotonic() - started
        waited = health.wait_healthy(session, service)
        session.healthy = waited.ok
        if waited.problem is not None:
            found = health.as_found_by("reload", "after a reload", waited.problem)
            return conclude(self.name, started, [found])
        after = session.unit(service.unit)
        findings = []
        if after.get("NRestarts") != before.get("NRestarts"):
            findings.append(
                CODES.found(
                    "reload/restarted",
                    f"{service.unit} does not survive a reload: systemd had to start it again",
                    evidence=session.journal(service.unit),
                    fix="let ExecReload= send a signal that the service handles",
                )
            )
        return conclude(self.name, started, findings, measurements={"reload_seconds": seconds})
