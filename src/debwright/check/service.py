"""The unit starts, answers, keeps to its limits, restarts and stops."""

import time

from debwright.check.base import conclude, error, skipped, warning
from debwright.check.session import Session
from debwright.config import Service
from debwright.results import CheckResult, Evidence, Finding

POLL = 1.5
"""Seconds the health URL is asked before the unit's state is looked at again."""

SLOWER_EMULATED = 6.0
"""How much longer than configured a service may take under an emulator before it fails."""


class ServiceCheck:
    """Needs a booted system with the package installed."""

    name = "service"

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        service = session.context.config.service
        if service is None:
            return skipped(self.name, "no [service] in debwright.toml: nothing to start")
        findings: list[Finding] = []
        measurements: dict[str, float] = {}
        healthy = _come_up(session, service, findings, measurements)
        if healthy:
            findings += _while_running(session, service, measurements)
            findings += _restart_and_stop(session, service, measurements)
        return conclude(
            self.name, started, findings, measurements=measurements, notes=_notes(session)
        )


def patience(session: Session, seconds: float) -> float:
    return seconds * SLOWER_EMULATED if session.system.emulated else seconds


def _come_up(
    session: Session, service: Service, findings: list[Finding], measurements: dict[str, float]
) -> bool:
    """Whether the unit is active and healthy after installation; findings say why not."""
    unit = session.unit(service.unit)
    if unit.get("LoadState") != "loaded":
        findings.append(
            error(
                "service/missing",
                f"{service.unit} does not exist once the package is installed",
                evidence=(Evidence(text=f"LoadState={unit.get('LoadState', '?')}"),),
                fix="name the unit the package installs under [service] unit, or ship one "
                "(dh_installsystemd(1))",
            )
        )
        return False
    if unit.get("ActiveState") == "inactive" and unit.get("Result") == "success":
        findings.append(
            error(
                "service/not-started",
                f"installing the package does not start {service.unit}",
                evidence=(Evidence(text=_state(unit)),),
                fix="do not pass --no-start or --no-enable to dh_installsystemd",
            )
        )
        return False
    return _wait_healthy(session, service, findings, measurements, "start_seconds")


def _wait_healthy(
    session: Session,
    service: Service,
    findings: list[Finding],
    measurements: dict[str, float],
    measure: str,
) -> bool:
    limit = patience(session, service.start_seconds)
    started = time.monotonic()
    while True:
        left = limit - (time.monotonic() - started)
        if service.health_url is None:
            unit = session.unit(service.unit)
            if unit.get("ActiveState") == "active":
                measurements[measure] = time.monotonic() - started
                return True
            said = _state(unit)
        else:
            answer = session.ask(
                service.health_url, service.expect_status, service.expect_body,
                max(0.1, min(POLL, left)),
            )  # fmt: skip
            if answer.ok:
                measurements[measure] = time.monotonic() - started
                measurements["health_latency_seconds"] = answer.latency
                return True
            unit = session.unit(service.unit)
            said = answer.describe()
        if crash := _crashed(session, service, unit):
            findings.append(crash)
            return False
        if time.monotonic() - started >= limit:
            break
        time.sleep(0.1)
    findings.append(
        error(
            "service/unhealthy",
            f"{service.unit} did not become healthy within {limit:.0f} s"
            + (f": {service.health_url}" if service.health_url else ""),
            evidence=(
                Evidence(text=f"{service.health_url or service.unit}: {said}"),
                Evidence(text=_state(unit)),
                *session.journal(service.unit),
            ),
            fix=f"debwright shell {session.context.target} --booted; "
            f"then: journalctl -u {service.unit}",
        )
    )
    return False


def _crashed(session: Session, service: Service, unit: dict[str, str]) -> Finding | None:
    """A finding once the unit has failed, or systemd has had to start it again."""
    restarts = int(unit.get("NRestarts") or 0)
    if unit.get("ActiveState") != "failed" and restarts == 0:
        return None
    if restarts:
        what = (
            f"{service.unit} crashed (status {unit.get('ExecMainStatus', '?')}) and was restarted "
            f"{restarts} time(s) by systemd"
        )
    else:
        status = unit.get("ExecMainStatus", "?")
        what = f"{service.unit} crashed ({unit.get('Result', '?')}, status {status})"
    return error(
        "service/crashed",
        what,
        evidence=(Evidence(text=_state(unit)), *session.journal(service.unit)),
        fix=f"debwright shell {session.context.target} --booted; "
        f"then: systemctl status {service.unit}",
    )


def _state(unit: dict[str, str]) -> str:
    names = ("ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts")
    return " ".join(f"{n}={unit.get(n, '?')}" for n in names)


