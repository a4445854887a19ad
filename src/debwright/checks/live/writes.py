"""What the running service has created outside of the directories it declares."""

import re
import time
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from debwright.checks.engine import packaged
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import running, service_of, why_not
from debwright.checks.engine.packaged import others
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.units import triggered
from debwright.config import Service
from debwright.isolation.snapshot import Entry
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence
from debwright.systems.ownership import declared, leftovers

_LINKS_OF_SCRIPTS = re.compile(r"^/etc/(?:rc[0-6S]\.d|alternatives|systemd/system)/")
"""Made by update-rc.d, update-alternatives and deb-systemd-helper, in a postinst that may go on
after the service has been started."""


CODES = Codes(
    {
        "writes/undeclared": Code(
            ERROR, "The running service has created a file where nothing declares it."
        )
    }
)


class WritesCheck(LiveCheck):
    """Files that came up after the unit's start and that nothing declares."""

    name = "writes"
    codes = CODES
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        started = time.monotonic()
        up = [s for s in running(session) if not others(session, s.unit)]
        if not up:
            theirs = ", ".join(sorted(others(session, service_of(session).unit)))
            return skipped(self.name, f"the service belongs to {theirs}, which may write")
        created = session.created()
        shipped = packaged.shipped(session)
        units = [_at_work(session, service) for service in up]
        homes = own_directories(shipped, created) | made_for_somebody(created)
        for unit in units:
            homes |= declared(unit) | writable(unit)
        starts = [at for unit in units if (at := _start_of(session, unit)) is not None]
        if not starts:
            return skipped(self.name, "when the unit was started is not known")
        allowed = [pattern for service in up for pattern in service.writes]
        found = undeclared(created, shipped, homes, allowed, min(starts))
        who = " or ".join(service.unit for service in up)
        findings = [
            CODES.found(
                "writes/undeclared",
                f"{who} has created {path}, which nothing declares",
                evidence=(Evidence(file=path, text=entry.describe(path)),),
                fix="StateDirectory=, CacheDirectory= or LogsDirectory= in the unit, with "
                "ProtectSystem=strict; or allow it: [service] writes",
            )
            for path, entry in sorted(found.items())[:20]
        ]
        return conclude(
            self.name, started, findings, measurements={"undeclared_files": float(len(found))}
        )


def _at_work(session: Session, service: Service) -> Mapping[str, str]:
    """The unit whose processes do the work."""
    unit = session.unit(service.unit)
    return session.unit(behind) if (behind := triggered(unit)) else unit


def writable(unit: Mapping[str, str]) -> set[str]:
    """What a unit's ReadWritePaths= names (systemd.exec(5)): `-` and `+` are no part of a path."""
    paths = {word.lstrip("-+").rstrip("/") for word in unit.get("ReadWritePaths", "").split()}
    return {path for path in paths if path.startswith("/")}


def made_for_somebody(created: Mapping[str, Entry]) -> set[str]:
    """New directories of an account other than root, in a directory that is root's.

    Only root could make them: a maintainer script has, or systemd-tmpfiles, for the account to
    write there.
    """
    return {
        path
        for path, entry in created.items()
        if entry.kind == "directory" and entry.uid != 0
        and ((parent := created.get(path.rsplit("/", 1)[0])) is None or parent.uid == 0)
    }  # fmt: skip


def own_directories(shipped: Iterable[str], created: Mapping[str, Entry]) -> set[str]:
    """Packaged directories that no other package had: what is made below is at home there."""
    return {p for p in shipped if p in created and created[p].kind == "directory"}


def undeclared(
    created: Mapping[str, Entry],
    shipped: Collection[str],
    homes: set[str],
    allowed: Iterable[str],
    begun: float,
) -> dict[str, Entry]:
    """Of what was created, what came after `begun` (seconds since 1970) and has no home."""
    late = {
        path: entry
        for path, entry in created.items()
        if path not in shipped
        and not (entry.kind == "symlink" and _LINKS_OF_SCRIPTS.match(path))
        and entry.mtime_ns / 1e9 >= begun
        and not _below(path, homes)
        and not any(fnmatchcase(path, pattern) for pattern in allowed)
    }
    return leftovers(late)


def _below(path: str, homes: set[str]) -> bool:
    while path:
        if path in homes:
            return True
        path = path.rsplit("/", 1)[0]
    return False


def _start_of(session: Session, unit: Mapping[str, str]) -> float | None:
    """When the main process was started, by the system's clock, in seconds since 1970."""
    text = unit.get("ExecMainStartTimestampMonotonic", "")
    if not text.isdigit() or int(text) == 0:
        return None
    # The unit's time counts from the system's start, as its /proc/uptime does.
    done = session.system.run(
        ["sh", "-c", "date +%s.%N; cat /proc/uptime"], timeout=session.patience(30)
    )
    words = done.output.split()
    try:
        now, up = float(words[0]), float(words[1])
    except (IndexError, ValueError):
        return None
    return now - up + int(text) / 1e6
