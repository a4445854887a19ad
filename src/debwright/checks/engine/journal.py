"""The journal of this boot: a unit's messages of priority err and worse, and systemd's about it."""

import json
from dataclasses import dataclass
from typing import Any

from debwright.checks.engine.secret_patterns import masked
from debwright.checks.engine.session import Session
from debwright.model.errors import CheckError
from debwright.model.results import Evidence

NAMES = ("emerg", "alert", "crit", "err")
"""Of priorities, from 0 on (syslog(3))."""

SHOWN = 8


@dataclass(frozen=True)
class Entry:
    """A message of priority err or worse (syslog(3))."""

    priority: int
    message: str
    source: str
    by_systemd: bool

    def __str__(self) -> str:
        return f"{NAMES[self.priority]}: {self.source}: {self.message[:500]}"


def evidence(entries: list[Entry], unit: str) -> tuple[Evidence, ...]:
    """The first of the messages."""
    return tuple(Evidence(text=masked(str(e)), file=f"journal of {unit}") for e in entries[:SHOWN])


class NoJournal(CheckError):
    """The system keeps none that can be read: that nothing is in it means nothing."""


def errors(session: Session, unit: str) -> list[Entry]:
    """The unit's messages in the journal of this boot, and systemd's about it. Raises NoJournal."""
    found = _errors(session, *session.logged_by(unit))
    # journalctl takes a journal that is not there for an empty one; a boot always says something.
    if not found and not _journal(session, "--lines=1", "--output=cat").strip():
        raise NoJournal("the system keeps no journal of this boot")
    return found


def errors_since_start(session: Session, invocation: str) -> list[Entry]:
    """What the processes of one start of a unit have logged (systemd.exec(5), $INVOCATION_ID).

    Raises NoJournal where there is none that can be read.
    """
    return _errors(session, f"_SYSTEMD_INVOCATION_ID={invocation}")


def _errors(session: Session, *of: str) -> list[Entry]:
    return parse(
        _journal(
            session, "--priority=err", "--output=json",
            "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_PID", *of,
        )
    )  # fmt: skip


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
        if priority.isdigit() and int(priority) < len(NAMES):
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
