"""Units of Type=notify that run, and never say so: systemd waits for READY=1 (sd_notify(3))."""

import time

from debwright.checks.engine.health import Waited
from debwright.checks.engine.session import Session
from debwright.checks.engine.units import Unit, is_well, state_of
from debwright.config import Service
from debwright.host.process import pause
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import Evidence, Finding

AFTER_AN_ANSWER = 5.0
"""Seconds in which a service that answers says READY=1, too."""
_LOOK = 0.5
# systemd's words when a start job has taken TimeoutStartSec= (src/core/service.c).
_TIMED_OUT = "start operation timed out"

CODES = Codes(
    {"service/not-notified": Code(ERROR, "A unit of Type=notify runs, and never says READY=1.")}
)


def never(session: Session, service: Service, waited: Waited) -> Finding | None:
    """A finding when the unit has had its time to say READY=1, and its process runs.

    Until it does, systemd lets `systemctl start` and the installation wait, and then ends it: what
    later checks would find, after minutes, has this one cause.
    """
    unit = session.unit(service.unit)
    if not unit.get("Type", "").startswith("notify"):
        return None
    if waited.ok:
        end = time.monotonic() + session.patience(AFTER_AN_ANSWER)
        while not is_well(unit) and time.monotonic() < end:
            pause(_LOOK)
            unit = session.unit(service.unit)
        if is_well(unit):
            return None
    if _waits(unit) or any(_TIMED_OUT in e.text for e in session.journal(service.unit, lines=30)):
        return _finding(session, service, unit, answers=waited.ok)
    return None


def _waits(unit: Unit) -> bool:
    return unit.get("ActiveState") == "activating" and unit.get("MainPID", "0") != "0"


def _finding(session: Session, service: Service, unit: Unit, *, answers: bool) -> Finding:
    more = "it answers, and" if answers else "its process runs, and"
    return CODES.found(
        "service/not-notified",
        f"{service.unit} has Type={unit.get('Type')}: {more} has not said READY=1, which systemd "
        "waits for",
        evidence=(Evidence(text=state_of(unit)), *session.journal(service.unit)),
        fix='call sd_notify(0, "READY=1") once it answers (systemd-notify --ready with '
        "NotifyAccess=all from a script, the sdnotify package in Python); or use Type=exec",
    )
