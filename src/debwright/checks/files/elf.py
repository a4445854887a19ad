"""Every ELF file is of the package's architecture; `all` packages have none."""

import time

from debwright.checks.engine.base import CheckContext, FileCheck, conclude
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.debs import Deb, Member
from debwright.packages.elf import ARCHITECTURES, MACHINES, machine_of

CODES = Codes(
    {"elf/wrong-architecture": Code(ERROR, "A program is not for the package's architecture.")}
)


class ElfCheck(FileCheck):
    """Every ELF file is of the package's architecture; `all` packages have none."""

    name = "elf"
    codes = CODES

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        findings = []
        count = 0
        for deb, member, _ in context.files():
            count += machine_of(member.head) is not None
            if (found := elf_finding(deb, member)) is not None:
                findings.append(found)
        return conclude(self.name, started, findings, measurements={"elf_files": float(count)})


def elf_finding(deb: Deb, member: Member) -> Finding | None:
    made_for = machine_of(member.head)
    if made_for is None or made_for == MACHINES.get(deb.arch):
        return None
    bits, machine = made_for
    found = ARCHITECTURES.get(machine, f"machine {machine}")
    return CODES.found(
        "elf/wrong-architecture",
        f"{member.path} in {deb.package} is for {found}, the package is for {deb.arch}",
        evidence=(
            Evidence(
                file=member.path,
                text=f"ELF class {bits * 32}, e_machine {machine} ({found})",
            ),
        ),
        fix="make the package's Architecture match, or build the file for the target: in a cross "
        "build a makefile must use $(CC), which dpkg-buildflags and debhelper set",
    )
