"""Paths of the build machine that a package still carries."""

import re
import time
from collections.abc import Iterator
from typing import IO

from debwright.checks.engine.base import CheckContext, FileCheck, conclude
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.debs import Deb, Member
from debwright.packages.elf import read
from debwright.packages.unpacked import chunks

READ_LIMIT = 64 * 1024**2
OVERLAP = 512
MOST_PATHS = 3
"""Paths quoted of one file."""

# Where packages are built: debwright's and sbuild's /build, CI runners' and people's homes.
_BUILD = re.compile(
    rb"(?<![A-Za-z0-9_.$}/-])/(?:build/[A-Za-z0-9][A-Za-z0-9.+~_-]{2,80}/|home/runner/work/|github/workspace/|"
    rb"builds/[A-Za-z0-9_-]{1,40}/|var/lib/jenkins/|tmp/(?:pip-|tmp|build)[A-Za-z0-9_-]{4,40}/|"
    rb"home/[a-z][a-z0-9_-]{0,31}/[A-Za-z0-9._-]{1,60}/)[A-Za-z0-9.+~_/-]{0,160}"
)
_HINTS = (b"/build", b"/home/", b"/github/w", b"/var/lib/j", b"/tmp/")
# People whom manuals tell of.
_NOBODYS = re.compile(
    rb"^/home/(?:user(?:name)?|you|me|foo|bar|alice|bob|joe?|john|jane|example|someone|myuser|"
    rb"your[a-z]*|git|www|ftp|lib|test[a-z]*|admin|guest|debian|ubuntu|pi|vagrant)/"
)
# A program's way to its interpreter and libraries: only the system's own directories do.
_BUILD_DIRECTORY = re.compile(r"^/(?:build|home|tmp|root|builds|github|var/tmp|work|src)(?:/|$)")
_DOCUMENTATION = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/share/locale/")


CODES = Codes(
    {
        "buildpath/embedded": Code(
            WARNING, "A file holds the path of a build directory.", level="files.build_paths"
        ),
        "buildpath/interpreter": Code(
            ERROR, "A program is run by an interpreter that only the build had."
        ),
        "buildpath/rpath": Code(
            ERROR, "A program looks for libraries in a directory that only the build had."
        ),
    }
)


class BuildPathCheck(FileCheck):
    """Build directories in files; interpreters and library paths that exist nowhere else."""

    name = "buildpath"
    codes = CODES
    settings = ("files",)

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        findings: list[Finding] = []
        for deb, member, handle in context.files():
            if handle is None or member.path.startswith(_DOCUMENTATION):
                continue
            findings += _broken(deb, member, handle)
            handle.seek(0)
            paths = embedded(handle)
            if paths:
                findings.append(
                    CODES.found(
                        "buildpath/embedded",
                        f"{member.path} in {deb.package} holds the path of a build directory",
                        evidence=tuple(Evidence(file=member.path, text=p) for p in paths),
                        fix="dpkg-buildflags' -ffile-prefix-map hides it from compilers; for the "
                        "rest, do not write $(CURDIR) or __file__ into what is installed",
                    )
                )
        return conclude(self.name, started, findings)


def embedded(handle: IO[bytes]) -> list[str]:
    """The first few build paths in the content."""
    found: dict[str, None] = {}
    for _, data in chunks(handle, READ_LIMIT, OVERLAP):
        if not any(hint in data for hint in _HINTS):
            continue
        for match in _BUILD.finditer(data):
            if _NOBODYS.match(match[0]):
                continue
            found.setdefault(match[0].decode("ascii", "replace"))
            if len(found) >= MOST_PATHS:
                return list(found)
    return list(found)


def _broken(deb: Deb, member: Member, handle: IO[bytes]) -> Iterator[Finding]:
    """Paths that are followed when the program starts: there they cannot be."""
    if member.head.startswith(b"#!"):
        line = handle.readline(256).decode("utf-8", "replace").strip()
        program = line.removeprefix("#!").strip().split(" ", 1)[0]
        if _BUILD_DIRECTORY.match(program):
            yield CODES.found(
                "buildpath/interpreter",
                f"{member.path} in {deb.package} is run by {program}, which only the build had",
                evidence=(Evidence(file=member.path, line=1, text=line),),
                fix="install with the distribution's interpreter: /usr/bin/python3",
            )
    elif member.head.startswith(b"\x7fELF"):
        elf = read(handle)
        path = elf.search_path if elf else ""
        for directory in path.split(":"):
            if directory and (_BUILD_DIRECTORY.match(directory) or directory[0] not in "/$"):
                yield CODES.found(
                    "buildpath/rpath",
                    f"{member.path} in {deb.package} looks for libraries in {directory}",
                    evidence=(
                        Evidence(file=member.path, text=f"RUNPATH {elf and elf.search_path}"),
                    ),
                    fix="link without -rpath, or remove it with chrpath --delete: whoever can "
                    "write to that directory runs code in the program",
                )
