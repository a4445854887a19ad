"""How much of the system the unit can reach: the exposure level of systemd-analyze(1)."""

import re
import time

from debwright.checks.engine import packaged, units
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import NO_SERVICE
from debwright.checks.engine.session import LiveCheck, Session
from debwright.config import Service
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding

_OVERALL = re.compile(r"Overall exposure level for \S+: (?P<level>\d+(?:\.\d+)?)")
# Columns: mark, NAME, DESCRIPTION, EXPOSURE; only settings that raise the level have the last.
_ROW = re.compile(r"^\S?\s*(?P<name>[A-Za-z~_=:()*\-]+=?\S*)\s+(?P<text>.*\S)\s+(?P<level>\d\.\d)$")
_WORST = 8


CODES = Codes(
    {"exposure/too-high": Code(ERROR, "The unit can reach more of the system than allowed.")}
)


class ExposureCheck(LiveCheck):
    """`systemd-analyze security`, against `limits.exposure`."""

    name = "exposure"
    codes = CODES
    settings = ("service", "limits")

    def run(self, session: Session) -> CheckResult:
        if not session.services:
            return skipped(self.name, NO_SERVICE)
        started = time.monotonic()
        findings: list[Finding] = []
        measurements: dict[str, float] = {}
        passed_over: list[str] = []
        for service in session.services:
            level, said = _level(session, service)
            if level is None:
                passed_over.append(said)
                continue
            if service is session.services[0]:
                measurements["exposure_level"] = level
            findings += _too_high(session, service, level, said)
        if len(passed_over) == len(session.services):
            return skipped(self.name, "; ".join(passed_over))
        return conclude(self.name, started, findings, measurements=measurements, notes=passed_over)


def _level(session: Session, service: Service) -> tuple[float | None, str]:
    """The level of the service that does the work, and what systemd-analyze has said."""
    name = units.triggered(session.unit(service.unit)) or service.unit
    if service.unit in session.of_users:
        return None, f"{name} runs as the user who logs in"
    if units.kind(name) != "service":
        return None, f"{name} has no processes of its own"
    if theirs := packaged.others(session, name):
        return None, f"{name} belongs to {', '.join(sorted(theirs))}"
    done = session.system.run(
        ["systemd-analyze", "security", "--no-pager", "--", name],
        check=False, timeout=session.patience(60),
    )  # fmt: skip
    level = overall(done.output)
    if level is None:
        said = " ".join(done.tail(1))
        return None, f"systemd-analyze security gave no exposure level: {said}"
    return level, done.output


def _too_high(session: Session, service: Service, level: float, said: str) -> list[Finding]:
    limit = service.exposure
    if limit is None:
        limit = session.context.config.limits.exposure
    if limit is None or level <= limit:
        return []
    return [
        CODES.found(
            "exposure/too-high",
            f"{service.unit} has an exposure level of {level:g}, {limit:g} is allowed",
            evidence=tuple(Evidence(text=row) for row in worst(said)),
            fix="add the settings named, each after a look at systemd.exec(5); "
            f"systemd-analyze security {service.unit} lists them all",
        )
    ]


def overall(text: str) -> float | None:
    """The level systemd-analyze gives the unit, 0.0 to 10.0."""
    match = _OVERALL.search(text)
    return float(match["level"]) if match else None


def worst(text: str) -> list[str]:
    """The settings that raise the level most, the worst first."""
    rows = [m for line in text.splitlines() if (m := _ROW.match(line.rstrip()))]
    rows.sort(key=lambda m: -float(m["level"]))
    return [f"{m['level']} {m['name']}: {' '.join(m['text'].split())}" for m in rows[:_WORST]]
