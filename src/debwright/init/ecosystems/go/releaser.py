"""What an author has configured for goreleaser or nFPM: it holds for the Debian package, too.

Source: the reference of .goreleaser.yaml (builds, nfpms) and of nfpm.yaml (nfpm.goreleaser.com).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from debwright.init.facts import person
from debwright.init.model import PROGRAM, Person, one_line

FILES = (
    ".goreleaser.yaml", ".goreleaser.yml", "goreleaser.yaml", "goreleaser.yml",
    "nfpm.yaml", "nfpm.yml", ".nfpm.yaml", "packaging/nfpm.yaml",
)  # fmt: skip
MAX_BYTES = 256 * 1024
_STAMP = re.compile(r"-X[ =]'?\"?(?P<name>[\w./-]+)=\{\{ *\.(?:Version|Tag)")
_DEPENDENCY = re.compile(r"[a-z0-9][a-z0-9+.-]+(?: \([<>=]+ [\w.+~:-]+\))?")
_LICENCE = re.compile(r"[\w.+ -]{1,60}")


@dataclass(frozen=True, kw_only=True)
class Releaser:
    """What the files say; empty where they do not."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Names of programs by the directories of their main packages."""
    stamps: tuple[str, ...] = ()
    """Variables that are set to the version, as `main.version`."""
    tags: tuple[str, ...] = ()
    cgo: bool | None = None
    description: str = ""
    homepage: str | None = None
    licence: str = ""
    author: Person | None = None
    depends: tuple[str, ...] = ()
    config_files: tuple[str, ...] = ()
    """Files of the project that are installed below /etc."""
    install: tuple[tuple[str, str], ...] = ()
    """Other files of the project, and the directory for each."""
    notes: tuple[str, ...] = ()


def read_releaser(directory: Path, package: str) -> Releaser:
    """The first of the files that there is."""
    import yaml

    for name in FILES:
        path = directory / name
        if not path.is_file() or path.is_symlink():
            continue
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES).decode("utf-8", "replace")
        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            return Releaser(notes=(f"{name} is no YAML and was not read",))
        if isinstance(data, dict):
            return _parsed(directory, data, package)
    return Releaser()


def _parsed(directory: Path, data: Mapping[str, Any], package: str) -> Releaser:
    builds = [b for b in _list(data.get("builds")) if isinstance(b, dict)]
    nfpms = [n for n in _list(data.get("nfpms")) if isinstance(n, dict)]
    packages = nfpms[0] if nfpms else data if "contents" in data or "maintainer" in data else {}
    names, stamps, tags, variables = _builds(builds)
    config, install = _contents(directory, packages, package)
    depends = [
        d
        for d in _list(packages.get("dependencies", packages.get("depends")))
        if isinstance(d, str)
    ]
    homepage = packages.get("homepage")
    licence = packages.get("license")
    cgo = next(
        (v.partition("=")[2] == "1" for v in variables if v.startswith("CGO_ENABLED=")), None
    )
    return Releaser(
        names=names, stamps=stamps, tags=tags, cgo=cgo,
        description=one_line(str(packages.get("description") or "").strip().split("\n\n")[0]),
        homepage=homepage if _is_address(homepage) else None,
        licence=licence if isinstance(licence, str) and _LICENCE.fullmatch(licence) else "",
        author=person(packages.get("maintainer")),
        depends=tuple(d for d in depends if _DEPENDENCY.fullmatch(d)),
        config_files=config, install=install,
    )  # fmt: skip


def _builds(
    builds: list[dict[str, Any]],
) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    names, stamps, tags, variables = {}, list[str](), list[str](), list[str]()
    for build in builds:
        main, binary = str(build.get("main") or "."), build.get("binary")
        place = PurePosixPath(main)
        directory = str(place.parent if main.endswith(".go") else place)
        if isinstance(binary, str) and PROGRAM.fullmatch(binary) and ".." not in place.parts:
            names[directory] = binary
        for text in _list(build.get("ldflags")):
            stamps += [m["name"] for m in _STAMP.finditer(str(text))]
        found = (str(t) for t in _list(build.get("tags", build.get("flags"))))
        tags += [t for t in found if re.fullmatch(r"[a-z_][a-z0-9_]*", t)]
        variables += [str(v) for v in _list(build.get("env"))]
    return names, tuple(dict.fromkeys(stamps)), tuple(dict.fromkeys(tags)), tuple(variables)


def _contents(
    directory: Path, packages: Mapping[str, Any], package: str
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """What `contents` adds from the tree; units are found in the tree in any case."""
    config, install = [], []
    for source, target, kind in _files(packages):
        inside = (directory / source).resolve()
        if not inside.is_file() or not inside.is_relative_to(directory.resolve()):
            continue
        if not re.fullmatch(r"[\w./@+-]+", source) or source.endswith(
            (".service", ".timer", ".socket")
        ):
            continue
        place = PurePosixPath(target)
        if (
            kind.startswith("config")
            and str(place.parent) == f"/etc/{package}"
            and place.name == inside.name
        ):
            config.append(source)
        elif place.is_absolute() and ".." not in place.parts and place.name == inside.name:
            install.append((source, str(place.parent).lstrip("/")))
    return tuple(config), tuple(install)


def _files(packages: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for item in _list(packages.get("contents")):
        if (
            isinstance(item, dict)
            and isinstance(item.get("src"), str)
            and isinstance(item.get("dst"), str)
        ):
            target = item["dst"]
            name = PurePosixPath(item["src"]).name
            yield (
                str(PurePosixPath(item["src"])),
                target + name if target.endswith("/") else target,
                str(item.get("type") or ""),
            )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_address(value: object) -> bool:
    return (
        isinstance(value, str)
        and re.fullmatch(r"https?://[\w.:/?#@!&*+,;=%~-]+", value) is not None
    )
