"""Removing and purging: what goes, what stays, what is left behind."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from debwright.checks.engine import edits, version_change, watch
from debwright.checks.engine.base import conclude
from debwright.checks.engine.session import LiveCheck, MaintainerScriptError, Session
from debwright.checks.engine.units import is_at_work, state_of
from debwright.isolation.snapshot import Altered, Entry
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.systems.ownership import leftovers

# The web server's document root (policy 11.5) is the administrator's: packages put a first page
# there and leave it, since they cannot know whose it has become.
_ADMINISTRATORS = "/var/www"


CODES = Codes(
    {
        "purge/maintainer-script": Code(ERROR, "A maintainer script fails at removal or purge."),
        "purge/failed": Code(ERROR, "The packages cannot be removed or purged."),
        "purge/still-running": Code(
            ERROR,
            "A unit runs on after removal; a warning when it is not listed, or the packages never "
            "start it.",
            or_else=(WARNING,),
        ),
        "purge/data-lost": Code(
            ERROR,
            "Removal without purge deletes the service's data; a warning for data of no listed "
            "service.",
            or_else=(WARNING,),
        ),
        "purge/conffile-lost": Code(
            ERROR, "Removal without purge deletes a configuration file of the packages."
        ),
        "purge/leftover": Code(
            ERROR,
            "A file is still there after purge; below /var/www a warning.",
            or_else=(WARNING,),
        ),
        "purge/removed": Code(ERROR, "What was there before installation is gone after purge."),
        "purge/altered": Code(
            WARNING, "What was there before installation has another kind, owner or mode."
        ),
        "purge/account": Code(
            WARNING, "An account stays when the package is purged.", level="files.accounts"
        ),
    }
)


class PurgeCheck(LiveCheck):
    """Removal keeps configuration, purging leaves nothing (Debian policy 6.8, 10.7.3).

    dpkg does both, as it would for apt: apt-get itself takes seconds to start under an emulator.
    """

    name = "purge"
    codes = CODES
    settings = ("service", "files")
    needs_init = False

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        names = session.packages
        accounts = session.accounts()
        findings: list[Finding] = []
        services = session.services
        mounts = {m for service in services for m in mount_points(session.unit(service.unit))}
        if session.stopped:
            # Removal has to stop a running service, and there has been no reboot to start it.
            for service in services:
                session.systemctl("start", service.unit, session.patience(90))
        watched = watch.names(session)
        kept = Kept.of(session)
        try:
            session.context.activity("remove")
            session.remove(names)
            findings += _still_running(session, watched)
            findings += kept.lost(session)
            session.context.activity("purge")
            session.purge(names)
        except DebwrightError as problem:
            script = isinstance(problem, MaintainerScriptError)
            code = "purge/maintainer-script" if script else "purge/failed"
            return conclude(self.name, started, [CODES.from_error(code, problem)])
        session.gone = True
        created = without_mount_points(session.created(), mounts)
        left = {p: e for p, e in leftovers(created).items() if p not in session.ours}
        findings += [_left(path, created) for path in sorted(left)[:50]]
        findings += _altered(session.altered())
        findings += _accounts_left(accounts - session.accounts_before, session.accounts())
        notes = []
        if session.siblings:
            notes.append(f"purged with it: {', '.join(session.siblings)}")
        return conclude(
            self.name, started, findings, measurements={"left_files": float(len(left))},
            notes=notes,
        )  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """What removal must leave to the administrator, until the packages are purged."""

    markers: Mapping[str, str]
    """Files among the data, with their content."""
    homes: frozenset[str]
    """The directories of the listed services' data."""
    conffiles: tuple[str, ...]

    @classmethod
    def of(cls, session: Session) -> Self:
        if session.system.without_init:
            return cls({}, frozenset(), ())
        names = [d.package for d in session.context.installable]
        known = [c.path for c in edits.conffiles(session, names) if not c.obsolete]
        there = edits.digests(session, known)
        homes = version_change.homes_of(session)
        return cls(version_change.mark_data(session), homes, tuple(p for p in known if p in there))

    def lost(self, session: Session) -> list[Finding]:
        """Findings on what is gone; the markers are taken away, since a purge may keep the rest."""
        found = [
            f.model_copy(update={} if self._is_listed(f) else {"severity": WARNING})
            for f in version_change.lost_data(
                session, self.markers, "purge", "the removal, which is no purge"
            )
        ]
        if self.markers:
            session.system.run(["rm", "-f", "--", *self.markers], check=False, timeout=60)
        there = edits.digests(session, self.conffiles)
        return found + [
            CODES.found(
                "purge/conffile-lost",
                f"{path} is gone after removal, which keeps configuration until a purge",
                evidence=(Evidence(file=path, text="it was there before removal"),),
                fix="remove it in postrm at `purge` only (Debian policy 10.7.3)",
            )
            for path in self.conffiles
            if path not in there
        ]

    def _is_listed(self, finding: Finding) -> bool:
        file = finding.evidence[0].file or ""
        return file.rsplit("/", 1)[0] in self.homes


