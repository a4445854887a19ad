"""Every unit of the packages, listed in debwright.toml or not, and what of the system has failed.

A package that starts a second service has promised that it runs, whoever has listed it.
"""

from collections.abc import Sequence

from debwright.checks.engine import activation, packaged, units
from debwright.checks.engine.session import Session
from debwright.checks.engine.trouble import crashed, shell_hint
from debwright.checks.engine.units import Unit, state_of
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding

DEAD = Codes(
    {
        "units/unit-failed": Code(ERROR, "A unit of the packages has failed."),
        "units/unit-restarting": Code(ERROR, "A unit of the packages crashes over and over again."),
    }
)
"""A check that looks at the units once more declares it as `DEAD.under(name)`."""
CODES = Codes(
    {
        "units/system-failed": Code(
            ERROR,
            "A unit of the system has failed since the packages came; on a machine that is "
            "somebody's a warning.",
            or_else=(WARNING,),
        ),
    }
)
JOBS = Codes(
    {
        "units/job-failed": Code(
            ERROR,
            "What a timer of the packages starts fails; a warning when the job wants the network, "
            "which the system may not have.",
            or_else=(WARNING,),
        )
    }
)
JOB_SECONDS = 30.0
"""What a job that nobody has listed may take, before it is left alone."""
_ONLINE = "network-online.target"


def names(session: Session) -> list[str]:
    """The units that the packages ship, and the listed ones that no other package ships."""
    if session.system.without_init:
        return []
    shipped = packaged.units_of(packaged.shipped(session))
    found = dict.fromkeys(
        s.unit for s in session.services
        if s.scope == "system" and (s.unit in shipped or not packaged.others(session, s.unit))
    )  # fmt: skip
    for name in shipped:
        found |= dict.fromkeys(_instances(session, name) if "@." in name else [name])
    return list(found)


def _instances(session: Session, template: str) -> list[str]:
    """The instances of a template that systemd has loaded."""
    pattern = template.replace("@.", "@*.")
    done = session.system.run(
        ["systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", "--", pattern],
        check=False, timeout=session.patience(60),
    )  # fmt: skip
    return [line.split()[0] for line in done.output.splitlines() if line.split()]


def states(session: Session) -> dict[str, Unit]:
    """The units that there are, by name; what is masked or has never been made is no unit."""
    found = session.units(names(session))
    return {name: unit for name, unit in found.items() if unit.get("LoadState") == "loaded"}


def dead(
    session: Session, check: str, when: str = "", now: dict[str, Unit] | None = None
) -> list[Finding]:
    """A finding for each unit that is not listed and has failed, or goes on being restarted.

    What an earlier check of the session has reported is not reported again.
    """
    now = states(session) if now is None else now
    listed = {s.unit for s in session.services}
    listed |= {behind for s in listed if (behind := units.triggered(now.get(s, {})))}
    found = []
    for name, unit in now.items():
        if name in listed or name in session.units_reported:
            continue
        if (problem := crashed(session, name, unit)) is None:
            continue
        session.units_reported.add(name)
        code = "unit-failed" if unit.get("ActiveState") == "failed" else "unit-restarting"
        found.append(
            problem.model_copy(
                update={
                    "code": f"{check}/{code}",
                    "message": f"{when}{problem.message}: the packages install it, and nobody "
                    "has listed it in debwright.toml",
                }
            )
        )
    return found


def failed_since(session: Session, known: Sequence[str], check: str) -> list[Finding]:
    """A finding for each unit of others that has failed since the packages came."""
    found = []
    said = session.failed_before | session.units_reported | {*known}
    for name in sorted(session.failed_units() - said):
        session.units_reported.add(name)
        found.append(
            CODES.under(check).found(
                f"{check}/system-failed",
                f"{name} has failed since the packages are installed",
                evidence=(Evidence(text=state_of(session.unit(name))), *session.journal(name)),
                fix=shell_hint(session, f"systemctl status {name}"),
                severity=WARNING if session.layer is None else None,
            )
        )
    return found


def jobs(session: Session, now: dict[str, Unit]) -> tuple[list[Finding], list[str]]:
    """Run the job of each enabled timer that is not listed, once: findings, and what was seen."""
    if session.layer is None:
        return [], []  # on a machine that is somebody's, a job may do what is not to be undone
    listed = {s.unit for s in session.services}
    findings: list[Finding] = []
    notes: list[str] = []
    for name, unit in now.items():
        job = units.triggered(unit) if units.kind(name) == "timer" else None
        if job is None or unit.get("ActiveState") != "active" or {name, job} & listed:
            continue
        problem, said = activation.run_job(session, job, JOB_SECONDS)
        notes += [said] if said else []
        if problem is None:
            continue
        if "did not end" in problem.message:
            notes.append(f"{job} was stopped: it had not ended within {JOB_SECONDS:g} s")
            continue
        session.units_reported.add(job)
        online = _ONLINE in session.unit(job).get("Wants", "").split()
        findings.append(
            problem.model_copy(
                update={"code": "units/job-failed", "severity": WARNING if online else ERROR}
            )
        )
    return findings, notes
