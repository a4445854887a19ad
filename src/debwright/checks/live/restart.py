"""systemctl restart, reload and stop do what they promise."""

import time
from dataclasses import replace

from debwright.checks.engine.base import conclude, error, skipped
from debwright.checks.engine.health import (
    Waited,
    patience,
    service_of,
    state_of,
    verb_failed,
    wait_healthy,
    why_not,
)
from debwright.checks.engine.session import Session
from debwright.config import Service
from debwright.model.results import CheckResult, Finding


class RestartCheck:
    """`systemctl restart`: the service is healthy again."""

    name = "restart"

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started, service = time.monotonic(), service_of(session)
        waited = restart(session, service)
        session.healthy = waited.ok
        if waited.problem is not None:
            return conclude(self.name, started, [waited.problem])
        return conclude(self.name, started, [], measurements={"restart_seconds": waited.seconds})


def restart(session: Session, service: Service) -> Waited:
    """Restart the unit; the seconds are those until it is healthy again."""
    started = time.monotonic()
    done = session.systemctl("restart", service.unit, patience(session, 90))
    if done.returncode != 0:
        problem = verb_failed(session, service, "restart", done.tail(4))
        return Waited(seconds=time.monotonic() - started, problem=problem)
    waited = wait_healthy(session, service)
    told = None if waited.problem is None else _after("restart", waited.problem)
    return replace(waited, seconds=time.monotonic() - started, problem=told)


class ReloadCheck:
    """`systemctl reload`, where the unit offers it: healthy, and the same process as before."""

    name = "reload"

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started, service = time.monotonic(), service_of(session)
        before = session.unit(service.unit)
        if before.get("CanReload") != "yes":
            return skipped(
                self.name, f"{service.unit} has no ExecReload= and no Type=notify-reload"
            )
        done = session.systemctl("reload", service.unit, patience(session, 90))
        if done.returncode != 0:
            session.healthy = False
            return conclude(
                self.name, started, [verb_failed(session, service, "reload", done.tail(4))]
            )
        seconds = time.monotonic() - started
        waited = wait_healthy(session, service)
        session.healthy = waited.ok
        if waited.problem is not None:
            return conclude(self.name, started, [_after("reload", waited.problem)])
        after = session.unit(service.unit)
        findings = []
        if after.get("NRestarts") != before.get("NRestarts"):
            findings.append(
                error(
                    "reload/restarted",
                    f"{service.unit} does not survive a reload: systemd had to start it again",
                    evidence=session.journal(service.unit),
                    fix="let ExecReload= send a signal that the service handles",
                )
            )
        return conclude(self.name, started, findings, measurements={"reload_seconds": seconds})


class StopCheck:
    """`systemctl stop`: the unit is down, in time, and by its own doing."""

    name = "stop"

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started, service = time.monotonic(), service_of(session)
        done = session.systemctl("stop", service.unit, patience(session, 120))
        taken = time.monotonic() - started
        session.healthy = False
        unit = session.unit(service.unit)
        findings: list[Finding] = []
        session.stopped = unit.get("ActiveState") == "inactive"
        if done.returncode != 0 or unit.get("ActiveState") != "inactive":
            said = [*done.tail(4), state_of(unit)]
            findings.append(verb_failed(session, service, "stop", said))
        elif taken > patience(session, service.stop_seconds):
            findings.append(
                error(
                    "stop/slow",
                    f"{service.unit} took {taken:.1f} s to stop, {service.stop_seconds} are "
                    "allowed",
                    evidence=session.journal(service.unit),
                    fix="end on SIGTERM; systemd kills after TimeoutStopSec=",
                )
            )
        return conclude(self.name, started, findings, measurements={"stop_seconds": taken})


def _after(verb: str, problem: Finding) -> Finding:
    """The finding of waiting, told as what the verb has led to."""
    return problem.model_copy(
        update={
            "code": f"{verb}/{problem.code.split('/', 1)[1]}",
            "message": f"after a {verb}, {problem.message}",
        }
    )
