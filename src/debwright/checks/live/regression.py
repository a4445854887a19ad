"""This release and the previous one: size, dependencies, files, start-up time and memory."""

import time
from collections.abc import Iterable, Sequence

from debian.deb822 import PkgRelation
from pydantic import Field

from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.config import values as v
from debwright.config.section import Section
from debwright.model.codes import ERROR, INFO, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.debs import Deb, members

_SLOWER = 0.5
"""Seconds below which a slower start is noise."""
_BIGGER = 4e6
"""Bytes below which more memory is noise."""
_LISTED = 20
_FIELDS = frozenset({"Pre-Depends", "Depends", "Recommends"})
_OF_NO_CONCERN = ("/usr/share/doc/", "/usr/lib/debug/", "/usr/share/lintian/")


class Regression(Section, table="regression"):
    """How much worse than the previous release a package may be."""

    deb_percent: v.Growth = Field(25, description="Growth of the .deb files that is an error.")
    installed_percent: v.Growth = Field(
        25, description="Growth of the space they take once installed that is an error."
    )
    start_percent: v.Growth = Field(
        100, description="Growth of the start-up time that is an error, from half a second on."
    )
    memory_percent: v.Growth = Field(
        50, description="Growth of the memory that is an error, from 4 megabytes on."
    )


CODES = Codes(
    {
        "regression/deb-size": Code(ERROR, "The .deb files grew by more than allowed."),
        "regression/installed-size": Code(ERROR, "The installed space grew by more than allowed."),
        "regression/dependencies-gained": Code(INFO, "New dependencies."),
        "regression/dependencies-lost": Code(INFO, "Dependencies that are gone."),
        "regression/files-gained": Code(INFO, "New files."),
        "regression/files-lost": Code(INFO, "Files that are gone."),
        "regression/start": Code(ERROR, "The restart takes longer than allowed.", emulated=WARNING),
        "regression/memory": Code(ERROR, "The memory grew by more than allowed.", emulated=WARNING),
    }
)
"""Times and memory of an emulator are no reason to stop a release."""


class RegressionCheck(LiveCheck):
    """Compares with `[regression]`; what is gained and lost is listed."""

    name = "regression"
    codes = CODES
    settings = (Regression,)

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        context = session.context
        old = context.previous.debs
        if not old:
            return skipped(self.name, context.previous.reason)
        names = {d.package for d in old}
        new = [d for d in context.installable if d.package in names]
        limits = context.config.section(Regression)
        measurements: dict[str, float] = {}
        findings = _sizes(old, new, limits, measurements)
        findings += _dependencies(old, new)
        findings += _files(old, new, measurements)
        findings += _running(session, limits, measurements)
        return conclude(
            self.name, started, findings, measurements=measurements,
            notes=[f"compared with {', '.join(f'{d.package} {d.version}' for d in old)}"],
        )  # fmt: skip


def growth(before: float, after: float) -> float:
    """By how many percent `after` is more than `before`."""
    return (after / before - 1) * 100 if before > 0 else 0.0


def _sizes(
    old: Sequence[Deb], new: Sequence[Deb], limits: Regression, measurements: dict[str, float]
) -> list[Finding]:
    rows = (
        ("deb", "the .deb files", limits.deb_percent,
         sum(d.size for d in old), sum(d.size for d in new)),
        ("installed", "the space taken once installed", limits.installed_percent,
         1024 * sum(d.installed_kib or 0 for d in old),
         1024 * sum(d.installed_kib or 0 for d in new)),
    )  # fmt: skip
    found = []
    for name, what, allowed, before, after in rows:
        measurements[f"{name}_growth_bytes"] = float(after - before)
        if (more := growth(before, after)) > allowed:
            found.append(
                CODES.found(
                    f"regression/{name}-size",
                    f"{what} grew by {more:.0f} %, {allowed:g} % are allowed",
                    evidence=(Evidence(text=f"{before} bytes before, {after} bytes now"),),
                    fix=f"debwright.toml: [regression] {name}_percent, when it is meant to be so",
                )
            )
    return found


def _dependencies(old: Sequence[Deb], new: Sequence[Deb]) -> list[Finding]:
    before, after = required(old), required(new)
    return [
        *_listed("regression/dependencies-gained", "new dependencies", after - before),
        *_listed("regression/dependencies-lost", "dependencies that are gone", before - after),
    ]


def required(debs: Iterable[Deb]) -> set[str]:
    """The names a package depends on or recommends, without versions; alternatives as one."""
    names = set()
    for deb in debs:
        for field in _FIELDS & deb.relations.keys():
            for group in PkgRelation.parse_relations(deb.relations[field]):
                name = " | ".join(str(one["name"]) for one in group)
                if name:
                    names.add(f"{field}: {name}")
    return names


def _files(old: Sequence[Deb], new: Sequence[Deb], measurements: dict[str, float]) -> list[Finding]:
    before, after = packaged(old), packaged(new)
    measurements["gained_files"] = float(len(after - before))
    measurements["lost_files"] = float(len(before - after))
    return [
        *_listed("regression/files-gained", "new files", after - before),
        *_listed("regression/files-lost", "files that are gone", before - after),
    ]


def packaged(debs: Iterable[Deb]) -> set[str]:
    """The paths of the packages' files, without those nobody relies upon."""
    return {
        m.path
        for deb in debs
        for m in members(deb.path)
        if m.kind != "directory" and not m.path.startswith(_OF_NO_CONCERN)
    }


def _listed(code: str, what: str, names: set[str]) -> list[Finding]:
    """What is no fault by itself, but what a maintainer should have meant."""
    if not names:
        return []
    shown = sorted(names)
    lines = shown[:_LISTED] + ([f"and {len(shown) - _LISTED} more"] if len(shown) > _LISTED else [])
    return [
        CODES.found(
            code,
            f"{len(names)} {what}",
            evidence=tuple(Evidence(text=line) for line in lines),
        )
    ]


def _running(session: Session, limits: Regression, measurements: dict[str, float]) -> list[Finding]:
    """Start-up time and memory, as the checks before have measured them of both releases."""
    before = session.measured.get("upgrade", {})
    found = []
    rows = (
        ("start", "the restart", "s", limits.start_percent, _SLOWER,
         before.get("previous_restart_seconds"),
         session.measured.get("restart", {}).get("restart_seconds")),
        ("memory", "the memory", "bytes", limits.memory_percent, _BIGGER,
         before.get("previous_memory_bytes"),
         before.get("memory_bytes")),
    )  # fmt: skip
    for name, what, unit, allowed, least, was, now in rows:
        if was is None or now is None:
            continue
        more = growth(was, now)
        measurements[f"{name}_growth_percent"] = more
        if more > allowed and now - was >= least:
            found.append(
                CODES.found(
                    f"regression/{name}",
                    f"{what} takes {more:.0f} % more than in the previous release, "
                    f"{allowed:g} % are allowed",
                    evidence=(Evidence(text=f"{was:.4g} {unit} before, {now:.4g} {unit} now"),),
                    fix=f"debwright.toml: [regression] {name}_percent, when it is meant to be so",
                    emulated=session.system.emulated,
                )
            )
    return found
