"""Whose units are whose: by dpkg's record of the files that systemd has read them from."""

import re
from collections.abc import Iterable

from debwright.checks.engine.session import Session

# Where packages put units (systemd.unit(5)), and SysV scripts, of which systemd makes some.
_UNIT_FILE = re.compile(
    r"^(?:/usr)?/lib/systemd/system/(?P<name>[^/]+\.(?:service|socket|timer|path|target|mount))$"
)
_SCRIPT = re.compile(r"^/etc/init\.d/(?P<name>[^/]+)$")
# Not dpkg-query --search: it would take the characters of a file's name for a pattern.
_LISTS = 'cd /var/lib/dpkg/info && for p; do grep -lxF -e "$p" -- *.list; done; true'


def owners(session: Session, name: str) -> frozenset[str]:
    """The packages that ship the unit; none for one that a script or an administrator has made.

    It is asked for once in a session: when a package is gone, its record is gone, too.
    """
    if name not in session.unit_owners:
        unit = session.unit(name)
        files = {unit.get("FragmentPath", ""), unit.get("SourcePath", "")} - {""}
        found = _shipping(session, files) if files else frozenset()
        if unit.get("LoadState") != "loaded":
            return found
        session.unit_owners[name] = found
    return session.unit_owners[name]


def others(session: Session, name: str) -> frozenset[str]:
    """The packages whose the unit is, when it is of none that are checked."""
    found = owners(session, name)
    return found if found.isdisjoint(session.packages) else frozenset()


def _shipping(session: Session, paths: Iterable[str]) -> frozenset[str]:
    # systemd and dpkg may know one file by two paths, since /lib is a link to /usr/lib.
    known = {p.removeprefix("/usr") if p.startswith("/usr/lib/") else p for p in paths}
    known |= {f"/usr{p}" for p in known if p.startswith("/lib/")}
    done = session.system.run(
        ["sh", "-c", _LISTS, "sh", *sorted(known)], check=False, timeout=session.patience(60)
    )
    names = (line.strip().removesuffix(".list") for line in done.output.splitlines())
    return frozenset(name.partition(":")[0] for name in names)


def shipped(session: Session) -> frozenset[str]:
    """Every path of the packages, as dpkg has written them down; read once in a session."""
    if session.shipped is None:
        done = session.system.run(
            ["dpkg-query", "--listfiles", "--", *session.packages], timeout=session.patience(60)
        )
        lines = (line for line in done.output.splitlines() if line.startswith("/"))
        session.shipped = frozenset(lines)
    return session.shipped


def units_of(paths: Iterable[str]) -> list[str]:
    """The system's units among packaged paths, templates included; by name."""
    found = set()
    for path in paths:
        if match := _UNIT_FILE.match(path):
            found.add(match["name"])
        elif match := _SCRIPT.match(path):
            found.add(f"{match['name']}.service")
    return sorted(found)
