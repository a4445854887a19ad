"""What programs and libraries were compiled with: PIE, NX, RELRO, stack protector."""

import time
from collections.abc import Iterator, Mapping
from typing import IO

from pydantic import Field

from debwright.checks.engine.base import CheckContext, FileCheck, conclude
from debwright.config.checking import Level
from debwright.config.section import Section
from debwright.model.arch import ARCHITECTURES
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.debs import Deb, Member
from debwright.packages.elf import ET_EXEC, Elf, read
from debwright.packages.toolchain import Toolchain, made_by

_FLAGS = (
    "build with dpkg-buildflags (debhelper does) and DEB_BUILD_MAINT_OPTIONS=hardening=+all; a "
    "makefile must use $(CFLAGS), $(CPPFLAGS) and $(LDFLAGS)"
)
# What -fstack-protector-strong would have guarded: functions that fill a caller's buffer.
_BUFFER_FUNCTIONS = frozenset(
    [b"strcpy", b"strcat", b"sprintf", b"vsprintf", b"gets", b"scanf", b"sscanf",
     b"__isoc99_sscanf", b"__isoc99_scanf", b"__isoc23_sscanf", b"__isoc23_scanf",
     b"fgets", b"recv", b"recvfrom",
     b"realpath", b"readlink"]
)  # fmt: skip
# NX cannot be had without a say in the file only where the loader's default is an executable
# stack: x86 and 32-bit arm. Elsewhere an absent PT_GNU_STACK means none.
_EXECUTABLE_BY_DEFAULT = {row.name for row in ARCHITECTURES.values() if row.executable_stack}

# What dpkg-buildflags asks of a C compiler is not another toolchain's to give. Go checks bounds
# itself, and its linker makes position-independent programs and RELRO only where told (lintian
# exempts it for that); Rust checks bounds, and calls of its library need no guard.
_NOT_GIVEN: Mapping[Toolchain, frozenset[str]] = {
    "go": frozenset({"no-pie", "no-relro", "lazy-binding", "no-stack-protector"}),
    "rust": frozenset({"no-stack-protector"}),
}


class Hardening(Section, table="hardening"):
    """What programs and libraries must have been compiled with."""

    pie: Level = Field("error", description="How a program counts that is not loaded anywhere.")
    nx: Level = Field("error", description="How a file counts whose stack may be executed.")
    relro: Level = Field(
        "warn", description="How a file counts whose relocations stay writable (no RELRO)."
    )
    bind_now: Level = Field(
        "off", description="How a file counts that resolves symbols lazily (RELRO in part only)."
    )
    stack_protector: Level = Field(
        "warn",
        description="How a file counts that handles buffers but never checks for a smashed stack.",
    )


CODES = Codes(
    {
        "hardening/no-pie": Code(
            ERROR, "A program is not position-independent.", level="hardening.pie"
        ),
        "hardening/executable-stack": Code(
            ERROR, "A program asks for an executable stack.", level="hardening.nx"
        ),
        "hardening/no-relro": Code(
            WARNING, "A program leaves its relocations writable.", level="hardening.relro"
        ),
        "hardening/lazy-binding": Code(
            WARNING, "A program resolves its symbols lazily.", level="hardening.bind_now"
        ),
        "hardening/no-stack-protector": Code(
            WARNING,
            "A program fills buffers without guarding the stack.",
            level="hardening.stack_protector",
        ),
    }
)


class HardeningCheck(FileCheck):
    """Each protection at the level `[hardening]` gives it."""

    name = "hardening"
    codes = CODES
    settings = (Hardening,)

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        findings: list[Finding] = []
        counts = {"pie": 0, "relro": 0, "bind_now": 0, "stack_protector": 0, "files": 0}
        for deb, member, handle in context.files():
            if handle is None or member.head[:4] != b"\x7fELF":
                continue
            elf = read(handle)
            if elf is None or not elf.loadable:
                continue
            counts["files"] += 1
            counts["pie"] += elf.kind != ET_EXEC
            counts["relro"] += elf.relro
            counts["bind_now"] += elf.relro and elf.bind_now
            counts["stack_protector"] += b"__stack_chk_fail" in elf.names
            findings += judge(deb, member, elf, handle)
        measured = {f"{name}_files" if name != "files" else name: float(n)
                    for name, n in counts.items()}  # fmt: skip
        return conclude(self.name, started, findings, measurements=measured)


def judge(deb: Deb, member: Member, elf: Elf, handle: IO[bytes]) -> list[Finding]:
    """Which protections are missing that the file's toolchain gives; looked for when one is."""
    missing = list(_missing(deb, elf))
    spared = _NOT_GIVEN.get(made_by(handle), frozenset()) if missing else frozenset()
    return [
        CODES.found(
            f"hardening/{code}", f"{member.path} in {deb.package} {problem}",
            evidence=(Evidence(file=member.path, text=evidence),), fix=_FLAGS,
        )
        for code, problem, evidence in missing
        if code not in spared
    ]  # fmt: skip


def _missing(deb: Deb, elf: Elf) -> Iterator[tuple[str, str, str]]:
    if elf.kind == ET_EXEC:
        yield "no-pie", "is not a position-independent program", "e_type ET_EXEC"
    if elf.exec_stack or (elf.exec_stack is None and deb.arch in _EXECUTABLE_BY_DEFAULT):
        said = "PT_GNU_STACK with PF_X" if elf.exec_stack else "no PT_GNU_STACK segment"
        yield "executable-stack", "asks for an executable stack", said
    if not elf.relro:
        yield (
            "no-relro", "leaves its relocations writable",
            "no PT_GNU_RELRO segment",
        )  # fmt: skip
    elif not elf.bind_now:
        yield (
            "lazy-binding", "resolves symbols lazily",
            "PT_GNU_RELRO without BIND_NOW",
        )  # fmt: skip
    used = sorted(elf.names & _BUFFER_FUNCTIONS)
    if used and b"__stack_chk_fail" not in elf.names:
        names = ", ".join(name.decode() for name in used[:6])
        yield (
            "no-stack-protector",
            "fills buffers without guarding the stack",
            f"it uses {names} and never __stack_chk_fail",
        )  # fmt: skip
