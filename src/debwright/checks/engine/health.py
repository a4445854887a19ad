"""Waiting for a service: until it is healthy, has crashed, or has had its time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from debwright.checks.engine import probes, units
from debwright.checks.engine.session import Session
from debwright.checks.engine.trouble import (
    CODES,
    SLOW,
    as_found_by,
    crashed,
    ended,
    logged_errors,
    shell_hint,
    slow_start,
    unhealthy,
    verb_codes,
    verb_failed,
)
from debwright.checks.engine.units import Unit, state_of
from debwright.config import Service
from debwright.model.results import Finding

__all__ = [
    "CODES", "SLOW", "Waited", "as_found_by", "crashed", "shell_hint", "slow_start",
    "verb_codes", "verb_failed", "wait_healthy",
]  # fmt: skip

POLL = 1.5
"""Seconds the service is asked before the unit's state is looked at again."""
LASTS = 2.0
"""Seconds that a service that cannot be asked must stay up before it counts as healthy."""

NO_SERVICE = "no [service] in debwright.toml: nothing to start"
NOT_HEALTHY = "the service is not up: see the check that found it down"


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
    if not session.services:
        return NO_SERVICE
    return None if session.healthy else NOT_HEALTHY


def service_of(session: Session) -> Service:
    """The main service; only after `why_not` has given None."""
    return session.services[0]


def running(session: Session) -> list[Service]:
    """The listed services that are up, the main one first."""
    return [service for service in session.services if service.unit in session.up]


def wait_healthy(
    session: Session, service: Service, *, restarts_before: int = 0, lasting: bool = True
) -> Waited:
    """Wait at most `service.start_seconds`; sooner when the unit crashes.

    A service with a probe is healthy once that is answered as expected. Without one it is when its
    unit is as a unit of its kind should be, has not been restarted, stays so for LASTS seconds
    (unless `lasting` is False), and its processes have logged no error.

    `restarts_before` is how often systemd had restarted it when the waiting began.
    """
    limit = session.patience(service.start_seconds)
    _start_by_hand(session, service)
    started = time.monotonic()
    up_after: float | None = None
    heard: probes.Answer | None = None
    while True:
        seconds = time.monotonic() - started
        if service.asked is None:
            unit = session.unit(service.unit)
            said, up = state_of(unit), is_up(session, unit)
            up_after = (seconds if up_after is None else up_after) if up else None
            if up and not (lasting and _is_young(session, unit)):
                problem = logged_errors(session, service, unit)
                return Waited(seconds=seconds if problem else up_after or 0.0, problem=problem)
        else:
            answer = probes.ask(session, service, max(0.1, min(POLL, limit - seconds)))
            waited, up = time.monotonic() - started, False
            if heard is None or heard.error or not answer.error:
                # The last attempt is a short one: what was answered before it says more.
                heard = answer
            said = heard.describe()
            if answer.ok and probes.proves_an_answer(service):
                return Waited(seconds=waited, latency=answer.latency)
            unit = session.unit(service.unit)
            if answer.ok and units.is_well(unit):
                return Waited(seconds=waited, latency=answer.latency)
        waited = time.monotonic() - started
        if over := _over(session, service, unit, restarts_before):
            return Waited(seconds=waited, problem=over)
        if waited >= limit and not up:
            problem = unhealthy(session, service, unit, said, limit=limit, heard=heard)
            return Waited(seconds=waited, problem=problem)
        time.sleep(0.1)


def wait_all(session: Session, services: Sequence[Service]) -> list[Finding]:
    """Wait for each of them, and remember which are up; why the others are not."""
    found = []
    for service in services:
        waited = wait_healthy(session, service)
        session.saw(service, up=waited.ok)
        if waited.problem is not None:
            found.append(waited.problem)
    return found


def is_up(session: Session, unit: Unit) -> bool:
    """Whether the unit is as it should be, as far as systemd or the session remembers."""
    down = unit.get("ActiveState") == "inactive" and unit.get("Result") == "success"
    return units.is_well(unit) or (down and unit.get("Id") in session.finished)


def _start_by_hand(session: Session, service: Service) -> None:
    """Start what the packages leave to the administrator, where it is down."""
    if service.unit in session.by_hand and not units.is_well(session.unit(service.unit)):
        session.systemctl("start", service.unit, session.patience(90))


def _is_young(session: Session, unit: Unit) -> bool:
    """Whether a unit that is up has been seen so for less than LASTS seconds."""
    return units.is_lasting(unit) and session.seen_up(unit) < LASTS


def _over(session: Session, service: Service, unit: Unit, restarts_before: int) -> Finding | None:
    """Why waiting any longer makes no sense: the unit, or what it starts, has failed or ended."""
    if found := crashed(session, service.unit, unit, restarts_before):
        return found
    if behind := units.triggered(unit):
        return crashed(session, behind, session.unit(behind))
    return ended(session, service.unit, unit)


def unsteady_answers(session: Session, service: Service, times: int) -> list[str]:
    """Ask a healthy service again; a line for each time that took more than one try."""
    if not probes.is_over_the_network(service):
        return []
    lines = []
    for number in range(1, times + 1):
        answer = probes.ask(session, service, session.patience(3))
        if not answer.ok:
            lines.append(f"request {number}: {answer.describe()}")
        elif answer.attempts > 1:
            lines.append(f"request {number}: as expected only at attempt {answer.attempts}")
    return lines
