"""Unpacking wheels (PyPA specification "Binary distribution format") below one directory."""

from __future__ import annotations

import fnmatch
import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import elf
from .problem import Problem

LIMIT = 4 * 1024**3
"""Bytes that one wheel may unpack to: more is an archive made to fill a disk."""


@dataclass(frozen=True)
class Member:
    """A file of a wheel and where it goes."""

    info: zipfile.ZipInfo
    target: PurePosixPath
    script: bool = False
    """It is a program, of NAME.data/scripts; its place is below bin/."""
    data: bool = False
    """Its place is below the prefix of an installation, by NAME.data/data."""


def members(archive: zipfile.ZipFile) -> Iterator[Member]:
    """Every file, with .data directories resolved; raises Problem for one that may not be."""
    total = 0
    for info in archive.infolist():
        path = PurePosixPath(info.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in info.filename or "\0" in str(path):
            raise Problem(f"{archive.filename}: a member leads elsewhere: {info.filename!r}")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Problem(f"{archive.filename}: {info.filename!r} is neither file nor directory")
        if info.is_dir() or not path.parts:
            continue
        total += info.file_size
        if total > LIMIT:
            raise Problem(f"{archive.filename} unpacks to more than {LIMIT >> 30} GiB")
        if path.parts[0].endswith(".data") and len(path.parts) > 2:
            scheme, rest = path.parts[1], PurePosixPath(*path.parts[2:])
            if scheme in ("purelib", "platlib", "data"):
                yield Member(info, rest, data=scheme == "data")
            elif scheme == "scripts":
                yield Member(info, PurePosixPath("bin") / rest, script=True)
            elif scheme == "headers":
                continue  # for compiling against it, never at run time
            else:
                raise Problem(f"{archive.filename}: unknown scheme {scheme!r}")
        else:
            yield Member(info, path)


def unpack(
    wheel: Path,
    target: Path,
    *,
    arch: str | None,
    exclude: Sequence[str] = (),
    only: Sequence[str] = (),
    scripts: bool = False,
    prefix: Path | None = None,
    interpreter: str = "/usr/bin/python3",
) -> list[Path]:
    """Put the wheel's files below `target` and return them.

    With `arch`, an ELF file for another machine is refused. With `prefix`, programs and data go
    there and not below `target`; `interpreter` runs the programs. RECORD is left out: nothing but
    dpkg is to change these files. Raises Problem; a file that two wheels bring must be the same.
    """
    written = []
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in members(archive):
                name = str(member.target)
                if member.script and not scripts:
                    continue
                if _is_record(member.target) or any(fnmatch.fnmatch(name, p) for p in exclude):
                    continue
                if only and not any(fnmatch.fnmatch(name, p) for p in only):
                    continue
                place = prefix if prefix and (member.script or member.data) else target
                written.append(
                    _write(
                        archive, member, place, arch=arch, wheel=wheel.name,
                        interpreter=interpreter,
                    )
                )  # fmt: skip
    # NotImplementedError is zipfile's for a kind of compression that it does not know.
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise Problem(f"{wheel.name} is not a wheel that can be read: {error}") from error
    return written


def _is_record(path: PurePosixPath) -> bool:
    return path.parent.name.endswith(".dist-info") and path.name in ("RECORD", "RECORD.jws")


def _write(
    archive: zipfile.ZipFile,
    member: Member,
    target: Path,
    *,
    arch: str | None,
    wheel: str,
    interpreter: str,
) -> Path:
    content = archive.read(member.info)
    if arch is not None and (why := elf.wrong_machine(content[: elf.HEADER], arch)):
        raise Problem(f"{wheel}: {member.info.filename}: {why}")
    path = target / member.target
    if path.is_symlink() or path.exists():
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            raise Problem(f"{wheel}: {member.target} is there already, and is another file")
        return path
    _directories(target, path.parent)
    if member.script and content.startswith(b"#!python"):
        content = f"#!{interpreter}".encode() + content[content.index(b"\n") :]
    path.write_bytes(content)
    path.chmod(0o755 if member.script else 0o644)
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        os.utime(path, (int(epoch), int(epoch)))
    return path


def _directories(target: Path, directory: Path) -> None:
    """Make the directory and those above it up to `target`, whatever the umask."""
    if directory != target and not directory.is_dir():
        _directories(target, directory.parent)
    if not directory.is_dir():
        directory.mkdir(parents=True)
        directory.chmod(0o755)
