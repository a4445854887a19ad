"""Waiting for a service: until it is healthy, has crashed, or has had its time."""

import time
from dataclasses import dataclass

from debwright.checks.engine import journal, units
from debwright.checks.engine.session import Session
from debwright.checks.engine.units import Unit, restarts, state_of
from debwright.config import Service
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.fix import Command
from debwright.model.results import Evidence, Finding

POLL = 1.5
"""Seconds the health URL is asked before the unit's state is looked at again."""

LASTS = 2.0
"""Seconds that a service without a health URL must stay up before it counts as healthy."""

NO_SERVICE = "no [service] in debwright.toml: nothing to start"
NOT_HEALTHY = "the service is not up: see the check that found it down"


CODES = Codes(
    {
        "service/unhealthy": Code(ERROR, "The service did not become healthy in time."),
        "service/crashed": Code(
            ERROR, "The service crashed, whether or not systemd started it again."
        ),
        "service/ended": Code(ERROR, "The service has ended, though without a failure."),
        "service/logged-errors": Code(
            ERROR, "A service that only its log can tell of has logged errors since its start."
        ),
    }
)
"""What waiting for the service finds. A check that waits declares it as `CODES.under(name)`."""
SLOW = Codes({"service/slow-start": Code(WARNING, "The service is slow to start.")})


@dataclass(frozen=True, kw_only=True)
class Waited:
    """How waiting for a service ended; times in seconds."""

    seconds: float
    latency: float | None = None
    problem: Finding | None = None
    """Why it is not healthy."""

    @property
    def ok(self) -> bool:
        return self.problem is None


def why_not(session: Session) -> str | None:
    """Why a check that needs the running service has nothing to look at."""
    if session.context.config.service is None:
        return NO_SERVICE
    return None if session.healthy else NOT_HEALTHY


def service_of(session: Session) -> Service:
    """The configured service; only after `why_not` has given None."""
    service = session.context.config.service
    assert service is not None
    return service


def wait_healthy(
    session: Session, service: Service, *, restarts_before: int = 0, lasting: bool = True
) -> Waited:
    """Wait at most `service.start_seconds`; sooner when the unit crashes.

    Without a health URL the unit is healthy when it is as a unit of its kind should be, has not
    been restarted, stays so for LASTS seconds (unless `lasting` is False), and its processes have
    logged no error.

    `restarts_before` is how often systemd had restarted it when the waiting began.
    """
    limit = session.patience(service.start_seconds)
    if service.unit in session.by_hand and not units.is_well(session.unit(service.unit)):
        session.systemctl("start", service.unit, session.patience(90))
    started = time.monotonic()
    up_after: float | None = None
    while True:
        seconds = time.monotonic() - started
        if service.health_url is None:
            unit = session.unit(service.unit)
            said, up = state_of(unit), units.is_well(unit)
            up_after = (seconds if up_after is None else up_after) if up else None
            if up and not (lasting and _is_young(session, unit)):
                if problem := logged_errors(session, service, unit):
                    return Waited(seconds=seconds, problem=problem)
                return Waited(seconds=up_after or 0.0)
        else:
            answer = session.ask(
                service.health_url, service.expect_status, service.expect_body,
                max(0.1, min(POLL, limit - seconds)),
            )  # fmt: skip
            if answer.ok:
                waited = time.monotonic() - started
                return Waited(seconds=waited, latency=answer.latency)
            unit = session.unit(service.unit)
            said, up = answer.describe(), False
        waited = time.monotonic() - started
        if over := crashed(session, service, unit, restarts_before) or ended(
            session, service, unit
        ):
            return Waited(seconds=waited, problem=over)
        if waited >= limit and not up:
            return Waited(seconds=waited, problem=_unhealthy(session, service, unit, said, limit))
        time.sleep(0.1)


def _is_young(session: Session, unit: Unit) -> bool:
    """Whether a unit that is up has been seen so for less than LASTS seconds."""
    return units.is_lasting(unit) and session.seen_up(unit) < LASTS


def logged_errors(session: Session, service: Service, unit: Unit) -> Finding | None:
    """A finding on errors that the unit's processes have logged since its start.

    Where no journal is kept, nothing is known of them.
    """
    if not (invocation := unit.get("InvocationID")):
        return None
    try:
        said = [e for e in journal.errors_since_start(session, invocation) if not e.by_systemd]
    except journal.NoJournal:
        return None
    if not said:
        return None
    session.log_reported.add(service.unit)
    return CODES.found(
        "service/logged-errors",
        f"{service.unit} is up, and has logged {len(said)} error(s) since its start",
        evidence=journal.evidence(said, service.unit),
        fix="log at priority err only what someone must look at (sd-daemon(3)); or let the check "
        "ask the service itself: [service] health_url",
    )


