"""From the previous release to this one: data, configuration and service are kept."""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from debwright.checks.engine import edits, scripted, version_change
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import wait_healthy
from debwright.checks.engine.memory import settled
from debwright.checks.engine.session import LiveCheck, MaintainerScriptError, Session
from debwright.checks.live.benchmarks import Benchmarks
from debwright.checks.live.restart import restart
from debwright.config import Service
from debwright.host.process import Completed
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.roots import apt
from debwright.systems.runtime import previous_dependencies

_PROMPT = re.compile(r"^Configuration file '(?P<path>[^']+)'")


@dataclass
class _Before:
    """What was put into the system while the previous release ran."""

    markers: dict[str, str] = field(default_factory=dict)
    """Path of a file in a directory of the service's data, to its content."""
    edited: dict[str, str] = field(default_factory=dict)
    scripted: list[str] = field(default_factory=list)
    """Files that scripts made, with a line of the administrator's."""
    main_pids: dict[str, str] = field(default_factory=dict)


CODES = Codes(
    {
        "upgrade/maintainer-script": Code(
            ERROR, "A maintainer script fails when the package replaces the previous release."
        ),
        "upgrade/failed": Code(ERROR, "The previous release cannot be upgraded."),
        "upgrade/conffile-prompt": Code(
            ERROR, "The upgrade asks about a conffile that nobody has edited."
        ),
        "upgrade/prepare-failed": Code(
            ERROR, "A command of `[upgrade] prepare` fails on the previous release."
        ),
        "upgrade/verify-failed": Code(
            ERROR, "A command of `[upgrade] verify` fails after the upgrade."
        ),
    }
)


class UpgradeCheck(LiveCheck):
    """Installs the previous release, gives it data, and upgrades. Needs a purged system."""

    name = "upgrade"
    codes = (
        CODES | edits.CODES | scripted.CODES | version_change.CODES | version_change.NOT_RESTARTED
    )
    settings = ("service", "upgrade", Benchmarks)
    clean_system = True

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        measurements: dict[str, float] = {}
        if reason := _begin(session, measurements):
            return skipped(self.name, reason)
        before, unprepared = _prepare(session)
        if unprepared is not None:
            return conclude(self.name, started, [unprepared])
        begun = time.monotonic()
        session.context.activity("upgrade")
        try:
            done = new_release(session, "upgrading from the previous release")
        except DebwrightError as problem:
            script = isinstance(problem, MaintainerScriptError)
            code = "upgrade/maintainer-script" if script else "upgrade/failed"
            return conclude(self.name, started, [CODES.from_error(code, problem)])
        measurements["upgrade_seconds"] = time.monotonic() - begun
        session.upgraded, session.markers = True, before.markers
        findings = [_prompted(p) for p in prompts(done.output) if p not in before.edited]
        findings += edits.lost_edits(session, before.edited, self.name, "the upgrade")
        findings += scripted.lost(session, before.scripted)
        findings += version_change.services_after(
            session, before.main_pids, self.name, "the upgrade"
        )
        # As soon after its start as the previous release was looked at, and with the same data.
        service = session.context.config.main_service
        if service is not None and (used := settled(session, service.unit)) is not None:
            measurements["memory_bytes"] = float(used)
        findings += version_change.lost_data(session, before.markers, self.name, "the upgrade")
        findings += _verify(session)
        old = [f"{d.package} {d.version}" for d in session.context.previous.debs]
        notes = [f"upgraded from {', '.join(old)}"]
        return conclude(self.name, started, findings, measurements=measurements, notes=notes)


def _begin(session: Session, measurements: dict[str, float]) -> str | None:
    """Bring the system to the previous release, healthy; why that cannot be done."""
    previous = session.context.previous
    if not previous.debs:
        return previous.reason
    if not session.gone:
        return "the packages could not be purged from the system before"
    try:
        install_previous(session)
    except DebwrightError as problem:
        return f"the previous release cannot be installed here: {problem.what}"
    service = session.context.config.main_service
    if service is not None and (why := _measure(session, service, measurements)):
        return f"the previous release is not healthy here: {why}"
    return None


