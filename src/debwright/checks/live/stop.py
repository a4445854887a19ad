"""systemctl stop: the unit is down, in time, and by its own doing."""

import re
import time

from debwright.checks.engine import health, units
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.config import Service
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding

CODES = Codes(
    {
        "stop/slow": Code(ERROR, "The service takes longer to stop than allowed."),
        "stop/children-left": Code(ERROR, "Processes of the service run on after it is stopped."),
    }
)
# Those of the unit's control group and below: cgroups(7), one line for each hierarchy.
_LEFT = """for d in $(grep -lE -e "$1" /proc/[0-9]*/cgroup 2>/dev/null); do d=${d%/cgroup}
echo "${d#/proc/} $(tr '\\0' ' ' <"$d/cmdline" 2>/dev/null | head --bytes=200)"; done; true"""


class StopCheck(LiveCheck):
    """`systemctl stop`: the unit is down, in time, and by its own doing."""

    name = "stop"
    codes = CODES | health.verb_codes("stop")
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := health.why_not(session):
            return skipped(self.name, reason)
        started, findings = time.monotonic(), list[Finding]()
        seconds: dict[str, float] = {}
        # The main one first, so that what it measures is its own end; others may stop with it.
        for service in health.running(session):
            findings += self._stop(session, service, seconds)
        main = health.service_of(session).unit
        session.stopped = not any(f.code == "stop/failed" for f in findings)
        session.up.clear()
        return conclude(self.name, started, findings, measurements={"stop_seconds": seconds[main]})

    def _stop(self, session: Session, service: Service, seconds: dict[str, float]) -> list[Finding]:
        group = _group(session, service)
        started = time.monotonic()
        done = session.systemctl("stop", service.unit, session.patience(120))
        taken = seconds[service.unit] = time.monotonic() - started
        unit = session.unit(service.unit)
        findings: list[Finding] = []
        if done.returncode != 0 or unit.get("ActiveState") != "inactive":
            said = [*done.tail(4), units.state_of(unit)]
            findings.append(health.verb_failed(session, service, "stop", said))
        elif left := _left(session, group):
            findings.append(_children_left(service, left))
        elif taken > session.patience(service.stop_seconds):
            findings.append(
                CODES.found(
                    "stop/slow",
                    f"{service.unit} took {taken:.1f} s to stop, {service.stop_seconds} are "
                    "allowed",
                    evidence=session.journal(service.unit),
                    fix="end on SIGTERM; systemd kills after TimeoutStopSec=",
                )
            )
        return findings


def _group(session: Session, service: Service) -> str:
    """The control group whose processes have to end with the unit."""
    unit = session.unit(service.unit)
    # A service behind a socket runs on, as it should.
    return "" if units.triggered(unit) else unit.get("ControlGroup", "")


def _left(session: Session, group: str) -> list[str]:
    """Processes that are still in the control group: PID and command line."""
    if group in {"", "/"}:
        return []
    done = session.system.run(
        ["sh", "-c", _LEFT, "sh", f":[^:]*{re.escape(group)}(/.*)?$"],
        check=False, timeout=session.patience(30),
    )  # fmt: skip
    return [line.strip() for line in done.output.splitlines() if line.strip()]


def _children_left(service: Service, left: list[str]) -> Finding:
    return CODES.found(
        "stop/children-left",
        f"{service.unit} is stopped, and {len(left)} of its processes run on",
        evidence=tuple(Evidence(text=line) for line in left[:6]),
        fix="KillMode=mixed or control-group in the unit, in place of process or none: what is "
        "left holds its ports and locks when the service is started again (systemd.kill(5))",
    )
