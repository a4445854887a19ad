"""Reading source distributions (PyPA specification "Source distribution file format")."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from .problem import Problem

LIMIT = 8 * 1024**3
"""Bytes that one sdist may unpack to."""
EPOCH_1980 = 315532800
EPOCH_2107 = 4354819198
"""Seconds; a zip archive, which a wheel is, knows no earlier date than the one and no later one."""


def unpack(archive: Path, target: Path) -> tuple[Path, int]:
    """Unpack below `target`; returns the one directory within and its newest file's date.

    Links must stay inside; devices and the like are refused. (tarfile's own filters are newer
    than the oldest Python this runs on.)
    """
    newest = EPOCH_1980
    try:
        if archive.suffix == ".zip":
            newest = _unpack_zip(archive, target)
        else:
            newest = _unpack_tar(archive, target)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise Problem(f"{archive.name} cannot be unpacked: {error}") from error
    inside = [p for p in target.iterdir() if p.is_dir()]
    if len(inside) != 1:
        raise Problem(f"{archive.name} does not hold one directory, as an sdist does")
    return inside[0], min(max(newest, EPOCH_1980), EPOCH_2107)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Problem(f"a member leads out of the sdist: {name!r}")
    return path


def _unpack_tar(archive: Path, target: Path) -> int:
    newest, total = 0, 0
    with tarfile.open(archive) as tar:
        for member in tar:
            path = target / _inside(member.name)
            total += member.size
            if total > LIMIT:
                raise Problem(f"{archive.name} unpacks to more than {LIMIT >> 30} GiB")
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            if not (member.isreg() or member.issym() or member.islnk()):
                raise Problem(f"{archive.name}: {member.name!r} is no file, directory or link")
            _parents(path, target)
            if member.issym():
                _inside(
                    member.linkname
                    if member.linkname.startswith("/")
                    else os.path.normpath(f"{PurePosixPath(member.name).parent}/{member.linkname}")
                )
                path.symlink_to(member.linkname)
                continue
            newest = max(newest, int(member.mtime))
            content = tar.extractfile(member)
            if content is None:
                raise Problem(f"{archive.name}: {member.name!r} has no content")
            _write(path, content, 0o755 if member.mode & 0o100 else 0o644, int(member.mtime))
    return newest


def _unpack_zip(archive: Path, target: Path) -> int:
    total = 0
    with zipfile.ZipFile(archive) as source:
        for info in source.infolist():
            path = target / _inside(info.filename)
            total += info.file_size
            if total > LIMIT:
                raise Problem(f"{archive.name} unpacks to more than {LIMIT >> 30} GiB")
            if info.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            _parents(path, target)
            with source.open(info) as content:
                executable = (info.external_attr >> 16) & 0o100
                _write(path, content, 0o755 if executable else 0o644, EPOCH_1980)
    return EPOCH_1980


def _parents(path: Path, target: Path) -> None:
    """Make the directories above `path`; none may be a link that an earlier member made."""
    directory = target
    for part in path.parent.relative_to(target).parts:
        directory = directory / part
        if directory.is_symlink():
            raise Problem(f"{path.name!r} would be written through a link")
        directory.mkdir(exist_ok=True)
    if path.is_symlink():
        path.unlink()


def _write(path: Path, content: Any, mode: int, date: int) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
    path.chmod(mode)
    os.utime(path, (date, date))


def build_system(directory: Path) -> tuple[str, list[str]]:
    """The build backend and where in the tree it is looked for (PEP 517, [build-system])."""
    try:
        text = (directory / "pyproject.toml").read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    section = re.search(r"^\[build-system\][ \t]*(?:#.*)?$(.*?)(?=^\[|\Z)", text, re.M | re.S)
    body = section[1] if section else ""
    backend = re.search(r"^build-backend\s*=\s*[\"']([\w.:]+)[\"']", body, re.M)
    paths = re.search(r"^backend-path\s*=\s*\[(.*?)\]", body, re.M | re.S)
    found = re.findall(r"[\"']([^\"']+)[\"']", paths[1]) if paths else []
    for path in found:
        _inside(path)
    return (backend[1] if backend else "setuptools.build_meta:__legacy__"), found
