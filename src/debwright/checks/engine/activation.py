"""How a unit comes to be started: by the packages, by another unit, or by the administrator.

Not every unit runs once it is installed: Debian leaves it to a package whether its unit is enabled
and started (Debian policy 9.3.3, dh_installsystemd(1)), a timer's job waits for its time, and a
service behind a socket for a caller. What is left down on purpose is no fault, and is started here.
"""

import time

from debwright.checks.engine import probes, units
from debwright.checks.engine.session import Session
from debwright.checks.engine.trouble import crashed, last_words, shell_hint
from debwright.checks.engine.units import Unit, state_of
from debwright.config import Address, Probe, Service
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import Evidence, Finding

CODES = Codes(
    {
        "service/missing": Code(ERROR, "The unit does not exist once the package is installed."),
        "service/not-started": Code(ERROR, "Nothing in the packages starts or enables the unit."),
        "service/not-activated": Code(
            ERROR, "A service that waits for a caller does not start when it is called."
        ),
        "service/job-failed": Code(ERROR, "The job of a timer fails."),
    }
)
_TOO_LONG = 124
"""What timeout(1) returns when it had to end the command."""
_BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
# dpkg keeps a package's scripts as NAME.postinst, or NAME:ARCH.postinst.
_SPEAKS = """cd /var/lib/dpkg/info || exit 1
name=$1; script=$2; shift 2
for p; do grep -lF -e "$name" -e "$script" -- \\
  "$p".preinst "$p".postinst "$p":*.preinst "$p":*.postinst; done
true"""


def absent(session: Session, service: Service) -> Finding | None:
    """A finding when installation has brought no such unit, or forgets it.

    A unit that the packages leave to the administrator is started.
    """
    unit = session.unit(service.unit)
    if unit.get("LoadState") != "loaded":
        return CODES.found(
            "service/missing",
            f"{service.unit} does not exist once the package is installed",
            evidence=(Evidence(text=f"LoadState={unit.get('LoadState', '?')}"),),
            fix="name the unit the package installs under [service] unit, or ship one "
            "(dh_installsystemd(1))",
        )
    if unit.get("ActiveState") != "inactive" or units.is_well(unit) or units.has_run(unit):
        return None
    if units.is_oneshot(unit) and spoken_of(session, service.unit):
        # It may have run: systemd forgets a unit that has ended and that nothing refers to.
        if session.systemctl("start", service.unit, session.patience(90)).returncode == 0:
            session.finished.add(service.unit)
        return None
    if unit.get("UnitFileState") in {"disabled", "enabled", "generated"} and spoken_of(
        session, service.unit
    ):
        session.by_hand.add(service.unit)
        session.systemctl("start", service.unit, session.patience(90))
        return None
    return CODES.found(
        "service/not-started",
        f"installing the package does not start {service.unit}, and nothing in it says so",
        evidence=(
            Evidence(text=f"{state_of(unit)} UnitFileState={unit.get('UnitFileState', '?')}"),
            Evidence(text=f"no preinst or postinst of the packages mentions {service.unit}"),
        ),
        fix="let dh_installsystemd find the unit: debian/PACKAGE.NAME.service wants "
        "`dh_installsystemd --name=NAME`, and what a build puts elsewhere than "
        "lib/systemd/system is not seen (dh_installsystemd(1))",
    )


def spoken_of(session: Session, unit: str) -> bool:
    """Whether a script of the packages, as it runs at installation, knows the unit.

    What dh_installsystemd adds for `--no-enable` and `--no-start` names the unit, too: the package
    has decided about it. A SysV script, of which systemd makes a unit, is named to update-rc.d.
    """
    done = session.system.run(
        ["sh", "-c", _SPEAKS, "sh", unit, f"update-rc.d {unit.rpartition('.')[0]} ",
         *session.packages],
        check=False, timeout=session.patience(30),
    )  # fmt: skip
    return bool(done.output.strip())


