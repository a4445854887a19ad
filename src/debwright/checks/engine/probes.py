"""Asking a service whether it is well: over the network, by a command, its state or its journal.

A question is asked once, or, over the network, until it is answered as it should be; `health` is
what waits. Every system can be asked: over the network by a script of this machine (probe.py),
everything else by a command inside.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.checks.engine.session import Session
from debwright.config import Address, Probe, Service
from debwright.model.errors import CheckError, ConfigError, Evidence

if TYPE_CHECKING:
    # A script, whose imports this process has no use for.
    from debwright.checks.engine.probe import Question

SCRIPT = Path(__file__).with_name("probe.py")
COMMAND_SECONDS = 30.0
"""What one attempt of a command may take; the service itself may take longer to come up."""
_TOO_LONG = 124
"""What timeout(1) returns when it had to end the command."""
_NOTIFYING = frozenset({"notify", "notify-reload"})
_LOGGED = (
    'journalctl --quiet --no-pager --boot --output=cat "_SYSTEMD_INVOCATION_ID=$1" '
    '| grep -E -m 1 -e "$2"'
)


class ProbeError(CheckError):
    """The service could not even be asked: a fault of this machine, not of the service."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was said at last; times in seconds."""

    ok: bool
    status: int | None
    body: str
    error: str | None
    attempts: int
    seconds: float
    latency: float
    location: str | None = None
    """Where a redirection leads."""

    def describe(self) -> str:
        if self.error:
            return self.error
        if self.status is None:
            return f"it said {self.body[:200]!r}"
        led = f", which leads to {self.location[:200]!r}" if self.location else ""
        return f"status {self.status}{led}, body {self.body[:200]!r}"


def ask(session: Session, service: Service, seconds: float) -> Answer:
    """Ask a service with a probe; over the network until it is as expected, or `seconds` are over.

    Raises ProbeError when asking itself fails twice, and ConfigError for credentials that cannot
    be read.
    """
    probe = service.asked
    assert probe is not None
    if probe.url is not None:
        question = _question(session, probe, probe.url, seconds)
        try:
            return _ask(session, question)
        except ProbeError:
            return _ask(session, question)
    started = time.monotonic()
    if probe.command is not None:
        error, said = _command(session, probe, probe.command)
    elif probe.journal is not None:
        error, said = _journal(session, service.unit, probe.journal)
    else:
        error, said = _notified(session, service.unit)
    if error is None and probe.expect and probe.expect not in said:
        error = f"{probe.expect!r} is not in {said[-200:]!r}"
    taken = time.monotonic() - started
    return Answer(
        ok=error is None, status=None, body=said, error=error, attempts=1, seconds=taken,
        latency=taken,
    )  # fmt: skip


def request(session: Session, url: str, method: str, body: str | None, seconds: float) -> Answer:
    """Ask an HTTP URL once, whatever the answer. Raises ProbeError when asking itself fails."""
    return _ask(session, _once(url, method, body, seconds))


def page(session: Session, url: str, seconds: float, asked: Probe) -> Answer:
    """Get a page once, with the credentials of the service's own probe. Raises ProbeError."""
    question = _once(url, "GET", None, seconds)
    question["authorization"] = _credentials(session, asked)
    return _ask(session, question)


def _once(url: str, method: str, body: str | None, seconds: float) -> "Question":
    question: Question = {
        "url": url, "seconds": seconds, "method": method, "body": body, "status": None,
        "contains": "", "send": None, "authorization": None,
    }  # fmt: skip
    return question


def is_over_the_network(service: Service) -> bool:
    """Whether it is asked by a URL, so that asking takes the time of an answer."""
    return service.asked is not None and service.asked.url is not None


def proves_an_answer(service: Service) -> bool:
    """Whether its probe can succeed only by its process: systemd itself holds a bare connection."""
    probe = service.asked
    return (
        probe is not None
        and probe.url is not None
        and (Address.parse(probe.url).http or bool(probe.expect))
    )


