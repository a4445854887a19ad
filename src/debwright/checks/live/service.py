"""The service comes up by being installed, answers, and keeps to its limits."""

import time

from debwright.checks.engine import activation, health, memory, notify, ports, units
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import (
    NO_SERVICE,
    Waited,
    shell_hint,
    slow_start,
    unsteady_answers,
    wait_healthy,
)
from debwright.checks.engine.session import SLOWER_EMULATED, LiveCheck, Session
from debwright.config import Service
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding

ASKED_AGAIN = 3
"""Requests to a service that has just been healthy: each must be answered as well."""

_STARTED_AT_BOOT = {"enabled", "static", "alias", "generated", "indirect"}
"""Of UnitFileState (systemctl(1), is-enabled): those that may be started at boot."""

CODES = Codes(
    {
        "service/flaky": Code(WARNING, "The service is healthy only at the second try."),
        "service/not-enabled": Code(ERROR, "The service will not start at the next boot."),
        "service/user": Code(ERROR, "The service runs as another user than configured."),
    }
)


class ServiceCheck(LiveCheck):
    """Needs a booted system with the package installed."""

    name = "service"
    codes = (
        CODES | activation.CODES | notify.CODES | health.CODES | health.SLOW
        | ports.codes("service") | memory.CODES
    )  # fmt: skip
    settings = ("service", "limits")

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        if not session.services:
            return skipped(self.name, NO_SERVICE)
        main = session.services[0]
        if (unmet := _unmet_condition(session, main)) is not None:
            return skipped(self.name, unmet)
        findings: list[Finding] = []
        measurements: dict[str, float] = {}
        notes = _notes(session)
        looked_at: list[Service] = []
        for service in session.services:
            if service is not main and (unmet := _unmet_condition(session, service)):
                notes.append(f"{service.unit} was not looked at: {unmet}")
                continue
            looked_at.append(service)
            findings += _bring_up(session, service, measurements if service is main else {}, notes)
        # No proof of the whole while a part of it is down.
        if not session.up.issuperset(service.unit for service in looked_at):
            measurements.pop("start_seconds", None)
        if session.up:
            findings += ports.ports(session, self.name)
        return conclude(self.name, started, findings, measurements=measurements, notes=notes)


def _bring_up(
    session: Session, service: Service, measurements: dict[str, float], notes: list[str]
) -> list[Finding]:
    """See that the service is up and as configured; what is measured goes into `measurements`."""
    if (absent := activation.absent(session, service)) is not None:
        return [absent]
    if service.unit in session.by_hand:
        notes.append(
            f"the package leaves {service.unit} to the administrator to start: the check has "
            "started it"
        )
    waited, findings = _come_up(session, service)
    if waited.problem is not None:
        return [*findings, waited.problem]
    session.saw(service, up=True)
    measurements["start_seconds"] = waited.seconds
    if waited.latency is not None:
        measurements["health_latency_seconds"] = waited.latency
    findings += slow_start(session, service, waited.seconds, "service")
    findings += _job(session, service, notes)
    findings += _as_configured(session, service)
    findings += memory.memory(session, service, measurements, check="service")
    return findings


def _unmet_condition(session: Session, service: Service) -> str | None:
    """Why systemd has left the unit out, by its own Condition...= settings (systemd.unit(5)).

    It says that the unit has nothing to do on a system like this one: no fault, and no proof.
    """
    unit = session.unit(service.unit)
    if unit.get("ConditionResult") != "no" or unit.get("ActiveState") != "inactive":
        return None
    said = [e.text for e in session.journal(service.unit, lines=4) if "unmet condition" in e.text]
    if said:
        what = said[-1]
    elif unit.get("ConditionTimestampMonotonic", "0") != "0":
        what = f"a condition of {service.unit} is not met on this system"
    else:
        return None  # "no" is also what systemd says before it has looked
    return f"{what}; a virtual machine may meet it: --sandbox vm"


def _job(session: Session, service: Service, notes: list[str]) -> list[Finding]:
    """Run the job of a timer once: waiting for its time would prove nothing."""
    if (job := activation.job_of(session.unit(service.unit))) is None:
        return []
    failed, said = activation.run_job(session, job, service.start_seconds)
    if failed is not None:
        return [failed]
    notes.append(said)
    return []


def _come_up(session: Session, service: Service) -> tuple[Waited, list[Finding]]:
    """Wait for the started service; should it not come up, try once more.

    One that is healthy only then is reported as flaky, with what was wrong at first.
    """
    if (asleep := activation.call(session, service)) is not None:
        return Waited(seconds=0.0, problem=asleep), []
    first = wait_healthy(session, service)
    if (silent := notify.never(session, service, first)) is not None:
        return Waited(seconds=first.seconds, problem=silent), []
    if first.problem is None:
        wrong = unsteady_answers(session, service, ASKED_AGAIN)
        return first, _flaky(session, service, tuple(Evidence(text=line) for line in wrong))
    session.systemctl("restart", service.unit, session.patience(90))
    second = wait_healthy(session, service)
    if second.problem is not None:
        return first, []
    said = Evidence(text=f"at first: {first.problem.message}")
    return second, _flaky(session, service, (said, *first.problem.evidence))


def _flaky(session: Session, service: Service, evidence: tuple[Evidence, ...]) -> list[Finding]:
    if not evidence:
        return []
    return [
        CODES.found(
            "service/flaky",
            f"{service.unit} is healthy only at the second try",
            evidence=evidence,
            fix="with Type=notify say READY=1 only once requests are answered (sd_notify(3)); "
            + shell_hint(session, f"journalctl -u {service.unit}"),
        )
    ]


def _as_configured(session: Session, service: Service) -> list[Finding]:
    findings: list[Finding] = []
    unit = session.unit(service.unit)
    later = service.unit in session.by_hand or units.is_started_by_others(unit)
    if not later and unit.get("UnitFileState") not in _STARTED_AT_BOOT:
        findings.append(
            CODES.found(
                "service/not-enabled",
                f"{service.unit} will not start at the next boot",
                evidence=(Evidence(text=f"UnitFileState={unit.get('UnitFileState')}"),),
                fix='give the unit an [Install] section with WantedBy="multi-user.target"',
            )
        )
    worker = session.unit(behind) if (behind := units.triggered(unit)) else unit
    if service.user and worker.get("User", "") != service.user:
        findings.append(
            CODES.found(
                "service/user",
                f"{behind or service.unit} runs as {worker.get('User') or 'root'}, not as "
                f"{service.user}",
                evidence=(Evidence(text=f"User={worker.get('User', '')}"),),
                fix=f"User={service.user} in the unit's [Service] section",
            )
        )
    return findings


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