def _unhealthy(session: Session, service: Service, unit: Unit, said: str, limit: float) -> Finding:
    return CODES.found(
        "service/unhealthy",
        f"{service.unit} did not become healthy within {limit:.0f} s"
        + (f": {service.health_url}" if service.health_url else ""),
        evidence=(
            Evidence(text=f"{service.health_url or service.unit}: {said}"),
            Evidence(text=state_of(unit)),
            *session.journal(service.unit),
        ),
        fix=shell_hint(session, f"journalctl -u {service.unit}"),
    )


def crashed(
    session: Session, service: Service, unit: Unit, restarts_before: int = 0
) -> Finding | None:
    """A finding once the unit has failed, or systemd has had to start it again."""
    again = restarts(unit) - restarts_before
    if unit.get("ActiveState") != "failed" and again <= 0:
        return None
    status = unit.get("ExecMainStatus", "?")
    if again > 0:
        what = (
            f"{service.unit} crashed (status {status}) and was restarted {again} time(s) by systemd"
        )
    else:
        what = f"{service.unit} crashed ({unit.get('Result', '?')}, status {status})"
    return CODES.found(
        "service/crashed",
        what,
        evidence=(Evidence(text=state_of(unit)), *session.journal(service.unit)),
        fix=shell_hint(session, f"systemctl status {service.unit}"),
    )


def ended(session: Session, service: Service, unit: Unit) -> Finding | None:
    """A finding once a service that should run has ended by itself, with success."""
    if unit.get("ActiveState") != "inactive" or not units.has_run(unit) or units.is_well(unit):
        return None
    return CODES.found(
        "service/ended",
        f"{service.unit} was started and has ended (status {unit.get('ExecMainStatus', '?')})",
        evidence=(Evidence(text=state_of(unit)), *session.journal(service.unit)),
        fix="look for what lets it end: a setting that disables it (/etc/default), or a process "
        "that goes to the background without Type=forking; a job that is meant to end has "
        f"Type=oneshot; {shell_hint(session, f'systemctl status {service.unit}')}",
    )


def unsteady_answers(session: Session, service: Service, times: int) -> list[str]:
    """Ask a healthy service again; a line for each time that took more than one try."""
    if service.health_url is None:
        return []
    lines = []
    for number in range(1, times + 1):
        answer = session.ask(
            service.health_url, service.expect_status, service.expect_body, session.patience(3)
        )
        if not answer.ok:
            lines.append(f"request {number}: {answer.describe()}")
        elif answer.attempts > 1:
            lines.append(f"request {number}: as expected only at attempt {answer.attempts}")
    return lines


def slow_start(session: Session, service: Service, seconds: float, check: str) -> list[Finding]:
    """A warning on a start that has succeeded, but took longer than `limits.start_seconds`."""
    limit = session.context.config.limits.start_seconds
    if limit is None or seconds <= (allowed := session.patience(limit)):
        return []
    return [
        SLOW.under(check).found(
            f"{check}/slow-start",
            f"{service.unit} is slow to start",
            evidence=(
                Evidence(text=f"healthy after {seconds:.1f} s, {allowed:g} s are allowed"),
                *session.journal(service.unit),
            ),
            fix=shell_hint(session, f"journalctl -o short-monotonic -u {service.unit}")
            + "; or raise [limits] start_seconds",
        )
    ]


def as_found_by(check: str, when: str, problem: Finding) -> Finding:
    """What waiting has found, as a finding of the check that has waited."""
    return problem.model_copy(
        update={
            "code": f"{check}/{problem.code.split('/', 1)[1]}",
            "message": f"{when}, {problem.message}",
        }
    )


def verb_codes(verb: str) -> Codes:
    """The code of verb_failed."""
    return Codes({f"{verb}/failed": Code(ERROR, f"`systemctl {verb}` does not work.")})


def verb_failed(session: Session, service: Service, verb: str, said: list[str]) -> Finding:
    """A finding that `systemctl VERB` does not work."""
    return verb_codes(verb).found(
        f"{verb}/failed",
        f"systemctl {verb} {service.unit} does not work",
        evidence=(*(Evidence(text=line) for line in said), *session.journal(service.unit)),
        fix=shell_hint(session, f"systemctl {verb} {service.unit}"),
    )


def shell_hint(session: Session, command: str) -> Command:
    return Command("debwright", "shell", session.context.target, "--booted", "-c", command)
