"""The version that a package's own metadata has: a program says it, and other programs read it."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from debwright.checks.engine.base import CheckContext, FileCheck, conclude
from debwright.model.codes import WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.debs import Deb, Member
from debwright.packages.distributions import METADATA_LIMIT, read_metadata

# Core metadata of Python distributions, as `distributions` reads them, and package.json of npm.
_PYTHON = re.compile(r"/[^/]+\.(?:dist-info/METADATA|egg-info(?:/PKG-INFO)?)$")
_NODE = re.compile(r"/package\.json$")
# What a version of Debian has that upstream's has not: an epoch, a revision, and the marks of a
# source that was packed again (Debian policy 5.6.12).
_EPOCH = re.compile(r"^\d+:")
_REVISION = re.compile(r"-[^-]*$")
_REPACKED = re.compile(r"[+~.](?:ds|dfsg|repack|really)[0-9.]*$")
_PLAIN = re.compile(r"\d+(?:\.\d+)*")

CODES = Codes(
    {
        "metadata/version": Code(
            WARNING, "The version in the package's own metadata is not the package's."
        )
    }
)


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a metadata file says."""

    deb: Deb
    path: str
    name: str
    version: str


class MetadataCheck(FileCheck):
    """The version of the package's own Python distribution or npm package is the package's."""

    name = "metadata"
    codes = CODES

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        found = [
            stated
            for deb, member, handle in context.files()
            if handle is not None and (stated := _read(deb, member, handle)) is not None
        ]
        findings = [_finding(stated) for stated in found if is_own(stated) and unlike(stated)]
        return conclude(
            self.name, started, findings, measurements={"metadata_files": float(len(found))}
        )


def _read(deb: Deb, member: Member, handle: IO[bytes]) -> Stated | None:
    if _PYTHON.search(member.path):
        made = read_metadata(handle.read(METADATA_LIMIT).decode("utf-8", "replace"))
        name, version = made[:2] if made else ("", "")
    elif _NODE.search(member.path):
        name, version = _of_node(handle)
    else:
        return None
    return Stated(deb=deb, path=member.path, name=name, version=version) if name else None


def _of_node(handle: IO[bytes]) -> tuple[str, str]:
    try:
        told = json.loads(handle.read(METADATA_LIMIT))
    except ValueError:
        return "", ""
    # npm wants no version of what is never published.
    if not isinstance(told, dict) or told.get("private"):
        return "", ""
    name, version = told.get("name"), told.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        return "", ""
    return canonicalize_name(name), version


def is_own(stated: Stated) -> bool:
    """Whether it is the metadata of what the package is, by its name: not of what it carries."""
    return stated.name in set(_names(stated.deb))


def _names(deb: Deb) -> Iterator[str]:
    for name in (deb.package, deb.source):
        yield canonicalize_name(name)
        for prefix in ("python3-", "python-", "node-"):
            if name.startswith(prefix):
                yield canonicalize_name(name.removeprefix(prefix))


def unlike(stated: Stated) -> bool:
    """Whether the two versions contradict each other.

    Zeros are what tools write that were not told a version. Any other number is compared only with
    a package's version that is plainly upstream's.
    """
    upstream = _upstream(stated.deb.version)
    numbers = _release(stated.version)
    wanted = _release(re.split(r"[+~]", upstream)[0])
    if numbers is None or wanted is None or numbers == wanted:
        return False
    return not any(numbers) or _PLAIN.fullmatch(upstream) is not None


def _upstream(version: str) -> str:
    return _REPACKED.sub("", _REVISION.sub("", _EPOCH.sub("", version)))


def _release(version: str) -> tuple[int, ...] | None:
    """The numbers before anything else, without zeros at the end: 1.0 is 1."""
    try:
        numbers = list(Version(version.replace("-", "+", 1)).release)
    except InvalidVersion:
        return None
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _finding(stated: Stated) -> Finding:
    return CODES.found(
        "metadata/version",
        f"{stated.path} in {stated.deb.package} says version {stated.version}, and the package is "
        f"{_upstream(stated.deb.version)}",
        evidence=(Evidence(file=stated.path, text=f"{stated.name} {stated.version}"),),
        fix="give the build the version: SETUPTOOLS_SCM_PRETEND_VERSION (also for hatch-vcs), or "
        "PBR_VERSION, from DEB_VERSION_UPSTREAM in debian/rules; or correct pyproject.toml or "
        "package.json",
    )