def _question(session: Session, probe: Probe, url: str, seconds: float) -> "Question":
    address = Address.parse(url)
    return {
        "url": url, "seconds": seconds, "method": "GET", "body": None,
        "status": probe.status if address.http else 0, "contains": probe.expect or "",
        "send": probe.send, "authorization": _credentials(session, probe),
    }  # fmt: skip


def _ask(session: Session, question: "Question") -> Answer:
    # By its standard input: arguments are for everybody to see, and in what errors quote.
    done = session.system.run_outside(
        SCRIPT, [], timeout=question["seconds"] + 60, stdin=json.dumps(question)
    )
    try:
        return Answer(**json.loads(done.output))
    except (ValueError, TypeError) as problem:
        raise ProbeError(
            f"{question['url']} could not be asked",
            evidence=[Evidence(text=line) for line in done.tail(4)],
        ) from problem


def _credentials(session: Session, probe: Probe) -> str | None:
    """USER:PASSWORD, which no message shows. Raises ConfigError."""
    if probe.credentials is None:
        return None
    if probe.credentials.startswith("/"):
        done = session.system.run(
            ["head", "--bytes=4096", "--", probe.credentials], check=False, timeout=60
        )
        # A file that the service writes at its first start may not be there yet.
        return done.output.split("\n", 1)[0] if done.returncode == 0 else None
    path = session.context.project / probe.credentials
    try:
        with path.open(encoding="utf-8") as file:
            text = file.readline(4096).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the credentials of {probe.url} cannot be read",
            evidence=[Evidence(text=type(error).__name__, file=str(path))],
            cause="[service.probe] credentials names a file next to debwright.toml",
            fix=f"write a line USER:PASSWORD to {path}",
        ) from None
    if ":" not in text:
        raise ConfigError(
            f"the credentials of {probe.url} are no line USER:PASSWORD",
            evidence=[Evidence(text="its first line has no colon", file=str(path))],
            fix=f"write a line USER:PASSWORD to {path}",
        )
    return text


def _command(session: Session, probe: Probe, command: str) -> tuple[str | None, str]:
    limit = session.patience(COMMAND_SECONDS)
    as_user = ["runuser", "-u", probe.user, "--"] if probe.user else []
    done = session.system.run(
        ["timeout", "--kill-after=5", f"{limit:g}", *as_user, "sh", "-c", command],
        merge=True, check=False, timeout=limit + 60,
    )  # fmt: skip
    if done.returncode == 0:
        return None, done.output
    said = "; ".join(line.strip()[:200] for line in done.tail(2)) or "it said nothing"
    if done.returncode == _TOO_LONG:
        return f"it did not end within {limit:g} s: {said}", done.output
    return f"it ended with status {done.returncode}: {said}", done.output


def _notified(session: Session, name: str) -> tuple[str | None, str]:
    unit = session.unit(name)
    said = unit.get("StatusText", "")
    if unit.get("Type") not in _NOTIFYING:
        return f"Type={unit.get('Type') or '?'}: such a unit never says READY=1", said
    if unit.get("ActiveState") in {"active", "reloading"}:
        return None, said
    more = f", status text {said!r}" if said else ""
    return f"no READY=1 yet: ActiveState={unit.get('ActiveState', '?')}{more}", said


def _journal(session: Session, name: str, pattern: str) -> tuple[str | None, str]:
    invocation = session.unit(name).get("InvocationID")
    if not invocation:
        return "the unit has not been started", ""
    done = session.system.run(
        ["sh", "-c", _LOGGED, "sh", invocation, pattern],
        check=False, timeout=session.patience(60),
    )  # fmt: skip
    if done.returncode == 0:
        return None, done.output
    if done.returncode == 1:
        return "no such line in its journal since its start", ""
    return " ".join(done.tail(1)) or f"grep ended with status {done.returncode}", ""
