"""systemctl restart: the service is healthy again."""

import time
from dataclasses import replace

from debwright.checks.engine import health
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import (
    Waited,
    running,
    service_of,
    verb_failed,
    wait_healthy,
    why_not,
)
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.units import triggered_by_socket
from debwright.config import Service
from debwright.model.results import CheckResult, Finding


class RestartCheck(LiveCheck):
    """`systemctl restart`: the service is healthy again."""

    name = "restart"
    codes = health.CODES.under("restart") | health.verb_codes("restart")
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started, main = time.monotonic(), service_of(session)
        measurements: dict[str, float] = {}
        findings: list[Finding] = []
        for service in running(session):
            waited = restart(session, service)
            session.saw(service, up=waited.ok)
            if waited.problem is not None:
                findings.append(waited.problem)
            elif service is main:
                measurements["restart_seconds"] = waited.seconds
        return conclude(self.name, started, findings, measurements=measurements)


def restart(session: Session, service: Service) -> Waited:
    """Restart the unit; the seconds are those until it is healthy again."""
    if behind := triggered_by_socket(session.unit(service.unit)):
        # systemd does not open a socket again that its service holds.
        session.systemctl("stop", behind, session.patience(90))
    started = time.monotonic()
    done = session.systemctl("restart", service.unit, session.patience(90))
    if done.returncode != 0:
        problem = verb_failed(session, service, "restart", done.tail(4))
        return Waited(seconds=time.monotonic() - started, problem=problem)
    taken = time.monotonic() - started
    waited = wait_healthy(session, service)
    if waited.problem is not None:
        found = health.as_found_by("restart", "after a restart", waited.problem)
        waited = replace(waited, problem=found)
    return replace(waited, seconds=taken + waited.seconds)