def call(session: Session, service: Service) -> Finding | None:
    """Wake a service that waits for a caller, as a caller would: a finding when it does not start.

    Nothing is done for one with a probe, which is a call itself.
    """
    unit = session.unit(service.unit)
    worker = units.triggered(unit) or service.unit
    if service.asked is not None or session.unit(worker).get("ActiveState") != "inactive":
        return None
    sockets = [n for n in (service.unit, *unit.get("TriggeredBy", "").split()) if _is_socket(n)]
    if sockets:
        said = _connect(session, service, sockets[0])
    elif unit.get("Type") == "dbus" and unit.get("BusName"):
        said = _call_on_the_bus(session, unit["BusName"])
    else:
        return None
    limit = time.monotonic() + session.patience(service.start_seconds)
    while said is None and time.monotonic() < limit:
        now = session.unit(worker)
        if found := crashed(session, worker, now):
            return found
        if units.has_run(now) and now.get("ActiveState") != "activating":
            return None
        time.sleep(0.1)
    return CODES.found(
        "service/not-activated",
        f"{worker} does not start when it is called",
        evidence=(
            Evidence(text=said or f"called, and then: {state_of(session.unit(worker))}"),
            *last_words(session, worker),
        ),
        fix=shell_hint(session, f"systemctl status {' '.join(sockets or [worker])}"),
    )


def _is_socket(name: str) -> bool:
    return units.kind(name) == "socket"


def _connect(session: Session, service: Service, socket: str) -> str | None:
    """Connect to where a socket unit listens; why that cannot be done."""
    if (url := listening_at(session.unit(socket).get("Listen", ""))) is None:
        session.systemctl("start", service.unit, session.patience(90))
        return None
    caller = service.model_copy(update={"probe": Probe(url=url)})
    answer = probes.ask(session, caller, session.patience(5))
    return None if answer.ok else f"{url}: {answer.describe()}"


def listening_at(listen: str) -> str | None:
    """The URL of a socket unit's Listen property, as `[::]:80 (Stream)`; None for another kind."""
    address, _, kind = listen.rpartition(" ")
    host, _, port = address.rpartition(":")
    here = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104 - a name
    url = f"unix://{address}" if address.startswith("/") else f"tcp://{here.get(host, host)}:{port}"
    try:
        Address.parse(url)
    except ValueError:
        return None
    return url if kind == "(Stream)" else None


def _call_on_the_bus(session: Session, name: str) -> str | None:
    """Ask the bus to start the service that owns the name; why it refuses."""
    done = session.system.run(
        ["busctl", "call", *_BUS, "StartServiceByName", "su", name, "0"],
        merge=True, check=False, timeout=session.patience(60),
    )  # fmt: skip
    return None if done.returncode == 0 else f"{name}: {' '.join(done.tail(1))}"


def job_of(unit: Unit) -> str | None:
    """The service that is a timer's job; None for other units."""
    if units.kind(unit.get("Id", "")) == "timer":
        return units.triggered(unit)
    started_by = unit.get("TriggeredBy", "").split()
    waits = any(units.kind(name) == "timer" for name in started_by)
    return unit.get("Id") if waits and not units.has_run(unit) else None


def run_job(session: Session, job: str, seconds: float) -> tuple[Finding | None, str]:
    """Start a timer's job now, as its time would: a finding when it fails, and what was seen.

    It has `seconds` to end; one that is no oneshot service has to start only.
    """
    session.forgive_starts(job)
    limit = session.patience(seconds)
    done = session.system.run(
        ["timeout", f"{limit:g}", *session.manager(job), "start", "--", job],
        merge=True, check=False, timeout=limit + 60,
    )  # fmt: skip
    unit = session.unit(job)
    if done.returncode == 0 and unit.get("ActiveState") != "failed":
        looked = unit.get("ConditionTimestampMonotonic", "0") != "0"
        if looked and unit.get("ConditionResult") == "no":
            return None, f"{job} was not run: a condition of its own is not met on this system"
        session.finished.add(job)
        return None, f"{job} was run once"
    what = f"did not end within {limit:g} s" if done.returncode == _TOO_LONG else "failed"
    if done.returncode == _TOO_LONG:
        session.systemctl("stop", job, session.patience(90))
    return CODES.found(
        "service/job-failed",
        f"{job}, which a timer starts, {what} when it was run",
        evidence=(Evidence(text=state_of(unit)), *last_words(session, job)),
        fix=shell_hint(session, f"systemctl start {job}; systemctl status {job}"),
    ), ""
