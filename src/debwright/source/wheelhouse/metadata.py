"""What a distribution says of itself: its licence for debian/copyright and the SBOM."""

import re
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from debwright.model.errors import Evidence
from debwright.source.wheelhouse.carried.helper import elf
from debwright.source.wheelhouse.carried.helper.problem import Problem
from debwright.source.wheelhouse.carried.helper.unpack import members
from debwright.source.wheelhouse.resolve import WheelhouseError

LIMIT = 4 * 1024 * 1024
_LICENCE_FILE = re.compile(r"(?i)(licen[cs]e|copying|notice|authors)[^/]*")


@dataclass(frozen=True, kw_only=True)
class About:
    """The parts of core metadata that people and SBOMs ask for."""

    licence: str | None
    licence_files: tuple[str, ...]
    """Paths within the file."""
    summary: str | None
    homepage: str | None
    requires: tuple[Requirement, ...] = ()
    """What an sdist is compiled with (build-system.requires)."""


def about_wheel(path: Path, arches: frozenset[str]) -> About:
    """Read a wheel's METADATA and look at its libraries.

    Raises WheelhouseError when it cannot be read, or holds an ELF file for none of `arches`: there
    are wheels on indices whose name says one machine and whose content is another's.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = []
            for member in members(archive):
                names.append(member.info.filename)
                with archive.open(member.info) as content:
                    head = content.read(elf.HEADER)
                for arch in sorted(arches):
                    if why := elf.wrong_machine(head, arch):
                        raise WheelhouseError(
                            f"{path.name} holds a library that {arch} cannot use",
                            code="wheelhouse/wrong-machine",
                            evidence=[Evidence(text=why, file=member.info.filename)],
                            cause="whoever published the wheel packed the wrong file into it",
                            fix="lock another version of it, and tell its authors",
                        )
            core = next((n for n in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)), None)
            if core is None:
                raise _unreadable(path, "it has no METADATA")
            message = _parsed(archive.open(core).read(LIMIT))
    except Problem as problem:
        raise _unreadable(path, str(problem)) from problem
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError, RuntimeError) as error:
        raise _unreadable(path, str(error)) from error
    info = core.split("/", 1)[0]
    return _about(message, [n for n in names if n.startswith(f"{info}/") or "/" not in n])


def about_sdist(path: Path) -> About:
    """Read an sdist's PKG-INFO and pyproject.toml. Raises WheelhouseError when it is none."""
    try:
        contents, names = _zip_texts(path) if path.suffix == ".zip" else _tar_texts(path)
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise _unreadable(path, str(error)) from error
    message = _parsed(contents.get("PKG-INFO", b""))
    return _about(message, names, _requires(path, contents.get("pyproject.toml")))


def _tar_texts(path: Path) -> tuple[dict[str, bytes], list[str]]:
    found, names = {}, []
    with tarfile.open(path) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            if member.isreg() and len(parts) > 1:
                names.append("/".join(parts[1:]))
            if member.isreg() and len(parts) == 2 and parts[1] in ("PKG-INFO", "pyproject.toml"):
                content = tar.extractfile(member)
                found[parts[1]] = content.read(LIMIT) if content else b""
    return found, names


def _zip_texts(path: Path) -> tuple[dict[str, bytes], list[str]]:
    found, names = {}, []
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            parts = PurePosixPath(info.filename).parts
            if not info.is_dir() and len(parts) > 1:
                names.append("/".join(parts[1:]))
            if len(parts) == 2 and parts[1] in ("PKG-INFO", "pyproject.toml"):
                with archive.open(info) as content:
                    found[parts[1]] = content.read(LIMIT)
    return found, names


def _requires(path: Path, text: bytes | None) -> tuple[Requirement, ...]:
    try:
        system: dict[str, Any] = tomllib.loads((text or b"").decode()).get("build-system", {})
        # Without the table it is setuptools (PEP 518).
        return tuple(Requirement(r) for r in system.get("requires", ["setuptools"]))
    except (ValueError, InvalidRequirement, TypeError, AttributeError) as error:
        raise _unreadable(path, f"its pyproject.toml: {error}") from error


def _about(message: Message, names: list[str], requires: tuple[Requirement, ...] = ()) -> About:
    files = [n for n in names if _LICENCE_FILE.fullmatch(PurePosixPath(n).name)]
    return About(
        licence=_licence(message),
        licence_files=tuple(sorted(n for n in files if n.count("/") <= 2)),
        summary=_line(message.get("Summary")),
        homepage=_homepage(message),
        requires=requires,
    )


def _licence(message: Message) -> str | None:
    """An SPDX expression where there is one; else a short text, else the classifiers."""
    if expression := _line(message.get("License-Expression")):
        return expression
    classifiers = [
        str(c).rsplit(" :: ", 1)[-1]
        for c in message.get_all("Classifier", [])
        if str(c).startswith("License ::")
    ]
    text = str(message.get("License") or "").strip()
    if text and "\n" not in text and len(text) <= 100 and text.upper() != "UNKNOWN":
        return _line(text)
    return " OR ".join(classifiers) or None


def _homepage(message: Message) -> str | None:
    urls = {}
    for value in message.get_all("Project-URL", []):
        label, _, url = str(value).partition(",")
        urls[label.strip().lower()] = url.strip()
    for label in ("homepage", "home", "source", "repository", "source code", "github"):
        if label in urls:
            return _line(urls[label])
    return _line(message.get("Home-page")) or next((_line(u) for u in urls.values()), None)


def _line(value: object) -> str | None:
    """One line of printable text: metadata is whatever its author wrote."""
    text = "".join(c if c.isprintable() else " " for c in str(value or ""))[:500].strip()
    return None if text in ("", "UNKNOWN") else text


def _parsed(content: bytes) -> Message:
    return BytesParser().parsebytes(content, headersonly=True)


def _unreadable(path: Path, why: str) -> WheelhouseError:
    return WheelhouseError(
        f"{path.name} cannot be read", code="wheelhouse/unreadable",
        evidence=[Evidence(text=why[:300])], cause="the file is damaged, though its hash is right: "
        "so it was published", fix="lock another version of it",
    )  # fmt: skip
