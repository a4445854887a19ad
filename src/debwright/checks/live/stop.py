"""systemctl stop: the unit is down, in time, and by its own doing."""

import time

from debwright.checks.engine import health, units
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.config import Service
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Finding

CODES = Codes({"stop/slow": Code(ERROR, "The service takes longer to stop than allowed.")})


class StopCheck(LiveCheck):
    """`systemctl stop`: the unit is down, in time, and by its own doing."""

    name = "stop"
    codes = CODES | health.verb_codes("stop")
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := health.why_not(session):
            return skipped(self.name, reason)
        started, findings = time.monotonic(), list[Finding]()
        seconds: dict[str, float] = {}
        # The main one first, so that what it measures is its own end; others may stop with it.
        for service in health.running(session):
            findings += self._stop(session, service, seconds)
        main = health.service_of(session).unit
        session.stopped = not any(f.code == "stop/failed" for f in findings)
        session.up.clear()
        return conclude(self.name, started, findings, measurements={"stop_seconds": seconds[main]})

    def _stop(self, session: Session, service: Service, seconds: dict[str, float]) -> list[Finding]:
        started = time.monotonic()
        done = session.systemctl("stop", service.unit, session.patience(120))
        taken = seconds[service.unit] = time.monotonic() - started
        unit = session.unit(service.unit)
        findings: list[Finding] = []
        if done.returncode != 0 or unit.get("ActiveState") != "inactive":
            said = [*done.tail(4), units.state_of(unit)]
            findings.append(health.verb_failed(session, service, "stop", said))
        elif taken > session.patience(service.stop_seconds):
            findings.append(
                CODES.found(
                    "stop/slow",
                    f"{service.unit} took {taken:.1f} s to stop, {service.stop_seconds} are "
                    "allowed",
                    evidence=session.journal(service.unit),
                    fix="end on SIGTERM; systemd kills after TimeoutStopSec=",
                )
            )
        return findings
