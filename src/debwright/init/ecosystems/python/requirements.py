"""requirements.txt as pip reads it, for a lock with hashes: names, limits, markers and extras.

The format is pip's ("Requirements File Format" of its documentation).
"""

import codecs
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from debwright.model.errors import Evidence, UsageError
from debwright.source.wheelhouse.lockfile import logical_lines

FILES = (
    "requirements.txt", "requirements/production.txt", "requirements/prod.txt",
    "requirements-prod.txt", "requirements/base.txt", "requirements/requirements.txt",
    "requirements/common.txt", "requirements/main.txt", "requirements.in", "Pipfile",
)  # fmt: skip
"""Where the requirements of a deployment are, the likeliest first."""
MAX_BYTES = 1024 * 1024
MAX_DEPTH = 8
SHOWN = 8
_OPTION = re.compile(r"(--?[A-Za-z][a-z-]*)(?:[ =]\s*|(?<=^-[rce])|$)(.*)")
_HASH = re.compile(r"\s--hash[= ]\s*\S+")
_PER_LINE = re.compile(r"\s--(?:global-option|config-settings?|install-option)[= ].*$")
_ADDRESS = re.compile(r"(?:^|@\s*)(?:git|hg|svn|bzr)\+|(?:^|@\s*)[a-z][a-z0-9+.-]*://", re.I)
_PATH = re.compile(r"^(?:\.{1,2}(?:/|$|\[)|/|file:)|\.(?:whl|tar\.gz|zip)$")


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a file asks for, as PEP 508 writes it, and where."""

    text: str
    seen: str
    hashes: frozenset[str] = frozenset()
    """SHA-256 of the files that it may be; none where the file does not say."""


@dataclass(frozen=True, kw_only=True)
class Requirements:
    lines: tuple[Line, ...] = ()
    constraints: tuple[Line, ...] = ()
    """Limits for what others may ask for."""
    notes: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that is asked for; a constraint of something asked for is a part of it."""
        asked = {Requirement(line.text).name.lower() for line in self.lines}
        more = [c.text for c in self.constraints if Requirement(c.text).name.lower() in asked]
        return tuple(dict.fromkeys([*(line.text for line in self.lines), *more]))

    @property
    def hashes(self) -> dict[str, frozenset[str]]:
        """The hashes of each distribution that has some, by its name as it is compared."""
        found: dict[str, frozenset[str]] = {}
        for line in (*self.lines, *self.constraints):
            if line.hashes:
                name = re.sub(r"[-_.]+", "-", Requirement(line.text).name).lower()
                found[name] = found.get(name, frozenset()) | line.hashes
        return found

    @property
    def names(self) -> frozenset[str]:
        """The distributions asked for, in the form that is compared (PEP 503)."""
        return frozenset(
            re.sub(r"[-_.]+", "-", Requirement(line.text).name).lower() for line in self.lines
        )


