"""Owners, modes and places of the packaged files."""

import re
import stat
import time
from collections.abc import Iterator

from debwright.checks.engine import policy
from debwright.checks.engine.base import CheckContext, FileCheck, conclude
from debwright.config import Config
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.debs import Deb, Member, members

# Debian policy 9.1.1 (File System Hierarchy) and 9.1.2: a package ships nothing there.
_NEVER = (
    "/root/", "/tmp/", "/run/", "/var/run/", "/var/lock/", "/mnt/", "/media/", "/srv/", "/proc/",  # noqa: S108
    "/sys/", "/dev/", "/var/tmp/", "/usr/tmp/", "/lost+found/",  # noqa: S108
)  # fmt: skip
_TOP = frozenset(
    ["bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "libo32", "opt", "sbin", "usr", "var"]
)
"""Directories below / that a package may put files in (FHS 3.0, chapter 3)."""
# A variable as make, the shell and dpkg's substvars write it; a name begins like an identifier.
_VARIABLE = re.compile(r"\$(?:\([A-Za-z_][A-Za-z0-9_]*\)|\{[A-Za-z_][A-Za-z0-9_:]*\})")
# Templates of projects are for others to expand; they lie below a directory of their package.
_TEMPLATES = re.compile(
    r"^/usr/share/[^/]+/|template|skeleton|scaffold|archetype|/(?:tests?|examples?)/", re.I
)
# git-lfs' specification of pointers: this key comes first, in a file of less than 1024 bytes. The
# second host is the one of its first versions.
_LFS = (
    b"version https://git-lfs.github.com/spec/v1\noid ",
    b"version https://hawser.github.com/spec/v1\noid ",
)
_LFS_LIMIT = 1024
_SAMPLES = re.compile(r"^/usr/share/doc/|/(?:tests?|testing|testdata|fixtures?|examples?)/", re.I)


CODES = Codes(
    {
        "files/setuid": Code(ERROR, "A file runs with another user's rights."),
        "files/world-writable": Code(ERROR, "A file can be changed by every user."),
        "files/owner": Code(ERROR, "A file belongs to an id that other machines do not have."),
        "files/special": Code(WARNING, "The package ships a device or a FIFO."),
        "files/place": Code(
            ERROR,
            "A file is where packages put none; `[files]` says how such places count.",
            or_else=(WARNING,),
        ),
        "files/unexpanded": Code(
            ERROR,
            "A file name holds a variable that nothing has expanded; in templates a warning.",
            or_else=(WARNING,),
        ),
        "files/lfs-pointer": Code(
            ERROR,
            "A file is the pointer that git-lfs keeps in place of the content; in tests and "
            "examples a warning.",
            or_else=(WARNING,),
        ),
    }
)


class ContentsCheck(FileCheck):
    """Owners, modes and places of the packaged files."""

    name = "contents"
    codes = CODES
    settings = ("files",)

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        findings: list[Finding] = []
        count = 0
        for deb in context.installable:
            context.activity(f"files of {deb.package}")
            for member in members(deb.path):
                count += member.kind == "file"
                findings += contents_findings(deb, member, context.config)
        return conclude(self.name, started, findings, measurements={"files": float(count)})


def contents_findings(deb: Deb, member: Member, config: Config) -> list[Finding]:
    return [
        *_rights(deb, member), *_place(deb, member, config), *_unexpanded(deb, member),
        *_pointer(deb, member),
    ]  # fmt: skip


def _shown(member: Member) -> tuple[Evidence, ...]:
    shown = f"{stat.filemode(_type_bits(member) | member.mode)} ({member.mode:04o})"
    return (
        Evidence(file=member.path, text=f"{shown} {member.uid}/{member.gid} {member.path}"),
    )  # fmt: skip


def _rights(deb: Deb, member: Member) -> Iterator[Finding]:
    evidence = _shown(member)
    if member.kind == "file" and member.mode & (stat.S_ISUID | stat.S_ISGID):
        yield CODES.found(
            "files/setuid",
            f"{member.path} in {deb.package} runs with another user's rights",
            evidence=evidence,
            fix="remove the bit, or if it must be, waive files/setuid with a reason",
        )
    sticky = member.kind == "directory" and member.mode & stat.S_ISVTX
    if member.mode & stat.S_IWOTH and member.kind in {"file", "directory"} and not sticky:
        yield CODES.found(
            "files/world-writable",
            f"{member.path} in {deb.package} can be changed by every user",
            evidence=evidence,
            fix="chmod o-w in debian/rules, or leave it to dh_fixperms",
        )
    # Ids below 100 are allocated by policy 9.2.1 and so the same everywhere.
    if member.uid >= 100 or member.gid >= 100:
        yield CODES.found(
            "files/owner",
            f"{member.path} in {deb.package} belongs to an id that other machines do not have",
            evidence=evidence,
            fix="build with Rules-Requires-Root: no, or under fakeroot",
        )
    if member.kind == "special":
        yield CODES.found(
            "files/special",
            f"{member.path} in {deb.package} is a device or FIFO",
            evidence=evidence,
        )


def _place(deb: Deb, member: Member, config: Config) -> Iterator[Finding]:
    severity = policy.severity(place_level(member, config))
    if severity is not None:
        yield CODES.found(
            "files/place",
            f"{member.path} in {deb.package} is not a place packages may use",
            evidence=_shown(member),
            fix="install below /usr, /etc or /var/lib (Debian policy 9.1), or allow the place: "
            "[files] allow",
            severity=severity,
        )


def _unexpanded(deb: Deb, member: Member) -> Iterator[Finding]:
    found = _VARIABLE.search(member.path.rsplit("/", 1)[1] if member.path != "/" else "")
    if found is None:
        return  # what lies below such a directory is found with it
    yield CODES.found(
        "files/unexpanded",
        f"{member.path} in {deb.package} has {found[0]} in its name, which nothing has expanded",
        evidence=_shown(member),
        fix="debian/*.install is expanded by debhelper 13 for ${...} only, and not for $(...), nor "
        "in a file that dh-exec runs; in debian/rules a single $ is make's, and $$ the shell's",
        severity=WARNING if _TEMPLATES.search(member.path) else None,
    )


def _pointer(deb: Deb, member: Member) -> Iterator[Finding]:
    if member.size >= _LFS_LIMIT or not member.head.startswith(_LFS):
        return
    first = member.head.split(b"\n", 1)[0].decode("ascii")
    yield CODES.found(
        "files/lfs-pointer",
        f"{member.path} in {deb.package} is a pointer of git-lfs, and not the file itself",
        evidence=(Evidence(file=member.path, line=1, text=first),),
        fix="git lfs install && git lfs pull, before the source package is made; in CI, check out "
        "with lfs (actions/checkout: `lfs: true`)",
        severity=WARNING if _SAMPLES.search(member.path) else None,
    )


def place_level(member: Member, config: Config) -> str:
    """How bad it is that the file is where it is: a level of `[files]`, or off."""
    path = member.path
    if ".." in path.split("/"):
        return "error"
    if any(f"{path}/".startswith(f"{allowed.rstrip('/')}/") for allowed in config.files.allow):
        return "off"
    files = config.files
    for prefix, level in (
        ("/usr/local/", files.usr_local), ("/home/", files.home), ("/opt/", files.opt),
    ):  # fmt: skip
        if path.startswith(prefix) and path != prefix:
            return level
    if any(path.startswith(p) and path != p for p in _NEVER):
        return "error"
    top = path.split("/")[1]
    return "off" if top in _TOP or not top or member.kind == "directory" else "error"


def _type_bits(member: Member) -> int:
    return {"directory": stat.S_IFDIR, "symlink": stat.S_IFLNK}.get(member.kind, stat.S_IFREG)
