"""The packages' scripts with a unit that has failed, and that an administrator has switched off."""

import time

from debwright.checks.engine import health, packaged, units, version_change
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, MaintainerScriptError, Session
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
_SWITCH_OFF = """d=/run/systemd/system/$1.d; mkdir -p "$d"; cat >"$d/zz-debwright.conf"
systemctl disable --quiet --no-reload "$1"; systemctl daemon-reload; systemctl stop "$1"
systemctl start "$1" 2>/dev/null; rm -r "$d"; systemctl mask --quiet "$1" """
_STATE = "failed, disabled and masked"

CODES = Codes(
    {
        "states/maintainer-script": Code(
            ERROR, "A maintainer script fails when the unit has failed, is disabled and masked."
        ),
        "states/failed": Code(
            ERROR,
            "The packages cannot be upgraded when the unit has failed, is disabled and masked.",
        ),
        "states/not-kept": Code(
            ERROR, "An upgrade enables or unmasks a unit that the administrator has switched off."
        ),
    }
)


class StatesCheck(LiveCheck):
    """dpkg upgrades the packages while the main unit has failed, is disabled and masked."""

    name = "states"
    codes = CODES
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started, unit = time.monotonic(), health.service_of(session).unit
        session.context.activity(f"{unit} {_STATE}")
        session.system.run(
            ["sh", "-c", _SWITCH_OFF, "sh", unit],
            stdin=_FAILING, check=False, timeout=session.patience(180),
        )  # fmt: skip
        try:
            version_change.unpack_again(session, session.context.installable)
        except DebwrightError as problem:
            session.lost = f"a script of the packages has failed while {unit} was {_STATE}"
            return conclude(self.name, started, [_failed(unit, problem)])
        findings = _not_kept(session, unit, "masked")
        session.systemctl("unmask", unit, session.patience(90))
        findings += _not_kept(session, unit, "disabled")
        session.system.run(
            ["systemctl", "enable", "--quiet", "--no-reload", "--", unit],
            check=False, timeout=session.patience(90),
        )  # fmt: skip
        session.systemctl("restart", unit, session.patience(90))
        return conclude(self.name, started, findings)


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


def _failed(unit: str, problem: DebwrightError) -> Finding:
    code = "maintainer-script" if isinstance(problem, MaintainerScriptError) else "failed"
    return CODES.from_error(f"states/{code}", problem).model_copy(
        update={"message": f"an upgrade while {unit} was {_STATE}: {problem.what}"}
    )


def _not_kept(session: Session, unit: str, state: str) -> list[Finding]:
    """A finding when the unit is no longer what the administrator has made it."""
    now = session.unit(unit).get("UnitFileState", "")
    if now.startswith(state):
        return []
    return [
        CODES.found(
            "states/not-kept",
            f"{unit} was {state} by the administrator, and is not after an upgrade",
            evidence=(Evidence(text=f"UnitFileState={now}"),),
            fix="leave `systemctl enable` and `unmask` to deb-systemd-helper, which remembers what "
            "the administrator has decided: dh_installsystemd calls it so",
        )
    ]
