"""The packages' scripts with a unit in whatever state an administrator has left it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from debwright.checks.engine import health, packaged, units, version_change
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, MaintainerScriptError, Session
from debwright.checks.engine.units import Unit
from debwright.config import Service
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Evidence, Finding

_UNIT_FILES = "/etc/systemd/system"
_FAILING = """[Service]
ExecStartPre=
ExecStartPre=/bin/false
Restart=no
"""
# A unit that fails to start, and could: what made it fail is gone before a script runs.
_FAIL = """d=/run/systemd/system/$1.d; mkdir -p "$d"; cat >"$d/zz-debwright.conf"
systemctl disable --quiet --no-reload "$1"; systemctl daemon-reload; systemctl stop "$1"
systemctl start "$1" 2>/dev/null
rm -r "$d"; systemctl daemon-reload"""

CODES = Codes(
    {
        "states/maintainer-script": Code(
            ERROR, "A maintainer script fails when the unit has failed, is disabled or masked."
        ),
        "states/failed": Code(
            ERROR, "The packages cannot be installed or removed when the unit is in such a state."
        ),
        "states/not-kept": Code(
            ERROR, "An upgrade enables or unmasks a unit that the administrator has switched off."
        ),
    }
)


@dataclass(frozen=True)
class State:
    """A state of a unit, and what the packages' scripts are run for in it."""

    name: str
    decided: str
    """What the administrator has done, and an upgrade must keep."""
    enter: Callable[[Session, str], object]
    steps: Sequence[str]
    leave: Sequence[str]
    """What takes back the administrator's decision: a verb of systemctl, and its options."""
    kept: frozenset[str]
    """Values of UnitFileState (systemctl(1), is-enabled) that it must have afterwards."""


def _fail(session: Session, unit: str) -> None:
    session.system.run(
        ["sh", "-c", _FAIL, "sh", unit], stdin=_FAILING, check=False, timeout=session.patience(120)
    )


def _mask(session: Session, unit: str) -> None:
    session.systemctl("stop", unit, session.patience(90))
    session.systemctl("mask", unit, session.patience(60))


UPGRADE, REMOVE, INSTALL = "an upgrade", "removal", "installation after a removal"
STATES = (
    State(
        "failed and disabled",
        "disabled",
        _fail,
        (UPGRADE,),
        ("enable", "--no-reload"),
        frozenset({"disabled"}),
    ),
    State(
        "masked",
        "masked",
        _mask,
        (REMOVE, INSTALL),
        ("unmask",),
        frozenset({"masked", "masked-runtime"}),
    ),
)
"""Every kind of script in every state would be a dozen turns of dpkg. To a script a stopped unit is
what a failed one is, and what installs after a removal has the lines that an upgrade has."""


class StatesCheck(LiveCheck):
    """dpkg upgrades, removes and installs while the main unit has failed, is disabled or masked."""

    name = "states"
    codes = CODES
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started, service = time.monotonic(), health.service_of(session)
        findings: list[Finding] = []
        for state in STATES:
            session.context.activity(f"{service.unit} {state.name}")
            state.enter(session, service.unit)
            findings += _in_state(session, service, state)
            if session.lost:
                break
            session.system.run(
                ["systemctl", *state.leave, "--", service.unit],
                check=False, timeout=session.patience(90),
            )  # fmt: skip
            session.systemctl("restart", service.unit, session.patience(90))
        return conclude(self.name, started, findings, measurements={"states": float(len(STATES))})


def why_not(session: Session) -> str | None:
    """Why there is nothing to see, or nothing that could be changed."""
    if reason := health.why_not(session):
        return reason
    if session.system.emulated:
        return "scripts are the same on every architecture, and dpkg takes long under an emulator"
    if session.layer is None:
        return "the units of a machine that is somebody's are left as they are"
    return _unlike(session, health.service_of(session))


def _unlike(session: Session, service: Service) -> str | None:
    """Why the unit has not all the states, or not by its packages' doing."""
    unit = session.unit(service.unit)
    if service.scope == "user" or units.kind(service.unit) != "service" or "@" in service.unit:
        return f"{service.unit} is no service of the system's own"
    if theirs := packaged.others(session, service.unit):
        return f"{service.unit} belongs to {', '.join(sorted(theirs))}"
    if unit.get("FragmentPath", "").startswith(_UNIT_FILES):
        return f"{service.unit} lies where masking it needs its place"
    if unit.get("UnitFileState") != "enabled" or service.unit in session.by_hand:
        return f"{service.unit} is not enabled by the packages"
    return None


def _in_state(session: Session, service: Service, state: State) -> list[Finding]:
    # What comes and goes with the packages is not at hand to be installed again.
    steps = [s for s in state.steps if s == UPGRADE] if session.siblings else state.steps
    for step in steps or [UPGRADE]:
        try:
            _STEPS[step](session)
        except DebwrightError as problem:
            session.lost = (
                f"a script of the packages has failed while {service.unit} was {state.name}"
            )
            return [_failed(service, state, step, problem)]
        now = session.unit(service.unit)
        if step != REMOVE and now.get("UnitFileState") not in state.kept:
            return [_not_kept(service, state, step, now)]
    return []


def _install(session: Session) -> None:
    version_change.unpack_again(session, session.context.installable)


_STEPS: dict[str, Callable[[Session], object]] = {
    UPGRADE: _install,
    REMOVE: lambda session: session.remove(session.packages),
    INSTALL: _install,
}


def _failed(service: Service, state: State, step: str, problem: DebwrightError) -> Finding:
    code = "maintainer-script" if isinstance(problem, MaintainerScriptError) else "failed"
    return CODES.from_error(f"states/{code}", problem).model_copy(
        update={"message": f"{step} with {service.unit} {state.name}: {problem.what}"}
    )


def _not_kept(service: Service, state: State, step: str, now: Unit) -> Finding:
    return CODES.found(
        "states/not-kept",
        f"{service.unit} was {state.decided} by the administrator, and is not after {step}",
        evidence=(Evidence(text=f"UnitFileState={now.get('UnitFileState')}"),),
        fix="leave `systemctl enable` and `unmask` to deb-systemd-helper, which remembers what the "
        "administrator has decided: dh_installsystemd calls it so",
    )
