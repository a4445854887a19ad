"""What is said of a service that is not well: findings, each with its state and its last words."""

import re
from collections.abc import Sequence

from debwright.checks.engine import journal, units
from debwright.checks.engine.probes import Answer
from debwright.checks.engine.session import Session
from debwright.checks.engine.units import Unit, restarts, state_of
from debwright.config import Service
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.fix import Command
from debwright.model.results import Evidence, Finding

CODES = Codes(
    {
        "service/unhealthy": Code(ERROR, "The service did not become healthy in time."),
        "service/crashed": Code(
            ERROR, "The service crashed, whether or not systemd started it again."
        ),
        "service/not-set-up": Code(
            ERROR, "systemd cannot set up what the service needs, as a file of its environment."
        ),
        "service/ended": Code(ERROR, "The service has ended, though without a failure."),
        "service/logged-errors": Code(
            ERROR, "A service that only its log can tell of has logged errors since its start."
        ),
    }
)
"""What waiting for the service finds. A check that waits declares it as `CODES.under(name)`."""
SLOW = Codes({"service/slow-start": Code(WARNING, "The service is slow to start.")})

# The line that says why, among those that only say that: of Python, Go, Rust, Node, Java, Perl, the
# dynamic loader, a shell and systemd itself.
_TELLING = re.compile(
    r"^\s*(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Exit|Interrupt)(?:: .|$)"
    r"|^(?:panic|fatal|fatal error|thread '.*' panicked|Exception in thread)\b"
    r"|: error while loading shared libraries: |: (?:command )?not found$"
    r"|: Failed (?:at step \w+ |to (?:execute|locate|load|set up|create|open|spawn) )"
    r"| line \d+\.$"
)

_NEEDED_FILE = re.compile(r"EnvironmentFiles=(/.+) \(ignore_errors=no\)")


def last_words(session: Session, unit: str) -> tuple[Evidence, ...]:
    """The end of the unit's journal, the line first that says why it died, where there is one."""
    said = session.journal(unit)
    why = telling([e.text for e in session.journal(unit, lines=60)]) if said else None
    if why is None:
        return said
    first = Evidence(text=why, file=f"journal of {unit}")
    return (first, *(e for e in said if e.text != why))


def telling(lines: Sequence[str]) -> str | None:
    """The last of the lines that says why a program died."""
    return next((line.strip() for line in reversed(lines) if _TELLING.search(line)), None)


def unhealthy(
    session: Session,
    service: Service,
    unit: Unit,
    said: str,
    *,
    limit: float,
    heard: Answer | None = None,
) -> Finding:
    """A finding that it did not become healthy in `limit` seconds; `said` is its last answer.

    `heard` is that answer as it came, where it has a probe.
    """
    asked = service.asked.said if service.asked else service.unit
    return CODES.found(
        "service/unhealthy",
        f"{service.unit} did not become healthy within {limit:.0f} s"
        + (f": {asked}" if service.asked else ""),
        evidence=(
            Evidence(text=f"{asked}: {said}"),
            Evidence(text=state_of(unit)),
            *last_words(session, service.unit),
        ),
        fix=_how_to_say_it(service, unit)
        or _how_to_ask(service, heard)
        or shell_hint(session, f"journalctl -u {service.unit}"),
    )


def _how_to_say_it(service: Service, unit: Unit) -> str | None:
    """What to do about a unit that has yet to notify; it is no matter of its health then."""
    if unit.get("ActiveState") != "activating" or not str(unit.get("Type")).startswith("notify"):
        return None
    return (
        f"{service.unit} has Type={unit.get('Type')}, and has not said READY=1 (sd_notify(3)): let "
        "it do so once it answers, or use Type=exec"
    )


def _how_to_ask(service: Service, heard: Answer | None) -> str | None:
    """What to do about an answer of HTTP that is another than the one that is expected."""
    probe = service.asked
    if probe is None or heard is None or heard.error or heard.status in {None, probe.status}:
        return None
    key = "status" if service.probe is not None else "expect_status"
    expect = f"{key} = {heard.status} in [service] where that answer is the right one"
    if heard.status == 401 and probe.credentials is None:
        return f"credentials in [service.probe], which names a file with USER:PASSWORD; or {expect}"
    if heard.location:
        return f"ask a page that answers by itself, and leads nowhere else; or {expect}"
    return f"ask the page by which the service says that it is well; or {expect}"


