"""Files a running package has made: their owners and modes."""

import stat
import time
from collections.abc import Mapping
from pathlib import PurePosixPath

from debwright.checks.engine import packaged
from debwright.checks.engine.base import conclude
from debwright.checks.engine.session import LiveCheck, Session
from debwright.isolation.snapshot import Altered, Entry
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.systems.ownership import leftovers

_KEY_BYTES = 65536
# PEM, as OpenSSL, OpenSSH and GnuPG write it; PuTTY's; age's.
_PRIVATE_KEY = (
    "^(-----BEGIN ([A-Z]+ )?PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File-|AGE-SECRET-KEY-1)"
)

CODES = Codes(
    {
        "files/setuid": Code(ERROR, "A file runs with another user's rights."),
        "files/world-writable": Code(ERROR, "A file can be changed by every user."),
        "files/private-key": Code(ERROR, "Every user can read a private key."),
    }
)


class FilesCheck(LiveCheck):
    """What installation and running created: nothing world-writable, nothing setuid.

    Nor has it made anything so that was there before.
    """

    name = "files"
    codes = CODES
    needs_init = False

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        created = session.created()
        mine = {p: e for p, e in created.items() if not _under_system(p) and p not in session.ours}
        suspects = [(p, f) for p, e in sorted(mine.items()) if (f := judge(p, e))]
        findings = [f for path, f in suspects if not _of_others(session, path)]
        findings += _opened(session.altered())
        findings += _readable_keys(session, mine)
        measurements = {
            "created_files": float(sum(1 for e in mine.values() if e.kind == "file")),
            "created_bytes": float(sum(e.size for e in mine.values() if e.kind == "file")),
        }
        return conclude(self.name, started, findings, measurements=measurements)


def _readable_keys(session: Session, mine: Mapping[str, Entry]) -> list[Finding]:
    """Findings on private keys that have been made here, and that an account without rights reads.

    It is such an account that looks, so the modes of the directories above count as well.
    """
    shipped = packaged.shipped(session)
    paths = [
        path
        for path, entry in sorted(mine.items())
        if entry.kind == "file" and entry.mode & stat.S_IROTH and 0 < entry.size < _KEY_BYTES
        and path not in shipped
    ]  # fmt: skip
    if not paths:
        return []
    done = session.system.run(
        ["runuser", "-u", "nobody", "--", "xargs", "-0", "-r",
         "grep", "-lsE", "-m", "1", "-e", _PRIVATE_KEY, "--"],
        stdin="\0".join(paths), check=False, timeout=session.patience(60),
    )  # fmt: skip
    return [
        CODES.found(
            "files/private-key",
            f"{path} holds a private key, and every user can read it",
            evidence=(Evidence(file=path, text=mine[path].describe(path)),),
            fix="make it with umask 077, before anything is written to it; 0640 with a group where "
            "another account must read it",
        )
        for path in done.output.splitlines()
        if path in mine and not _of_others(session, path)
    ]


def _opened(altered: Mapping[str, Altered]) -> list[Finding]:
    """Findings on what the system had, and which is setuid or open to all only now."""
    found = []
    for path, change in sorted(altered.items()):
        if change.now is None or _under_system(path) or judge(path, change.was) is not None:
            continue
        if (finding := judge(path, change.now)) is not None:
            was = Evidence(file=path, text=f"before: {change.was.describe(path)}")
            found.append(
                finding.model_copy(
                    update={
                        "message": f"{finding.message}, since the package is installed",
                        "evidence": (*finding.evidence, was),
                        "fix": "leave the files of other packages to them (dpkg-statoverride(1) "
                        "is the administrator's)",
                    }
                )
            )
    return found


def _under_system(path: str) -> bool:
    return not leftovers({path: Entry("file", 0, 0, 0, 0, 0)})


def _of_others(session: Session, path: str) -> bool:
    """Whether a package that came along ships the file: it is not this one's doing."""
    # Not dpkg-query --search: it would take the characters of a file's name for a pattern.
    lists = 'grep -lxF -e "$1" -- /var/lib/dpkg/info/*.list'
    done = session.system.run(["sh", "-c", lists, "sh", path], check=False)
    owners = {_package(line) for line in done.output.splitlines()}
    return bool(owners) and owners.isdisjoint(d.package for d in session.context.installable)


def _package(name: str) -> str:
    """`/var/lib/dpkg/info/PACKAGE[:ARCH].list`: whose it is."""
    return PurePosixPath(name).name.removesuffix(".list").partition(":")[0]


def judge(path: str, entry: Entry) -> Finding | None:
    evidence = (Evidence(file=path, text=entry.describe(path)),)
    if entry.kind == "file" and entry.mode & (stat.S_ISUID | stat.S_ISGID):
        return CODES.found(
            "files/setuid",
            f"{path} runs with another user's rights",
            evidence=evidence,
            fix="do not set the bit in a maintainer script",
        )
    sticky = entry.kind == "directory" and entry.mode & stat.S_ISVTX
    if entry.kind in {"file", "directory"} and entry.mode & stat.S_IWOTH and not sticky:
        return CODES.found(
            "files/world-writable",
            f"{path} can be changed by every user",
            evidence=evidence,
            fix="UMask=0027 in the unit",
        )
    return None
