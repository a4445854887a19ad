"""The journal has no errors: neither the unit's own nor systemd's about it."""

import json
import time
from dataclasses import dataclass
from typing import Any

from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import NO_SERVICE
from debwright.checks.engine.session import LiveCheck, Session
from debwright.config import Service
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import CheckError
from debwright.model.fix import Command
from debwright.model.results import CheckResult, Evidence, Finding

_SHOWN = 8
_NAMES = ("emerg", "alert", "crit", "err")


@dataclass(frozen=True)
class Entry:
    """A message of priority err or worse (syslog(3))."""

    priority: int
    message: str
    source: str
    by_systemd: bool


class NoJournal(CheckError):
    """The system keeps none that can be read: that nothing is in it means nothing."""


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
    codes = CODES
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        service = session.context.config.service
        if service is None:
            return skipped(self.name, NO_SERVICE)
        started = time.monotonic()
        try:
            findings = journal_findings(session, service, self.name)
        except NoJournal as problem:
            return skipped(self.name, problem.what)
        return conclude(self.name, started, findings)


def journal_findings(session: Session, service: Service, name: str) -> list[Finding]:
    """One finding for each of the unit and systemd that has complained in this boot.

    Raises NoJournal.
    """
    entries = errors(session, service.unit)
    own = [e for e in entries if not e.by_systemd]
    about = [e for e in entries if e.by_systemd]
    found = []
    if own:
        found.append(
            CODES.under(name).found(
                f"{name}/errors",
                f"{service.unit} has logged {len(own)} error(s)",
                evidence=_evidence(own, service),
                fix="log at priority err only what someone must look at (sd-daemon(3)); "
                f"journalctl -p err -u {service.unit}",
            )
        )
    if about:
        found.append(
            CODES.under(name).found(
                f"{name}/systemd",
                f"systemd has logged {len(about)} error(s) about {service.unit}",
                evidence=_evidence(about, service),
                fix=Command("systemctl", "status", service.unit),
                emulated=session.system.emulated,
            )
        )
    return found


def errors(session: Session, unit: str) -> list[Entry]:
    """The unit's messages in the journal of this boot, and systemd's about it. Raises NoJournal."""
    found = parse(
        _journal(
            session, "--priority=err", "--output=json",
            "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_PID", f"--unit={unit}",
        )
    )  # fmt: skip
    # journalctl takes a journal that is not there for an empty one; a boot always says something.
    if not found and not _journal(session, "--lines=1", "--output=cat").strip():
        raise NoJournal("the system keeps no journal of this boot")
    return found


def _journal(session: Session, *options: str) -> str:
    done = session.system.run(
        ["journalctl", "--no-pager", "--quiet", "--boot", *options],
        check=False, timeout=session.patience(60),
    )  # fmt: skip
    if done.returncode != 0:
        said = " ".join(done.tail(1)) or f"status {done.returncode}"
        raise NoJournal(f"journalctl cannot read the journal: {said}")
    return done.output


def parse(text: str) -> list[Entry]:
    """journalctl's `--output=json`, a line for each message; others are passed over."""
    found = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if not isinstance(record, dict):
            continue
        priority = str(record.get("PRIORITY", ""))
        if priority.isdigit() and int(priority) < len(_NAMES):
            found.append(
                Entry(
                    int(priority),
                    _text(record.get("MESSAGE")),
                    str(record.get("SYSLOG_IDENTIFIER", "?")),
                    record.get("_PID") == "1",
                )
            )
    return found


def _text(message: Any) -> str:
    """A message that is not UTF-8 comes as a list of its bytes (systemd's JSON user record)."""
    if isinstance(message, list) and all(isinstance(b, int) and 0 <= b < 256 for b in message):
        return bytes(message).decode("utf-8", "replace")
    return message if isinstance(message, str) else "(no text)"


def _evidence(entries: list[Entry], service: Service) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            text=f"{_NAMES[e.priority]}: {e.source}: {e.message[:500]}",
            file=f"journal of {service.unit}",
        )
        for e in entries[:_SHOWN]
    )
