"""After a reboot: the unit is started by the system, and healthy."""

import time

from debwright.checks.engine import health, watch
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import NO_SERVICE, NOT_HEALTHY
from debwright.checks.engine.journal import NoJournal
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.units import has_run, is_well, state_of
from debwright.checks.live import journal
from debwright.config import Service
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import MissingError
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.systems.base import BootError

CODES = Codes(
    {
        "reboot/failed": Code(ERROR, "With the packages the system does not come back."),
        "reboot/not-started": Code(ERROR, "The service is not started at boot."),
    }
)


class RebootCheck(LiveCheck):
    """Shuts the system down in order, boots it again, and waits for the service."""

    name = "reboot"
    codes = (
        CODES | health.CODES.under("reboot") | journal.CODES.under("reboot")
        | watch.DEAD.under("reboot")
    )  # fmt: skip
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if not session.services:
            return skipped(self.name, NO_SERVICE)
        if not (session.healthy or session.stopped):
            return skipped(self.name, NOT_HEALTHY)
        started = time.monotonic()
        before, session.up = session.up, set()
        try:
            taken = session.system.reboot()
        except MissingError as problem:
            session.up = before
            return skipped(self.name, problem.what)
        except BootError as problem:
            session.lost = "the system did not come back from a reboot"
            return conclude(self.name, started, [_not_back(session, problem)])
        session.stopped = False
        measurements = {"reboot_seconds": taken}
        booted = time.monotonic()
        findings: list[Finding] = []
        notes: list[str] = []
        for service in session.services:
            if found := _after_boot(session, service, booted, measurements):
                findings.append(found)
                continue
            try:
                findings += journal.journal_findings(session, service, self.name)
            except NoJournal as problem:
                notes.append(f"what was logged since is not known: {problem.what}")
        findings += watch.dead(session, self.name, "after a reboot, ")
        if session.healthy:
            measurements["healthy_seconds"] += booted - started - taken
        return conclude(self.name, started, findings, measurements=measurements, notes=notes)


def _not_back(session: Session, problem: BootError) -> Finding:
    """It has come up without the packages: this is no fault of the machine's."""
    return CODES.from_error("reboot/failed", problem).model_copy(
        update={
            "message": f"with the packages installed, {problem.what}",
            "fix": "look for a unit that keeps the system from stopping or starting; "
            f"{session.context.shell()}, then: systemctl reboot",
        }
    )


def _after_boot(
    session: Session, service: Service, booted: float, measurements: dict[str, float]
) -> Finding | None:
    """Why the service is not healthy after the boot; when it is, how long the main one took."""
    unit = session.unit(service.unit)
    left_out = unit.get("ActiveState") == "inactive" and not has_run(unit)
    if left_out and not is_well(unit) and service.unit not in session.by_hand:
        return CODES.found(
            "reboot/not-started",
            f"{service.unit} is not started when the system boots",
            evidence=(
                Evidence(text=f"UnitFileState={unit.get('UnitFileState', '?')}"),
                Evidence(text=state_of(unit)),
            ),
            fix="give the unit an [Install] section with WantedBy=multi-user.target, and let "
            "dh_installsystemd enable it",
        )
    begun = time.monotonic()
    waited = health.wait_healthy(session, service)
    session.saw(service, up=waited.ok)
    if waited.problem is not None:
        return health.as_found_by("reboot", "after a reboot", waited.problem)
    if service is session.services[0]:
        measurements["healthy_seconds"] = begun - booted + waited.seconds
    return None