def install_previous(session: Session) -> None:
    """The previous release, with what it needs and the new one does not."""
    context = session.context
    old = context.previous.debs
    names = {d.package for d in old}
    if {d.package: d.relations for d in old} == {
        d.package: d.relations for d in context.installable if d.package in names
    }:
        version_change.install_files(session, old)
        return
    if session.layer is None:
        # A machine with archives of its own: its apt fetches what else is needed.
        version_change.install_files(session, old)
        return
    with session.layer.in_use(), context.cache.scratch("previous") as scratch:
        layer = session.layer
        more = apt.retry(
            lambda: previous_dependencies(
                context.roots, context.target, layer, old,
                scratch=Path(mkdtemp(dir=scratch)), sink=context.log,
            ),
            note=context.log,
        )  # fmt: skip
        version_change.install_files(session, old, also=more)


def new_release(session: Session, what: str) -> Completed:
    """Let apt replace what is there by the packages under test, from the local repository."""
    wanted = [f"{d.package}={d.version}" for d in session.context.installable]
    return session.apt(["install", *wanted], what)


def _measure(session: Session, service: Service, measurements: dict[str, float]) -> str | None:
    """Start-up time and memory of the previous release; why it is not healthy, if it is not.

    Under an emulator there is no start-up time worth a start: see the check `benchmarks`.
    """
    waited = wait_healthy(session, service)
    if waited.problem is not None:
        return waited.problem.message
    if not session.system.emulated or session.context.config.section(Benchmarks).emulated:
        waited = restart(session, service)
        if waited.problem is not None:
            return waited.problem.message
        measurements["previous_restart_seconds"] = waited.seconds
    if (used := settled(session, service.unit)) is not None:
        measurements["previous_memory_bytes"] = float(used)
    return None


def _prepare(session: Session) -> tuple[_Before, Finding | None]:
    """Data, markers and edited conffiles; a finding when a `prepare` command fails."""
    before = _Before()
    for command in session.context.config.upgrade.prepare:
        done = session.smoke(command)
        if done.returncode != 0:
            return before, CODES.found(
                "upgrade/prepare-failed",
                f"`{command}` ended with status {done.returncode} on the previous release",
                evidence=tuple(Evidence(text=line) for line in done.tail(6)),
                fix="correct [upgrade] prepare in debwright.toml",
            )
    known = edits.conffiles(session, [d.package for d in session.context.previous.debs])
    before.edited = edits.edit(session, [c.path for c in known]) if known else {}
    before.scripted = scripted.edit(session, before.edited)
    if session.services:
        before.main_pids = version_change.main_pids(session)
        before.markers = version_change.mark_data(session)
    return before, None


def prompts(output: str) -> list[str]:
    """Conffiles about which dpkg would have asked; what it would answer does not matter."""
    return [m["path"] for line in output.splitlines() if (m := _PROMPT.match(line.strip()))]


def _prompted(path: str) -> Finding:
    return CODES.found(
        "upgrade/conffile-prompt",
        f"the upgrade asks the user about {path}, which nobody has edited",
        evidence=(Evidence(file=path, text="dpkg: modified (by you or by a script)"),),
        fix="do not write to a conffile from a maintainer script or the service",
    )


def _verify(session: Session) -> list[Finding]:
    found = []
    for command in session.context.config.upgrade.verify:
        done = session.smoke(command)
        if done.returncode != 0:
            found.append(
                CODES.found(
                    "upgrade/verify-failed",
                    f"`{command}` ended with status {done.returncode} after the upgrade",
                    evidence=tuple(Evidence(text=line) for line in done.tail(6)),
                    fix=session.context.shell(),
                )
            )
    return found