def _while_running(
    session: Session, service: Service, measurements: dict[str, float]
) -> list[Finding]:
    findings: list[Finding] = []
    unit = session.unit(service.unit)
    if unit.get("UnitFileState") not in {"enabled", "static", "alias", "generated", "indirect"}:
        findings.append(
            error(
                "service/not-enabled",
                f"{service.unit} will not start at the next boot",
                evidence=(Evidence(text=f"UnitFileState={unit.get('UnitFileState')}"),),
                fix='give the unit an [Install] section with WantedBy="multi-user.target"',
            )
        )
    if service.user and unit.get("User", "") != service.user:
        findings.append(
            error(
                "service/user",
                f"{service.unit} runs as {unit.get('User') or 'root'}, not as {service.user}",
                evidence=(Evidence(text=f"User={unit.get('User', '')}"),),
                fix=f"User={service.user} in the unit's [Service] section",
            )
        )
    findings += _ports(session, service)
    findings += _memory(session, service, unit, measurements)
    return findings


def _ports(session: Session, service: Service) -> list[Finding]:
    """Declared ports are open, and nothing else is."""
    if not service.ports:
        return []
    declared = set(service.ports)
    open_now = session.listening()
    missing = sorted(declared - open_now)
    extra = sorted(open_now - declared)
    found = [
        error("service/port-closed", f"{service.unit} does not listen on {port}, as declared",
              evidence=(Evidence(text=f"listening: {', '.join(sorted(open_now)) or 'nothing'}"),))
        for port in missing
    ]  # fmt: skip
    found += [
        error("service/port-undeclared", f"something listens on {port}, which is not declared",
              evidence=(Evidence(text=f"declared: {', '.join(sorted(declared))}"),),
              fix="bind to 127.0.0.1 by default, or declare it: [service] ports")
        for port in extra
    ]  # fmt: skip
    return found


def _memory(
    session: Session, service: Service, unit: dict[str, str], measurements: dict[str, float]
) -> list[Finding]:
    used = session.system.unit_memory(unit.get("ControlGroup", ""))
    if used is None:
        return []
    measurements["memory_bytes"] = float(used)
    limit = service.memory_mb
    if limit is None or used <= limit * 1024 * 1024:
        return []
    text = f"{used / 1024 / 1024:.0f} MB proportional set size, {limit} MB allowed"
    finding = warning if session.system.emulated else error
    return [
        finding("service/memory", f"{service.unit} uses more memory than allowed",
                evidence=(Evidence(text=text),))
    ]  # fmt: skip


def _restart_and_stop(
    session: Session, service: Service, measurements: dict[str, float]
) -> list[Finding]:
    findings: list[Finding] = []
    done = session.systemctl("restart", service.unit, patience(session, 90))
    if done.returncode != 0:
        return [_verb_failed(session, service, "restart", done.tail(4))]
    if not _wait_healthy(session, service, findings, measurements, "restart_seconds"):
        return findings
    started = time.monotonic()
    done = session.systemctl("stop", service.unit, patience(session, 120))
    taken = time.monotonic() - started
    measurements["stop_seconds"] = taken
    unit = session.unit(service.unit)
    if done.returncode != 0 or unit.get("ActiveState") != "inactive":
        findings.append(_verb_failed(session, service, "stop", [*done.tail(4), _state(unit)]))
    elif taken > patience(session, service.stop_seconds):
        findings.append(
            error(
                "service/slow-stop",
                f"{service.unit} took {taken:.1f} s to stop, {service.stop_seconds} are allowed",
                evidence=session.journal(service.unit),
                fix="end on SIGTERM; systemd kills after TimeoutStopSec=",
            )
        )
    session.systemctl("start", service.unit, patience(session, 90))
    return findings


def _verb_failed(session: Session, service: Service, verb: str, said: list[str]) -> Finding:
    return error(
        f"service/{verb}-failed",
        f"systemctl {verb} {service.unit} does not work",
        evidence=(*(Evidence(text=line) for line in said), *session.journal(service.unit)),
        fix=f"debwright shell {session.context.target} --booted; "
        f"then: systemctl {verb} {service.unit}",
    )


def _notes(session: Session) -> list[str]:
    notes = session.system.notes()
    if session.system.emulated:
        notes.append(f"time limits are {SLOWER_EMULATED:g} times as long under an emulator")
    if not session.system.memory_enforced():
        notes.append(
            "MemoryMax= was accepted but not enforced: this machine gives containers no memory "
            "controller; the limit in debwright.toml was compared with what was measured"
        )
    return notes


class SmokeCheck:
    """The commands of `[service] smoke`, each of which must end with status 0."""

    name = "smoke"

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        service = session.context.config.service
        if service is None or not service.smoke:
            return skipped(self.name, "no [service] smoke commands in debwright.toml")
        findings = []
        for command in service.smoke:
            session.context.activity(f"smoke: {command[:40]}")
            done = session.smoke(command)
            if done.returncode != 0:
                findings.append(
                    error(
                        "smoke/failed",
                        f"`{command}` ended with status {done.returncode}",
                        evidence=tuple(Evidence(text=line) for line in done.tail(6)),
                        fix=f"debwright shell {session.context.target} --booted",
                    )
                )
        return conclude(self.name, started, findings)
