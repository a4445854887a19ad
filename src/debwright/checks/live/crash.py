"""After a crash: the unit's Restart= brings the service back."""

import time

from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import (
    running,
    service_of,
    shell_hint,
    wait_healthy,
    why_not,
)
from debwright.checks.engine.packaged import others
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.units import Unit, is_started_by_others, restarts, state_of
from debwright.config import Service
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding

_RESTARTING = {"always", "on-failure", "on-abnormal", "on-abort"}
"""Values of Restart= that cover a process killed by SIGKILL (systemd.service(5), table 1)."""

_LONGEST_PAUSE = 60.0
"""Seconds of RestartSec= up to which a restart is waited for."""


CODES = Codes(
    {
        "crash/no-restart": Code(
            WARNING,
            "The unit has no Restart= that covers a crash; with `[service] must_restart` an error.",
            or_else=(ERROR,),
        ),
        "crash/stays-down": Code(
            ERROR, "The service did not come back after a crash, though it has a Restart=."
        ),
        "crash/not-healthy": Code(ERROR, "The service came back after a crash, but not healthy."),
    }
)


class CrashCheck(LiveCheck):
    """Kills the main process with SIGKILL, as the kernel does when memory runs out."""

    name = "crash"
    codes = CODES
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started, main = time.monotonic(), service_of(session)
        findings: list[Finding] = []
        measurements: dict[str, float] = {}
        passed_over: list[str] = []
        up = running(session)
        for service in up:
            unit = session.unit(service.unit)
            if reason := _cannot_crash(session, service, unit):
                passed_over.append(reason)
                continue
            found, seconds = _crash(session, service, unit)
            findings += found
            if service is main and seconds is not None:
                measurements["recovery_seconds"] = seconds
        if len(passed_over) == len(up):
            return skipped(self.name, "; ".join(passed_over))
        return conclude(self.name, started, findings, measurements=measurements, notes=passed_over)


def _cannot_crash(session: Session, service: Service, unit: Unit) -> str | None:
    """Why there is nothing to see when the unit's main process is killed."""
    if unit.get("MainPID", "0") == "0":
        return f"{service.unit} has no main process that could crash"
    if unit.get("Restart") not in _RESTARTING:
        if is_started_by_others(unit):
            return f"{service.unit} has no Restart=: who calls it starts it again"
        theirs = others(session, service.unit)
        said = f"{service.unit} has no Restart=, and belongs to {', '.join(sorted(theirs))}"
        return said if theirs else None
    pause = restart_pause(unit.get("RestartUSec", ""))
    if pause is None or pause > _LONGEST_PAUSE:
        return f"RestartSec= of {service.unit} is {unit.get('RestartUSec')}: too long to wait for"
    return None


def _crash(session: Session, service: Service, unit: Unit) -> tuple[list[Finding], float | None]:
    """Findings, and the seconds from the kill until it is healthy again."""
    if unit.get("Restart") not in _RESTARTING:
        return [_no_restart(service, unit)], None
    pause = restart_pause(unit.get("RestartUSec", "")) or 0.0
    session.forgive_starts(service.unit)
    unit = session.unit(service.unit)
    started = time.monotonic()
    session.system.run(
        [*session.manager(service.unit), "kill", "--kill-who=main", "--signal=KILL", "--",
         service.unit],
        check=False, timeout=60,
    )  # fmt: skip
    back = _wait_for_restart(session, service, unit, pause)
    if back is None:
        session.saw(service, up=False)
        return [_stays_down(session, service, unit)], None
    taken = time.monotonic() - started
    waited = wait_healthy(session, service, restarts_before=back)
    session.saw(service, up=waited.ok)
    if waited.problem is None:
        return [], taken + waited.seconds
    found = waited.problem.model_copy(
        update={
            "code": "crash/not-healthy",
            "message": f"restarted after a crash, {waited.problem.message}",
        }
    )
    return [found], None


def _wait_for_restart(session: Session, service: Service, before: Unit, pause: float) -> int | None:
    """systemd's count of restarts once there is a new main process; None when there is none."""
    deadline = time.monotonic() + pause + session.patience(service.start_seconds)
    while time.monotonic() < deadline:
        now = session.unit(service.unit)
        if now.get("MainPID") not in {"0", before.get("MainPID"), None}:
            return restarts(now)
        if now.get("ActiveState") == "failed":
            return None
        if now.get("ActiveState") == "inactive" and now.get("SubState") == "dead":
            return None
        time.sleep(0.1)
    return None


def _no_restart(service: Service, unit: Unit) -> Finding:
    return CODES.found(
        "crash/no-restart",
        f"{service.unit} would stay down after a crash",
        evidence=(Evidence(text=f"Restart={unit.get('Restart', '?')}"),),
        fix="Restart=on-failure and RestartSec=1 in the unit's [Service] section",
        severity=ERROR if service.must_restart else None,
    )


def _stays_down(session: Session, service: Service, unit: Unit) -> Finding:
    return CODES.found(
        "crash/stays-down",
        f"{service.unit} did not come back after its main process was killed, though it has "
        f"Restart={unit.get('Restart')}",
        evidence=(
            Evidence(text=state_of(session.unit(service.unit))),
            *session.journal(service.unit),
        ),
        fix="look for RestartPreventExitStatus=, StartLimitBurst= and a lock or socket the killed "
        "process left; " + shell_hint(session, f"systemctl kill --signal=KILL {service.unit}"),
    )


_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def restart_pause(text: str) -> float | None:
    """Seconds of a time span as systemctl shows it (`1min 30s`, `100ms`); None for `infinity`."""
    total = 0.0
    for word in text.split() if text != "0" else ():
        number = word.rstrip("usminhd")
        unit = _UNITS.get(word[len(number) :])
        if unit is None:
            return None
        try:
            total += float(number) * unit
        except ValueError:
            return None
    return total
