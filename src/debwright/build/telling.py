"""The lines of a build's log that tell why it failed, as far as words alone can tell."""

import re
from collections.abc import Sequence

Numbered = tuple[int, str]
"""A line with its number."""

_TELLING = re.compile(
    r"\b[A-Za-z_.]*(?:error|exception)\b(?! *=)|\bfatal\b|\berror(?:\[E\d+\])?:|Error \d+|"
    r"no such file|undefined reference|cannot find|can't find|not found|no module named|"
    r"permission denied|segmentation fault|killed\b|unable to|^panic:",
    re.I,
)
_ASIDE = re.compile(
    # Flags of compilers, and names of files and packages.
    r"-W[a-z-]*error|[a-z]-errors?-[a-z]|\berrors?\.(?:c|cc|cpp|go|h|hpp|html|js|md|o|py|rs|ts|txt)\b|"
    # What configure looks for, and tests that passed.
    r"^checking |^-- (?:Looking|Performing|Check)|\b(?:ok|yes|PASS(?:ED)?|passed)$|"
    r"\b(?:0|no) errors?\b|"
    # Remarks that debhelper's tools make in good builds.
    r"^dwz: |not beneficial|^dpkg-gencontrol: warning|^dpkg-shlibdeps: warning|"
    r"\bwarning: (?!Cannot find \(any)",
    re.I,
)
_COMMAND = re.compile(
    r"^\s*(?:\S*/)?(?:[\w.-]+-)?(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|ld|ar|rustc|go|install|"
    r"libtool|cp|mv|sed|echo)(?:-[\d.]+)? "
)
_TRACEBACK = re.compile(r"^\s*Traceback \(most recent call last\)")
_RAISED = re.compile(r"^\s*(?:E +)?(?:[A-Za-z_][\w.]*)(?:Error|Exception|Exit|Interrupt|Warning)\b")


_NO_SPACE = re.compile(r"No space left on device")
# The disk is not meant: /dev/full, which tests write to, pipes, memory, tables of the kernel.
_NO_DISK = re.compile(
    r"/dev/full|/dev/shm|\bstd(?:out|err)\b|\bstandard (?:output|error)\b|\bpipe\b|inotify|"
    r"\bsem(?:get|op)\b",
    re.I,
)
_SOON = 60
"""Lines within which a build ends that has no room any more."""


def disk_full(lines: Sequence[Numbered], limit: int = 2) -> list[Numbered]:
    """The lines near a failed build's end that say that a disk is full.

    What its tests have met before, and gone on after, is not what it failed of.
    """
    return [
        line
        for line in lines[-_SOON:]
        if _NO_SPACE.search(line[1]) and not _NO_DISK.search(line[1])
    ][:limit]


def telling(lines: Sequence[Numbered], limit: int = 6) -> list[Numbered]:
    """At most `limit` lines that speak of an error, in the order of the log.

    Where there are more, the first ones stay, which are the cause of most of the others, and the
    last ones, which a program says before it ends; what a Python program has raised comes first of
    all. Commands that only have such a word among their arguments are left out.
    """
    found = [
        line
        for line in lines
        if _TELLING.search(line[1])
        and not _ASIDE.search(line[1])
        and not _COMMAND.match(line[1])
        and not _TRACEBACK.match(line[1])
    ]
    if len(found) <= limit:
        return found
    raised = [line for line in found if _RAISED.match(line[1])][-(limit // 2) :]
    rest = [line for line in found if line not in raised]
    first = (limit - len(raised) + 1) // 2
    last = limit - len(raised) - first
    return sorted([*raised, *rest[:first], *(rest[-last:] if last else [])])
