"""Checks on the package files alone: ELF architecture, modes, owners, places."""

import stat
import time

from debwright.check.base import CheckContext, conclude, error, warning
from debwright.check.debs import Deb, Member, members
from debwright.results import CheckResult, Evidence, Finding

# ELF header, e_machine (elf(5), /usr/include/elf.h), and the class each architecture uses.
_MACHINES = {
    "amd64": (2, 62),
    "arm64": (2, 183),
    "armhf": (1, 40),
    "i386": (1, 3),
    "ppc64el": (2, 21),
    "riscv64": (2, 243),
    "s390x": (2, 22),
}
_NAMES = {number: arch for arch, (_, number) in _MACHINES.items()}

# Debian policy 9.1.1 (File System Hierarchy) and 9.1.2: a package ships nothing there.
_FORBIDDEN = (
    "/usr/local/", "/home/", "/root/", "/tmp/", "/run/", "/var/run/", "/mnt/", "/srv/",  # noqa: S108
)  # fmt: skip


class ElfCheck:
    """Every ELF file is of the package's architecture; `all` packages have none."""

    name = "elf"

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        findings = []
        for deb in context.installable:
            context.activity(f"ELF files of {deb.package}")
            findings += [f for m in members(deb.path) if (f := elf_finding(deb, m)) is not None]
        return conclude(self.name, started, findings)


def elf_finding(deb: Deb, member: Member) -> Finding | None:
    head = member.head
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    order = "little" if head[5] == 1 else "big"
    machine = int.from_bytes(head[18:20], order)  # type: ignore[arg-type]
    found = _NAMES.get(machine, f"machine {machine}")
    expected = _MACHINES.get(deb.arch)
    if expected == (head[4], machine):
        return None
    return error(
        "elf/wrong-architecture",
        f"{member.path} in {deb.package} is for {found}, the package is for {deb.arch}",
        evidence=(
            Evidence(
                file=member.path,
                text=f"ELF class {head[4] * 32}, e_machine {machine} ({found})",
            ),
        ),
        fix="make the package's Architecture match, or build the file for the target: in a cross "
        "build a makefile must use $(CC), which dpkg-buildflags and debhelper set",
    )


class ContentsCheck:
    """Owners, modes and places of the packaged files."""

    name = "contents"

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        findings: list[Finding] = []
        for deb in context.installable:
            context.activity(f"files of {deb.package}")
            for member in members(deb.path):
                findings += contents_findings(deb, member)
        return conclude(self.name, started, findings)


def contents_findings(deb: Deb, member: Member) -> list[Finding]:
    shown = f"{stat.filemode(_type_bits(member) | member.mode)} ({member.mode:04o})"
    shown += f" {member.uid}/{member.gid}"
    evidence = (Evidence(file=member.path, text=f"{shown} {member.path}"),)
    found = []
    if member.kind == "file" and member.mode & (stat.S_ISUID | stat.S_ISGID):
        found.append(
            error(
                "files/setuid",
                f"{member.path} in {deb.package} runs with another user's rights",
                evidence=evidence,
                fix="remove the bit, or if it must be, waive files/setuid with a reason",
            )
        )
    sticky = member.kind == "directory" and member.mode & stat.S_ISVTX
    if member.mode & stat.S_IWOTH and member.kind in {"file", "directory"} and not sticky:
        found.append(
            error(
                "files/world-writable",
                f"{member.path} in {deb.package} can be changed by every user",
                evidence=evidence,
                fix="chmod o-w in debian/rules, or leave it to dh_fixperms",
            )
        )
    # Ids below 100 are allocated by policy 9.2.1 and so the same everywhere.
    if member.uid >= 100 or member.gid >= 100:
        found.append(
            error(
                "files/owner",
                f"{member.path} in {deb.package} belongs to an id that other machines do not have",
                evidence=evidence,
                fix="build with Rules-Requires-Root: no, or under fakeroot",
            )
        )
    outside = ".." in member.path.split("/")
    if outside or any(member.path.startswith(p) and member.path != p for p in _FORBIDDEN):
        found.append(
            error(
                "files/place",
                f"{member.path} in {deb.package} is not a place packages may use",
                evidence=evidence,
                fix="install below /usr, /etc, /var/lib or /opt (Debian policy 9.1)",
            )
        )
    if member.kind == "special":
        found.append(
            warning(
                "files/special",
                f"{member.path} in {deb.package} is a device or FIFO",
                evidence=evidence,
            )
        )
    return found


def _type_bits(member: Member) -> int:
    return {"directory": stat.S_IFDIR, "symlink": stat.S_IFLNK}.get(member.kind, stat.S_IFREG)
