"""Programs that are built already: for which architecture each is, by its own header."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from debwright.model.arch import ARCHITECTURES, BY_ELF
from debwright.model.errors import Evidence, UsageError
from debwright.packages import elf

_OTHERS = {
    b"MZ": "Windows", b"\xcf\xfa\xed\xfe": "macOS", b"\xfe\xed\xfa\xcf": "macOS",
    b"\xca\xfe\xba\xbe": "macOS",
}  # fmt: skip
"""First bytes of programs for other systems."""
ALIASES: Mapping[str, str] = {
    alias: row.name
    for row in ARCHITECTURES.values()
    for alias in (row.name, row.go, *row.kernel, row.gnu, row.node)
} | {"x86-64": "amd64", "armv7": "armhf", "armv6": "armhf", "arm": "armhf", "386": "i386"}
"""What people call architectures in names of files, and Debian's names."""
_SYSTEMS = (
    "unknown-linux-gnu",
    "unknown-linux-musl",
    "linux-gnu",
    "linux-musl",
    "linux",
    "musl",
    "gnu",
)
# The longest first: x86_64 is no x86.
_ARCH = "|".join(re.escape(a) for a in sorted(ALIASES, key=len, reverse=True))
_SYSTEM = "|".join(_SYSTEMS)
_SUFFIX = re.compile(rf"[-_.](?:(?:{_SYSTEM})[-_.])?(?P<arch>{_ARCH})(?:[-_.](?:{_SYSTEM}))?$")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program, with a file for each architecture."""

    name: str
    files: Mapping[str, str]
    """Debian's name of an architecture to the path in the project."""
    libraries: frozenset[str]
    """Sonames that it is linked with."""


def programs(directory: Path, paths: Iterable[str]) -> list[Program]:
    """The programs among `paths`. Raises UsageError for one that is for another machine than its
    place or name says."""
    found: dict[str, dict[str, str]] = {}
    libraries: dict[str, set[str]] = {}
    for path in paths:
        arch = architecture(directory / path)
        if arch is None:
            continue
        name, said = _name(path)
        if said is not None and said != arch:
            raise UsageError(
                f"{path} is a program for {arch}, and its name says {said}",
                evidence=[Evidence(text=f"ELF header: {arch}", file=path)],
                cause="it was built for, or copied from, another machine",
                fix=f"build it for {said} again",
            )
        found.setdefault(name, {}).setdefault(arch, path)
        libraries.setdefault(name, set()).update(_libraries(directory / path))
    return [
        Program(name=name, files=files, libraries=frozenset(libraries[name]))
        for name, files in found.items()
    ]


def architecture(path: Path) -> str | None:
    """Debian's name of the architecture that an ELF file is for; None for another file. Raises
    UsageError for a program of another system, and of a machine that Debian does not have."""
    with path.open("rb") as file:
        head = file.read(64)
    for magic, system in _OTHERS.items():
        if head.startswith(magic) and path.suffix in ("", ".exe"):
            raise UsageError(
                f"{path.name} is a program for {system}",
                fix="build it for Linux, or leave it out of the project",
            )
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return None
    order = "little" if head[5] == 1 else "big"
    machine = int.from_bytes(head[18:20], order)  # type: ignore[arg-type]
    row = BY_ELF.get((head[4], head[5], machine))
    if row is None:
        raise UsageError(
            f"{path.name} is for a machine that debwright does not build for",
            evidence=[Evidence(text=f"e_machine {machine}, class {head[4]}", file=path.name)],
            cause=f"known are {', '.join(ARCHITECTURES)}",
        )
    return row.name


def _name(path: str) -> tuple[str, str | None]:
    """The name of a program without its architecture, and the architecture that is said."""
    parts = PurePosixPath(path).parts
    match = _SUFFIX.search(parts[-1])
    if match:
        return parts[-1][: match.start()], ALIASES[match["arch"]]
    for folder in reversed(parts[:-1]):
        found = _SUFFIX.search(f"-{folder}")
        if found:
            return parts[-1], ALIASES[found["arch"]]
    return parts[-1], None


def _libraries(path: Path) -> set[str]:
    """Shared libraries among the names of its dynamic section."""
    with path.open("rb") as file:
        read = elf.read(file)
    names = read.names if read and read.dynamic else frozenset()
    wanted = re.compile(rb"lib[\w+.-]+\.so\.\d[\w.]*")
    return {name.decode() for name in names if wanted.fullmatch(name)}


def debian_package(soname: str) -> str:
    """The package that a shared library is in, by its name (policy 8.1)."""
    name, _, number = soname.partition(".so.")
    between = "-" if name[-1].isdigit() else ""
    return f"{name}{between}{number}".lower().replace("_", "-")
