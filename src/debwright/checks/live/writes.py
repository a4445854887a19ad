"""What the running service has created outside of the directories it declares."""

import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from debwright.checks.engine import authors, packaged
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import running, service_of, why_not
from debwright.checks.engine.packaged import others
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.units import triggered
from debwright.config import Service
from debwright.isolation.snapshot import Entry
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.systems.ownership import declared, leftovers
from debwright.systems.remote import parse_nature

_LINKS_OF_SCRIPTS = re.compile(r"^/etc/(?:rc[0-6S]\.d|alternatives|systemd/system)/")
"""Made by update-rc.d, update-alternatives and deb-systemd-helper, in a postinst that may go on
after the service has been started."""
_FILE = Entry("file", 0, 0, 0, 0, 0)


CODES = Codes(
    {
        "writes/undeclared": Code(
            ERROR, "The running service has created a file where nothing declares it."
        ),
        "writes/of-others": Code(
            ERROR,
            "The packages have written to a file of another package, or of the administrator.",
        ),
        "writes/shared-tmp": Code(
            WARNING, "The service is reached by a socket or a pipe in the /tmp that all share."
        ),
    }
)
# systemd-private-* are the directories of PrivateTmp=; the hidden ones are of X11.
_IN_TMP = """find /tmp /var/tmp -xdev -mindepth 1 \\
  \\( -name 'systemd-private-*' -o -name '.*-unix' \\) -prune -o \\
  \\( -type s -o -type p \\) -printf '%y/%m/%U/%G%p\\0' 2>/dev/null; true"""


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
        units = [_at_work(session, service) for service in up]
        starts = [at for unit in units if (at := _start_of(session, unit)) is not None]
        if not starts:
            return skipped(self.name, "when the unit was started is not known")
        found = _undeclared(session, up, units, min(starts))
        who = " or ".join(service.unit for service in up)
        findings = [*_of_others(session), *_in_tmp(session, who, _accounts(session, units))]
        findings += [
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


def _undeclared(
    session: Session, up: Sequence[Service], units: Sequence[Mapping[str, str]], begun: float
) -> dict[str, Entry]:
    """What the services can have created, and nothing declares."""
    created = session.created()
    shipped = packaged.shipped(session)
    homes = own_directories(shipped, created) | made_for_somebody(created)
    for unit in units:
        homes |= declared(unit) | writable(unit)
    allowed = [pattern for service in up for pattern in service.writes]
    accounts = _accounts(session, units)
    found = {
        path: entry
        for path, entry in undeclared(created, shipped, homes, allowed, begun).items()
        if authors.of_service(entry, accounts)
        # What came up while our own commands ran is the service's only where its owner says so.
        and (path not in session.ours or entry.uid in accounts - {0})
    }
    if found:
        known = authors.record(session, [authors.before(path, created) for path in found])
        for path in authors.of_triggers(found, created, known, session.packages):
            del found[path]
    return found


def _accounts(session: Session, units: Sequence[Mapping[str, str]]) -> frozenset[int]:
    """The numbers of the accounts that the units run as; root's for one that says none."""
    names = {unit.get("User") or "root" for unit in units}
    if names == {"root"}:
        return frozenset({0})
    done = session.system.run(
        ["sh", "-c", 'for u; do id -u -- "$u" || echo 0; done', "sh", *sorted(names)],
        check=False, timeout=session.patience(30),
    )  # fmt: skip
    return frozenset(int(line) for line in done.output.split() if line.isdigit()) or frozenset({0})


def _of_others(session: Session) -> list[Finding]:
    """Findings on files of others that have other content since the packages came."""
    suspects = leftovers(dict.fromkeys(session.rewritten(), _FILE))
    if not suspects:
        return []
    known = authors.record(session, suspects)
    found = authors.not_theirs(suspects, known, session.packages)
    return [
        CODES.found(
            "writes/of-others",
            f"{path} has been written to since the packages came, and is a file of {whose}",
            evidence=(Evidence(file=path, text=f"belongs to {whose}"),),
            fix="leave it alone: a directory for fragments (NAME.d), a file of the package's own, "
            "or a note for the administrator (Debian policy 10.7.4)",
        )
        for path, whose in sorted(found.items())[:20]
    ]


def _in_tmp(session: Session, who: str, accounts: frozenset[int]) -> list[Finding]:
    done = session.system.run(["sh", "-c", _IN_TMP], check=False, timeout=session.patience(60))
    made = parse_nature(done.output)
    return [
        CODES.found(
            "writes/shared-tmp",
            f"{who} is reached by {path}, which needs a /tmp that all share",
            evidence=(Evidence(file=path, text=f"owner {entry.uid}/{entry.gid}"),),
            fix="put it into RuntimeDirectory= (/run/NAME): with PrivateTmp=yes nobody finds it, "
            "and without it anybody can make it first",
        )
        for path, entry in sorted(made.items())[:8]
        if entry.uid in accounts
    ]


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
    """Packaged directories that no other package had: what is made below is at home there.

    But for those below /usr, which may be read-only, or shared by several machines (FHS 3.0).
    """
    return {
        p for p in shipped
        if p in created and created[p].kind == "directory" and not p.startswith("/usr/")
    }  # fmt: skip


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
