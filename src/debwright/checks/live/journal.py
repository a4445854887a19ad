"""The journal has no errors: neither the unit's own nor systemd's about it."""

import time

from debwright.checks.engine import logged
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import NO_SERVICE
from debwright.checks.engine.journal import NoJournal, errors, evidence
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.units import triggered
from debwright.config import Service
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Finding

CODES = Codes(
    {
        "journal/errors": Code(ERROR, "The service has logged errors."),
        "journal/systemd": Code(
            ERROR, "systemd has logged errors about the service.", emulated=WARNING
        ),
    }
)
"""An emulator does not have all that systemd asks of the kernel."""


class JournalCheck(LiveCheck):
    """Messages of priority err and above since the system was booted."""

    name = "journal"
    codes = CODES | logged.CODES
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if not session.services:
            return skipped(self.name, NO_SERVICE)
        started = time.monotonic()
        findings = [f for s in session.services for f in logged.findings(session, s)]
        left = [s for s in session.services if s.unit not in session.log_reported]
        if not left and not findings:
            unit = session.services[0].unit
            return skipped(self.name, f"{unit} is judged by its log, and has failed for it")
        try:
            findings += [f for s in left for f in journal_findings(session, s, self.name)]
        except NoJournal as problem:
            return skipped(self.name, problem.what)
        return conclude(self.name, started, findings)


def journal_findings(session: Session, service: Service, name: str) -> list[Finding]:
    """One finding for each of the unit and systemd that has complained in this boot.

    Raises NoJournal.
    """
    entries = errors(session, service.unit)
    if behind := triggered(session.unit(service.unit)):
        entries += errors(session, behind)
    own = [e for e in entries if not e.by_systemd]
    about = [e for e in entries if e.by_systemd]
    found = []
    if own:
        found.append(
            CODES.under(name).found(
                f"{name}/errors",
                f"{service.unit} has logged {len(own)} error(s)",
                evidence=evidence(own, service.unit),
                fix="log at priority err only what someone must look at (sd-daemon(3)); "
                + session.context.shell(f"journalctl -p err -u {service.unit}"),
            )
        )
    if about:
        found.append(
            CODES.under(name).found(
                f"{name}/systemd",
                f"systemd has logged {len(about)} error(s) about {service.unit}",
                evidence=evidence(about, service.unit),
                fix=session.context.shell(f"systemctl status {service.unit}"),
                emulated=session.system.emulated,
            )
        )
    return found
