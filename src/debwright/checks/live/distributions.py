"""What the packages' Python distributions demand of others, and the versions that are installed."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from debwright.checks.engine import packaged
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.model.codes import WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.distributions import read_metadata

_METADATA = re.compile(r"/[^/]+\.(?:dist-info/METADATA|egg-info(?:/PKG-INFO)?)$")
# What is installed where Python looks by itself, and the facts that markers ask for (PEP 508).
_INSTALLED = """import json, os, platform, sys
from importlib import metadata
print(json.dumps([
    {"os_name": os.name, "sys_platform": sys.platform, "platform_machine": platform.machine(),
     "platform_python_implementation": platform.python_implementation(),
     "platform_system": platform.system(), "platform_release": platform.release(),
     "platform_version": platform.version(), "python_version": "%d.%d" % sys.version_info[:2],
     "python_full_version": platform.python_version(),
     "implementation_name": sys.implementation.name,
     "implementation_version": platform.python_version(), "extra": ""},
    [[d.metadata["Name"], d.version] for d in metadata.distributions()]]))"""

_MARK = "--debwright-metadata--"
# Up to the first empty line: what follows is a description.
_HEADERS = 'for f; do [ -f "$f" ] || continue; echo "$0 $f"; sed "/^$/q" -- "$f"; echo; done'

CODES = Codes(
    {
        "distributions/unmet": Code(
            WARNING, "A Python distribution demands a version of another that is not installed."
        )
    }
)


@dataclass(frozen=True, kw_only=True)
class Own:
    """A distribution of the packages: its metadata, and the directory that it lies in."""

    path: str
    name: str
    version: str
    said: Message

    @property
    def home(self) -> str:
        info = PurePosixPath(self.path)
        return str((info if info.suffix == ".egg-info" else info.parent).parent)


class DistributionsCheck(LiveCheck):
    """Holds the limits in Requires-Dist against the distributions that are installed with them."""

    name = "distributions"
    codes = CODES
    needs_init = False

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        own = list(_own(session))
        if not own:
            return skipped(self.name, "the packages have no Python distributions")
        done = session.system.run(
            ["python3", "-I", "-c", _INSTALLED], check=False, timeout=session.patience(60)
        )
        try:
            facts, rows = json.loads(done.output)
        except ValueError:
            return skipped(self.name, "there is no python3 that could be asked what is installed")
        installed = {str(canonicalize_name(name)): version for name, version in rows if name}
        findings = [
            _finding(one, requirement, there)
            for one in own
            for requirement, there in unmet(one, _visible(one, own, installed), facts)
        ]
        return conclude(
            self.name, started, findings, measurements={"distributions": float(len(own))}
        )


def _own(session: Session) -> Iterator[Own]:
    paths = sorted(p for p in packaged.shipped(session) if _METADATA.search(p))
    if not paths:
        return
    done = session.system.run(
        ["sh", "-c", _HEADERS, _MARK, *paths], check=False, timeout=session.patience(60)
    )
    for block in done.output.split(f"{_MARK} ")[1:]:
        path, _, text = block.partition("\n")
        if (made := read_metadata(text)) is not None:
            yield Own(path=path, name=made[0], version=made[1], said=made[2])


def _visible(one: Own, own: list[Own], installed: Mapping[str, str]) -> dict[str, str]:
    """What it can import: what lies next to it comes before what the system has."""
    return {**installed, **{o.name: o.version for o in own if o.home == one.home}}


def unmet(
    one: Own, installed: Mapping[str, str], facts: Mapping[str, Any]
) -> Iterator[tuple[Requirement, str]]:
    """Requirements whose limits the installed version does not meet, with that version.

    One that is not installed at all is passed over: Debian has many of them under other names, and
    a program that needs it does not start.
    """
    for line in one.said.get_all("Requires-Dist", []):
        try:
            requirement = Requirement(line)
            applies = requirement.marker is None or requirement.marker.evaluate(dict(facts))
            version = Version(installed.get(canonicalize_name(requirement.name), ""))
        except (InvalidRequirement, InvalidVersion, KeyError):
            continue
        if applies and not requirement.specifier.contains(version, prereleases=True):
            yield requirement, str(version)


def _finding(one: Own, requirement: Requirement, there: str) -> Finding:
    return CODES.found(
        "distributions/unmet",
        f"{one.name} demands {requirement.name}{requirement.specifier}, and {there} is installed",
        evidence=(Evidence(file=one.path, text=f"Requires-Dist: {requirement}"),),
        fix="carry the version that it demands (the wheelhouse), give the package's dependency the "
        "same limit, or change the limit where the tests pass with what the suite has",
    )
