"""Reading binary packages, which are hostile until checked."""

import re
import stat
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from debwright.host.files import sha256_file
from debwright.host.process import Interrupted
from debwright.model.errors import DebwrightError, Evidence, UsageError
from debwright.model.fix import Command
from debwright.packages.control_archive import read_member

FIELDS = ("Pre-Depends", "Depends", "Recommends", "Conflicts", "Breaks", "Replaces", "Provides")
LIMIT = 200_000
"""Members of one package; a package with more is refused rather than read for ever."""


# Debian policy 5.6.1, 5.6.8 and 5.6.12. They become parts of paths and arguments of apt-get.
_FIELD_FORMS = {
    "Package": re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII),
    "Source": re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII),
    "Version": re.compile(r"(?:\d+:)?\d[A-Za-z0-9.+~:-]*", re.ASCII),
    "Architecture": re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII),
}


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A .deb and the fields of its control file (deb(5), Debian policy 5.3)."""

    path: Path
    package: str
    version: str
    arch: str
    source: str
    relations: dict[str, str]
    installed_kib: int | None
    sha256: str
    section: str

    @property
    def debug(self) -> bool:
        return self.section.split("/")[-1] == "debug" and self.package.endswith("-dbgsym")

    @property
    def size(self) -> int:
        return self.path.stat().st_size


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file of the package as it will be unpacked; `path` is absolute."""

    path: str
    mode: int
    uid: int
    gid: int
    size: int
    kind: str
    """`file`, `directory`, `symlink`, `hardlink` or `special`."""
    link: str
    head: bytes
    """The first 64 bytes of a regular file."""

    @property
    def executable(self) -> bool:
        return bool(self.mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))


def opened(path: Path) -> Any:
    """The package as python-debian reads it. That is slow to load, and most commands read none."""
    from debian.debfile import DebFile

    return DebFile(str(path))


def read_deb(path: Path) -> Deb:
    """Read the control file. Raises UsageError when the file is not a Debian package."""
    try:
        control = _control(path)
        size = control.get("Installed-Size", "")
        source = control.get("Source", control["Package"]).split("(")[0].strip()
        _require_forms({**control, "Source": source})
        return Deb(
            path=path,
            package=control["Package"],
            version=control["Version"],
            arch=control["Architecture"],
            source=source,
            relations={f: " ".join(control[f].split()) for f in FIELDS if f in control},
            installed_kib=int(size) if size.isdigit() else None,
            sha256=sha256_file(path),
            section=control.get("Section", ""),
        )
    except Exception as problem:
        # DebFile raises whatever its parsers do; all of it means the same to the user.
        raise UsageError(
            f"{path.name} is not a readable Debian package",
            evidence=[Evidence(text=f"{type(problem).__name__}: {problem}", file=str(path))],
            fix=Command("dpkg-deb", "--info", path),
        ) from problem


CONTROL_LIMIT = 4 * 1024 * 1024


def _control(path: Path) -> Mapping[str, str]:
    from debian.deb822 import Deb822

    text = read_member(path, "control")
    if text is None:
        raise ValueError("it has no control file")
    fields: Mapping[str, str] = Deb822(text)
    return fields


def control_file(path: Path, name: str) -> str | None:
    """A file of the control archive, as `templates` or `postinst`; None where there is none.

    Raises UsageError when the package cannot be read.
    """
    with unreadable(path):
        data = read_member(path, name, CONTROL_LIMIT)
    return None if data is None else data.decode("utf-8", "replace")


def _require_forms(fields: Mapping[str, str]) -> None:
    for name, form in _FIELD_FORMS.items():
        if not form.fullmatch(fields[name]):
            raise ValueError(f"{name}: {fields[name]!r} is not allowed there")


def members(path: Path) -> Iterator[Member]:
    """The files of a package, in the order of its data archive.

    Raises UsageError when the archive cannot be read to its end.
    """
    with unreadable(path), opened(path) as deb:
        archive = deb.data.tgz()
        for number, entry in enumerate(archive):
            if number >= LIMIT:
                raise UsageError(f"{path.name} holds more than {LIMIT} files")
            yield member_of(entry, archive.extractfile(entry) if entry.isreg() else None)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Say of any failure to read the data archive what it means to the user, as UsageError."""
    try:
        yield
    except (DebwrightError, Interrupted, GeneratorExit):
        raise
    except Exception as problem:
        # As in read_deb: tarfile and the decompressors raise many things.
        raise UsageError(
            f"the files of {path.name} cannot be read",
            evidence=[Evidence(text=f"{type(problem).__name__}: {problem}", file=str(path))],
            fix=Command("dpkg-deb", "--contents", path),
        ) from problem


def member_of(entry: tarfile.TarInfo, handle: IO[bytes] | None) -> Member:
    """A member of the data archive; `handle` reads it from its beginning and is rewound."""
    head = b""
    if handle is not None:
        head = handle.read(64)
        handle.seek(0)
    return Member(
        path=_absolute(entry.name),
        mode=entry.mode,
        uid=entry.uid,
        gid=entry.gid,
        size=entry.size,
        kind=_kind(entry),
        link=entry.linkname,
        head=head,
    )


def _absolute(name: str) -> str:
    return "/" if name == "." else "/" + name.removeprefix("./").lstrip("/")


def _kind(entry: tarfile.TarInfo) -> str:
    if entry.isreg():
        return "file"
    if entry.isdir():
        return "directory"
    if entry.issym():
        return "symlink"
    return "hardlink" if entry.islnk() else "special"