@dataclass
class _Reading:
    directory: Path
    lines: list[Line] = field(default_factory=list)
    constraints: list[Line] = field(default_factory=list)
    impossible: list[Evidence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(directory: Path, below: str = "") -> str | None:
    """The file that a deployment installs from: at the top, else in the directory `below`."""
    files = (*FILES, *(f"{below}/{file}" for file in FILES if below))
    return next((f for f in files if (directory / f).is_file()), None)


def read_requirements(directory: Path, name: str) -> Requirements:
    """Read the file `name` and what it includes.

    Raises UsageError for a file that cannot be read, for what is no requirement, and for addresses,
    which no lock with hashes can hold.
    """
    reading = _Reading(directory)
    if name.rpartition("/")[2] == "Pipfile":
        _pipfile(reading, name)
    else:
        _file(reading, name, reading.lines, 0)
    if reading.impossible:
        raise UsageError(
            f"{name} asks for what no package index has a version of",
            evidence=reading.impossible[:SHOWN],
            cause="a build has no network, and a lock with hashes names files of an index; an "
            "address or a path is neither",
            fix="ask for a published version, or put the code into the project's tree",
        )
    return Requirements(
        lines=tuple(reading.lines),
        constraints=tuple(reading.constraints),
        notes=tuple(dict.fromkeys(reading.notes)),
    )


def decoded(path: Path) -> str:
    """The text of a file; UTF-16 too, as PowerShell's `pip freeze > requirements.txt` writes."""
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig", "replace")


def _file(reading: _Reading, name: str, into: list[Line], depth: int) -> None:
    path = reading.directory / name
    inside = path.resolve().is_relative_to(reading.directory.resolve())
    if depth > MAX_DEPTH or not inside or not path.is_file():
        why = "is not in the project" if depth <= MAX_DEPTH else "includes itself"
        raise UsageError(
            f"{name} {why}",
            cause="a file of requirements includes it with -r or -c",
            fix="put the file into the project, or take the line out",
        )
    for number, line in logical_lines(decoded(path)):
        seen = f"{name}:{number}"
        if line.startswith("-"):
            _option(reading, line, seen, into, depth)
        else:
            _requirement(reading, line, seen, into)


def _option(reading: _Reading, line: str, seen: str, into: list[Line], depth: int) -> None:
    match = _OPTION.match(line)
    option, value = (match[1], match[2].strip().strip("\"'")) if match else (line, "")
    folder = Path(seen.rpartition(":")[0]).parent
    if option in ("-r", "--requirement"):
        _file(reading, _joined(folder, value), into, depth + 1)
    elif option in ("-c", "--constraint"):
        _file(reading, _joined(folder, value), reading.constraints, depth + 1)
    elif option in ("-e", "--editable"):
        # The project itself is in the tree, and importable from there.
        if value.partition("[")[0].rstrip("/") not in (".", ""):
            _requirement(reading, value, seen, into)
    elif option in ("-i", "--index-url", "--extra-index-url", "-f", "--find-links"):
        reading.notes.append(
            f"{seen}: {option} is not used: UV_DEFAULT_INDEX names another index to init, and "
            "[wheelhouse] index to the build"
        )


def _joined(folder: Path, value: str) -> str:
    parts: list[str] = []
    for part in (folder / value).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "."


def _requirement(reading: _Reading, line: str, seen: str, into: list[Line]) -> None:
    text = _PER_LINE.sub("", _HASH.sub("", line)).strip()
    file, _, number = seen.rpartition(":")
    where = Evidence(text=text[:200], file=file, line=int(number))
    if _ADDRESS.search(text) or _PATH.search(text.partition(";")[0].strip()):
        reading.impossible.append(where)
        return
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise UsageError(
            f"{file} has a line that is no requirement",
            evidence=[where],
            cause=str(error).splitlines()[0],
            fix=f"correct line {number} of {file}",
        ) from error
    hashes = frozenset(re.findall(r"\s--hash[= ]\s*sha256:([0-9a-f]{64})\b", line))
    into.append(Line(text=str(requirement), seen=seen, hashes=hashes))


def _pipfile(reading: _Reading, name: str) -> None:
    try:
        data = tomllib.loads(decoded(reading.directory / name))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{name} cannot be read", evidence=[Evidence(text=str(error), file=name)]
        ) from error
    packages = data.get("packages", {})
    for text in _pip_packages(packages if isinstance(packages, dict) else {}):
        _requirement(reading, text, f"{name}:1", reading.lines)


def _pip_packages(packages: Mapping[str, Any]) -> Iterator[str]:
    for name, value in packages.items():
        table = value if isinstance(value, dict) else {"version": value}
        version = str(table.get("version", "*"))
        extras = ",".join(map(str, table.get("extras", [])))
        markers = table.get("markers")
        address = next((str(table[k]) for k in ("git", "file", "path", "url") if k in table), None)
        if address is not None:
            yield f"{name} @ {address if '://' in address else 'file:///' + address}"
            continue
        yield (
            f"{name}{f'[{extras}]' if extras else ''}{'' if version == '*' else version}"
            f"{f' ; {markers}' if markers else ''}"
        )
