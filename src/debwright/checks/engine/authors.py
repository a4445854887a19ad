"""Who has written a file: judged by its owner and by dpkg's record, and not by time alone.

apt runs the triggers of other packages when a service of the packages has been started already:
what doc-base, fontconfig or ca-certificates write then is theirs.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from debwright.checks.engine.session import Session
from debwright.isolation.snapshot import Entry

# `interest[-await|-noawait] NAME` (deb-triggers(5)); what begins with a stroke is a path.
_INTEREST = re.compile(
    r"^(?:\S*/)?(?P<package>[^/:]+)(?::[^/:]+)?\.triggers:interest\S*\s+(?P<name>\S+)"
)
_TRIGGERS = "cd /var/lib/dpkg/info && grep -H ^interest -- *.triggers; true"
# Which packages' lists have a path: PACKAGE[:ARCH].list:PATH.
_LISTED = "cd /var/lib/dpkg/info && grep -HxF -f - -- *.list; true"
_LINE = re.compile(r"^(?P<package>[^/:]+)(?::[^/:]+)?\.list:(?P<path>/.*)$")
_ADMINISTRATORS = frozenset(
    {"/etc/hosts", "/etc/fstab", "/etc/environment", "/etc/hostname", "/etc/crontab",
     "/etc/sudoers", "/etc/profile", "/etc/bash.bashrc", "/etc/ssh/sshd_config"}
)  # fmt: skip
"""Files of the administrator's that no package may write to, whether dpkg knows them or not."""


@dataclass(frozen=True)
class Record:
    """What dpkg knows of some paths, and of packages that write for others."""

    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Path to the packages that ship it, directories included."""
    interests: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Package to the paths whose changes it waits for, as a trigger."""


def record(session: Session, paths: Iterable[str]) -> Record:
    """dpkg's record of these paths."""
    wanted = sorted({form for path in paths for form in _forms(path)})
    run = session.system.run
    told = run(["sh", "-c", _TRIGGERS], check=False, timeout=session.patience(60)).output
    found = run(
        ["sh", "-c", _LISTED], stdin="\n".join(wanted), check=False, timeout=session.patience(60)
    ).output
    interests: dict[str, set[str]] = {}
    for line in told.splitlines():
        if match := _INTEREST.match(line):
            interests.setdefault(match["package"], set()).add(match["name"])
    listed: dict[str, set[str]] = {}
    for line in found.splitlines():
        if match := _LINE.match(line):
            for form in _forms(match["path"]):
                listed.setdefault(form, set()).add(match["package"])
    return Record(
        {path: frozenset(names) for path, names in listed.items()},
        {name: frozenset(paths) for name, paths in interests.items()},
    )


def _forms(path: str) -> tuple[str, ...]:
    """The path as the system and as dpkg may have it: /lib is a link to /usr/lib."""
    short = path.removeprefix("/usr")
    if path.startswith("/usr/") and re.match(r"/(?:s?bin|lib\w*)/", short):
        return path, short
    return (path, f"/usr{path}") if re.match(r"/(?:s?bin|lib\w*)/", path) else (path,)


def of_triggers(
    found: Mapping[str, Entry], created: Mapping[str, Entry], known: Record, own: Iterable[str]
) -> set[str]:
    """Those of the paths that the triggers of other packages have written.

    Such a file is root's, and lies in a directory of a package that has triggers, or below a path
    whose changes one waits for.
    """
    theirs = {name: paths for name, paths in known.interests.items() if name not in set(own)}
    watched = {path for paths in theirs.values() for path in paths if path.startswith("/")}
    return {
        path
        for path, entry in found.items()
        if entry.uid == 0
        and (home := before(path, created))
        and (bool(known.listed.get(home, frozenset()) & theirs.keys()) or _below(path, watched))
    }


def before(path: str, created: Mapping[str, Entry]) -> str:
    """The nearest directory above that was there before; empty for one that all packages share."""
    parent = PurePosixPath(path).parent
    while str(parent) in created:
        parent = parent.parent
    shared = 2 if str(parent).startswith("/etc/") else 3
    return str(parent) if len(parent.parts) > shared else ""


def _below(path: str, directories: set[str]) -> bool:
    return any(str(parent) in directories for parent in PurePosixPath(path).parents)


def of_service(entry: Entry, accounts: Iterable[int]) -> bool:
    """Whether services that run as these accounts can have made the file.

    Root may give a file to anyone.
    """
    known = set(accounts)
    return 0 in known or entry.uid in known


def not_theirs(rewritten: Iterable[str], known: Record, own: Iterable[str]) -> dict[str, str]:
    """Files that the packages may not have written to, with whose they are."""
    mine, found = set(own), {}
    for path in rewritten:
        owners = known.listed.get(path, frozenset())
        if path in _ADMINISTRATORS:
            found[path] = "the administrator"
        elif (
            owners
            and owners.isdisjoint(mine)
            and (path.startswith("/etc/") or owners.isdisjoint(known.interests))
        ):
            found[path] = ", ".join(sorted(owners))
    return found