def _still_running(session: Session, names: Sequence[str]) -> list[Finding]:
    """A finding for each unit of the packages that is up though they are removed; it is stopped."""
    listed = {service.unit for service in session.services} - session.by_hand
    found = []
    for name, unit in session.units(names).items():
        if unit.get("ActiveState") != "active" or not (name in listed or is_at_work(unit)):
            continue
        session.systemctl("stop", name, session.patience(90))
        found.append(
            CODES.found(
                "purge/still-running",
                f"{name} runs on after removal",
                evidence=(Evidence(text=state_of(unit)),),
                fix="let prerm stop it at `remove`, whoever has started it: "
                "`deb-systemd-invoke stop`, as dh_installsystemd does without --no-start",
                severity=None if name in listed else WARNING,
            )
        )
    return found


def mount_points(unit: Mapping[str, str]) -> set[str]:
    """Where a unit's BindPaths= and BindReadOnlyPaths= appear: systemd makes what is not there."""
    found = set()
    for setting in ("BindPaths", "BindReadOnlyPaths"):
        for word in unit.get(setting, "").split():
            source, _, rest = word.lstrip("-").partition(":")
            found.add(rest.split(":")[0] or source)
    return found


def without_mount_points(created: Mapping[str, Entry], mounts: set[str]) -> dict[str, Entry]:
    """`created` without empty mount points, and without directories that hold nothing else."""
    rest = dict(created)
    for mount in mounts & created.keys():
        if created[mount].kind == "file" and created[mount].size > 0:
            continue
        path = mount
        while path in rest and not any(other.startswith(f"{path}/") for other in rest):
            del rest[path]
            path = path.rsplit("/", 1)[0]
    return rest


def _left(path: str, created: dict[str, Entry]) -> Finding:
    below = [p for p in sorted(created) if p == path or p.startswith(f"{path}/")]
    theirs = f"{path}/".startswith(f"{_ADMINISTRATORS}/")
    return CODES.found(
        "purge/leftover",
        f"{path} is still there after purge",
        evidence=tuple(Evidence(file=p, text=created[p].describe(p)) for p in below[:6]),
        fix="remove it in debian/PACKAGE.postrm at `purge`; a unit's StateDirectory= is not "
        "removed by itself",
        severity=WARNING if theirs else None,
    )


def _altered(altered: Mapping[str, Altered]) -> list[Finding]:
    """What the system had before the packages came, and has not got back."""
    mine = leftovers({path: change.was for path, change in altered.items()})
    found = []
    for path in sorted(mine)[:50]:
        was, now = altered[path].was, altered[path].now
        code = "removed" if now is None else "altered"
        what = "is gone" if now is None else "has another kind, owner or mode"
        evidence = [Evidence(file=path, text=f"before: {was.describe(path)}")]
        if now is not None:
            evidence.append(Evidence(file=path, text=f"after: {now.describe(path)}"))
        found.append(
            CODES.found(
                f"purge/{code}",
                f"{path} was there before installation and {what} after purge",
                evidence=tuple(evidence),
                fix="a package leaves alone what is not its own; dpkg-divert(1) moves a file of "
                "another package aside, and postrm moves it back",
            )
        )
    return found


def _accounts_left(made: set[str], now: set[str]) -> list[Finding]:
    return [
        CODES.found(
            "purge/account",
            f"the account {name} stays after purge",
            evidence=(Evidence(file="/etc/passwd", text=name),),
            fix="most packages leave it on purpose, so that its number is never given to another",
        )
        for name in sorted(made & now)
    ]