def crashed(session: Session, name: str, unit: Unit, restarts_before: int = 0) -> Finding | None:
    """A finding once the unit has failed, or systemd has had to start it again."""
    again = restarts(unit) - restarts_before
    if unit.get("ActiveState") != "failed" and again <= 0:
        return None
    if unit.get("Result") == "resources":
        return _not_started(session, name, unit)
    how = _ending(unit)
    if again > 0:
        # Restart=always starts again what has ended well, too.
        word = "ended" if how == "status 0" else "crashed"
        what = f"{name} {word} ({how}) and was restarted {again} time(s) by systemd"
    else:
        more = f", {how}" if "ExecMainStatus" in unit else ""
        what = f"{name} crashed ({unit.get('Result', '?')}{more})"
    said = last_words(session, name)
    state = Evidence(text=state_of(unit))
    # A person sees the first line where there is room for one only.
    told = bool(said) and telling([said[0].text]) is not None
    return CODES.found(
        "service/crashed",
        what,
        evidence=(said[0], state, *said[1:]) if told else (state, *said),
        fix=shell_hint(session, f"systemctl status {name}"),
    )


def _ending(unit: Unit) -> str:
    """How its process has ended, by the codes of waitid(2): it has exited, or was killed."""
    status = unit.get("ExecMainStatus", "?")
    killed = unit.get("ExecMainCode") in {"2", "3"}
    return f"signal {status}" if killed else f"status {status}"


def _not_started(session: Session, name: str, unit: Unit) -> Finding:
    """A finding on a unit whose program systemd could not come to start (Result=resources)."""
    said = last_words(session, name)
    absent = _absent_files(session, name)
    text = f": {absent[0]} is not there" if absent else ""
    return CODES.found(
        "service/not-set-up",
        f"systemd could not set up what {name} needs, so its program was not started{text}",
        evidence=(
            *(Evidence(text=f"EnvironmentFile={path}: no such file") for path in absent),
            *said[:1],
            Evidence(text=state_of(unit)),
            *said[1:],
        ),
        fix=f"ship {absent[0]}, or write EnvironmentFile=-{absent[0]} where it may be missing"
        if absent
        else shell_hint(session, f"systemctl status {name}"),
    )


def _absent_files(session: Session, name: str) -> list[str]:
    """Files of EnvironmentFile= that the unit cannot do without, and that are not there."""
    done = session.system.run(
        [*session.manager(name), "show", "--property=EnvironmentFiles", "--", name], check=False
    )
    wanted = [m[1] for line in done.output.splitlines() if (m := _NEEDED_FILE.fullmatch(line))]
    return [
        path
        for path in wanted
        if session.system.run(["test", "-e", path], check=False).returncode != 0
    ]


def ended(session: Session, name: str, unit: Unit) -> Finding | None:
    """A finding once a service that should run has ended by itself, with success."""
    if unit.get("ActiveState") != "inactive" or not units.has_run(unit) or units.is_well(unit):
        return None
    return CODES.found(
        "service/ended",
        f"{name} was started and has ended (status {unit.get('ExecMainStatus', '?')})",
        evidence=(Evidence(text=state_of(unit)), *last_words(session, name)),
        fix="look for what lets it end: a setting that disables it (/etc/default), or a process "
        "that goes to the background without Type=forking; a job that is meant to end has "
        f"Type=oneshot; {shell_hint(session, f'systemctl status {name}')}",
    )


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
        "ask the service itself: [service] health_url, or probe",
    )


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
        evidence=(*(Evidence(text=line) for line in said), *last_words(session, service.unit)),
        fix=shell_hint(session, f"systemctl {verb} {service.unit}"),
    )


def shell_hint(session: Session, command: str) -> Command:
    return session.context.shell(command)
