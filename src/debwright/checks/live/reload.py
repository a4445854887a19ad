"""systemctl reload: the service is healthy, and the same process as before."""

import time

from debwright.checks.engine import health
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.units import Unit
from debwright.config import Service
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Finding

CODES = Codes({"reload/restarted": Code(ERROR, "The service does not survive a reload.")})


class ReloadCheck(LiveCheck):
    """`systemctl reload`, where the unit offers it: healthy, and the same process as before."""

    name = "reload"
    codes = CODES | health.CODES.under("reload") | health.verb_codes("reload")
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := health.why_not(session):
            return skipped(self.name, reason)
        started = time.monotonic()
        main, offered = health.service_of(session), [
            (service, unit) for service in health.running(session)
            if (unit := session.unit(service.unit)).get("CanReload") == "yes"
        ]  # fmt: skip
        if not offered:
            return skipped(self.name, f"{main.unit} has no ExecReload= and no Type=notify-reload")
        findings: list[Finding] = []
        measurements: dict[str, float] = {}
        for service, before in offered:
            found, seconds = _reload(session, service, before)
            findings += found
            if service is main and seconds is not None:
                measurements["reload_seconds"] = seconds
        return conclude(self.name, started, findings, measurements=measurements)


def _reload(session: Session, service: Service, before: Unit) -> tuple[list[Finding], float | None]:
    """Findings, and the seconds that a reload after which it is healthy has taken."""
    started = time.monotonic()
    done = session.systemctl("reload", service.unit, session.patience(90))
    if done.returncode != 0:
        session.saw(service, up=False)
        return [health.verb_failed(session, service, "reload", done.tail(4))], None
    seconds = time.monotonic() - started
    waited = health.wait_healthy(session, service)
    session.saw(service, up=waited.ok)
    if waited.problem is not None:
        return [health.as_found_by("reload", "after a reload", waited.problem)], None
    if session.unit(service.unit).get("NRestarts") == before.get("NRestarts"):
        return [], seconds
    return [
        CODES.found(
            "reload/restarted",
            f"{service.unit} does not survive a reload: systemd had to start it again",
            evidence=session.journal(service.unit),
            fix="let ExecReload= send a signal that the service handles",
        )
    ], seconds
