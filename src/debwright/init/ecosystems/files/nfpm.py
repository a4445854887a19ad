"""nfpm.yaml: what an author has told nFPM of the package (nfpm.goreleaser.com, "Configuration")."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from debwright.init.ecosystems.files.guess import Entry
from debwright.init.model import one_line
from debwright.model.errors import Evidence, UsageError

NAMES = ("nfpm.yaml", "nfpm.yml", ".nfpm.yaml", "packaging/nfpm.yaml")
MAX_BYTES = 256 * 1024
_TYPES = {
    "": "file", "file": "file", "config": "config", "config|noreplace": "config", "dir": "dir",
    "config|missingok": "config", "tree": "tree", "symlink": "symlink", "doc": "file",
    "license": "file", "licence": "file", "readme": "file",
}  # fmt: skip
_ARCH = re.compile(r"\$\{?(?:GOARCH|ARCH|NFPM_ARCH)\}?")
_DEPENDS = re.compile(r"[a-z0-9][a-z0-9+.-]+(?: \([<>=]{1,2} [A-Za-z0-9.+~:-]+\))?")


@dataclass(frozen=True, kw_only=True)
class Nfpm:
    """What the file says, as far as it is about this kind of package."""

    file: str
    name: str = ""
    version: str = ""
    description: str = ""
    homepage: str = ""
    licence: str = ""
    maintainer: str = ""
    depends: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()


def find(directory: Path) -> str | None:
    return next((name for name in NAMES if (directory / name).is_file()), None)


def read(directory: Path, file: str, arches: tuple[str, ...] = ("amd64", "arm64")) -> Nfpm:
    """Read the author's file. Raises UsageError when it is none."""
    try:
        with (directory / file).open("rb") as stream:
            data = yaml.safe_load(stream.read(MAX_BYTES))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read", evidence=[Evidence(text=str(error)[:200], file=file)]
        ) from error
    said: Mapping[str, Any] = data if isinstance(data, dict) else {}
    unread = [key for key in ("scripts", "overrides") if said.get(key)]
    notes = [f"{file} has {key}: debwright does not read them" for key in unread]
    contents = said.get("contents") or []
    entries = [e for c in contents if isinstance(c, dict) for e in _entry(directory, c, arches)]
    return Nfpm(
        file=file, entries=tuple(entries), notes=tuple(notes),
        depends=tuple(d for d in map(str, said.get("depends") or []) if _DEPENDS.fullmatch(d)),
        **{
            key: one_line(said.get(theirs))
            for key, theirs in (
                ("name", "name"), ("version", "version"), ("description", "description"),
                ("homepage", "homepage"), ("licence", "license"), ("maintainer", "maintainer"),
            )
        },
    )  # fmt: skip


def _entry(directory: Path, content: Mapping[str, Any], arches: tuple[str, ...]) -> list[Entry]:
    kind = _TYPES.get(str(content.get("type") or ""))
    packager = content.get("packager")
    if kind is None or packager not in (None, "", "deb"):
        return []
    info = content.get("file_info") or {}
    entry: dict[str, Any] = {"dst": str(content.get("dst", ""))}
    source = str(content.get("src") or "")
    if kind != "dir":
        entry["src"] = _source(directory, source, arches) if kind != "symlink" else source
    if kind != "file":
        entry["type"] = kind
    if isinstance(info.get("mode"), int):
        entry["mode"] = f"{info['mode']:04o}"
    for key in ("owner", "group"):
        if info.get(key) not in (None, "", "root"):
            entry[key] = str(info[key])
    return [entry]


def _source(directory: Path, source: str, arches: tuple[str, ...]) -> str | dict[str, str]:
    relative = os.path.normpath(source) + ("/" if source.endswith("/") else "")
    if not _ARCH.search(relative):
        return relative.rstrip("/")
    there = {arch: _ARCH.sub(arch, relative) for arch in arches}
    return {arch: path for arch, path in there.items() if (directory / path).is_file()}
