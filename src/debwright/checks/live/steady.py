"""The service stays up: it has run for a while without a crash, and still answers."""

import time

from debwright.checks.engine import growth, health, memory, ports
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import (
    running,
    service_of,
    shell_hint,
    wait_healthy,
    why_not,
)
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.trouble import CODES, crashed, ended
from debwright.checks.engine.units import Unit, state_of
from debwright.config import Service
from debwright.host.process import go_on
from debwright.model.results import CheckResult, Evidence, Finding

LATER = "some seconds after a healthy start"


class SteadyCheck(LiveCheck):
    """Looks at the unit once it has run for `service.steady_seconds`."""

    name = "steady"
    codes = (
        health.CODES.under("steady") | ports.codes("steady") | memory.CODES.under("steady")
        | growth.CODES
    )  # fmt: skip
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started, main = time.monotonic(), service_of(session)
        up = running(session)
        watched = growth.Watch(session, up)
        _wait_until_old(session, max(service.steady_seconds for service in up), watched)
        findings: list[Finding] = []
        measurements: dict[str, float] = {}
        for service in up:
            unit = session.unit(service.unit)
            problem = _down(session, service, unit) or _not_well(session, service)
            session.saw(service, up=problem is None)
            findings += [problem] if problem else []
        for service in running(session):
            findings += memory.memory(
                session, service, measurements if service is main else {}, check=self.name,
                when=" after a while",
            )  # fmt: skip
        findings += watched.findings(running(session))
        if session.healthy:
            findings += ports.ports(session, self.name)
        return conclude(self.name, started, findings, measurements=measurements)


def _not_well(session: Session, service: Service) -> Finding | None:
    waited = wait_healthy(session, service)
    return waited.problem and health.as_found_by("steady", LATER, waited.problem)


def _wait_until_old(session: Session, seconds: float, watched: growth.Watch) -> None:
    """Sleep the rest of the time; installation and the checks before have taken some of it."""
    while (left := seconds - session.since_install()) > 0:
        go_on()
        watched.look()
        time.sleep(min(left, growth.EVERY))


def _down(session: Session, service: Service, unit: Unit) -> Finding | None:
    died = crashed(session, service.unit, unit) or ended(session, service.unit, unit)
    if died is None and not health.is_up(session, unit):
        died = CODES.found(
            "service/ended",
            f"{service.unit} has ended",
            evidence=(Evidence(text=state_of(unit)), *session.journal(service.unit)),
            fix=shell_hint(session, f"journalctl -u {service.unit}"),
        )
    return None if died is None else health.as_found_by("steady", LATER, died)
