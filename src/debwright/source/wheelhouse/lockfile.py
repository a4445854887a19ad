"""Locks in pip's requirements format: exact versions with hashes, and nothing else."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import InvalidMarker, Marker
from packaging.version import InvalidVersion, Version

from debwright.config.wheelhouse import canonical
from debwright.model.errors import ConfigError, Evidence

SIZE_LIMIT = 16 * 1024 * 1024

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*"
    r"===?\s*(?P<version>[^\s;*]+)\s*(?:;\s*(?P<marker>.*))?",
    re.ASCII,
)
_HASH = re.compile(r"\s--hash[= ]\s*(\S+)")
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)
EMPTY = "# Nothing is needed."
"""Says of a lock that it names nothing on purpose."""
LOCK_COMMAND = "uv pip compile --universal --generate-hashes"


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One line of a lock: a distribution, when it is wanted, and the files that may be it."""

    name: str
    version: str
    marker: Marker | None
    hashes: frozenset[str]
    """SHA-256, in lower-case hexadecimal."""
    line: int

    def wanted(self, environment: dict[str, str]) -> bool:
        """Whether the marker holds in an environment (PyPA specification of markers)."""
        return self.marker is None or self.marker.evaluate(environment)


@dataclass(frozen=True, kw_only=True)
class Lock:
    path: Path
    name: str
    """The path as the configuration has it, for messages."""
    text: str
    pins: tuple[Pin, ...]

    def evidence(self, pin: Pin) -> Evidence:
        text = self.text.splitlines()[pin.line - 1].strip().removesuffix("\\").strip()
        return Evidence(text=text[:200], file=self.name, line=pin.line)


def read_lock(path: Path, name: str) -> Lock:
    """Read a lock. Raises ConfigError for what is no pin, and for a pin without a SHA-256."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
        text = data.decode()
    except OSError as error:
        raise ConfigError(
            f"the lock {name} cannot be read: {error.strerror}",
            cause="[wheelhouse] lock is relative to [package] source",
            fix=f"{LOCK_COMMAND} pyproject.toml -o {shlex.quote(name)}",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the lock {name} is not UTF-8", fix="make it anew") from error
    if len(data) > SIZE_LIMIT:
        raise ConfigError(f"the lock {name} is larger than {SIZE_LIMIT >> 20} MiB")
    return Lock(path=path, name=name, text=text, pins=parse(text, name))


def parse(text: str, name: str) -> tuple[Pin, ...]:
    """The pins of a lock's text; see read_lock."""
    pins = []
    for number, line in logical_lines(text):
        pins.append(_pin(line, number, name))
    if not pins and EMPTY not in text:
        raise ConfigError(f"the lock {name} names no distribution", fix=_again(name))
    return tuple(pins)


def logical_lines(text: str) -> list[tuple[int, str]]:
    """Number and text of each line that says something, continuation lines joined to it."""
    found, joined, start = [], "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        if not joined:
            start = number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        joined += line
        if joined.strip():
            found.append((start, joined.strip()))
        joined = ""
    if joined.strip():
        found.append((start, joined.strip()))
    return found


def _pin(line: str, number: int, name: str) -> Pin:
    def refused(what: str, cause: str) -> ConfigError:
        where = Evidence(text=line[:200], file=name, line=number)
        return ConfigError(f"{name}: {what}", evidence=[where], cause=cause, fix=_again(name))

    if line.startswith("-"):
        raise refused(
            f"`{line.split(maxsplit=1)[0][:40]}` is an option",
            "a lock here is pins with hashes alone; the index is [wheelhouse] index",
        )
    hashes = _HASH.findall(line)
    match = _PIN.fullmatch(_HASH.sub("", line).strip())
    if match is None:
        raise refused(
            "this line pins no version",
            "each line is NAME==VERSION with its hashes; addresses, ranges and paths are no pins",
        )
    try:
        version = str(Version(match["version"]))
        marker = Marker(match["marker"]) if match["marker"] else None
    except (InvalidVersion, InvalidMarker) as error:
        raise refused("this line cannot be understood", str(error).splitlines()[0]) from error
    found = frozenset(m[1] for h in hashes if (m := _SHA256.fullmatch(h)))
    if not found:
        raise refused(
            f"{match['name']} has no SHA-256",
            "without hashes nobody can tell whether what is fetched is what was locked",
        )
    return Pin(
        name=canonical(match["name"]), version=version, marker=marker, hashes=found, line=number
    )


def _again(name: str) -> str:
    return f"{LOCK_COMMAND} pyproject.toml -o {shlex.quote(name)}"
