"""The seam between the checks and the pipeline that runs them."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, ClassVar

from debwright.checks.engine.previous import Previous
from debwright.config import Config
from debwright.config.section import Section
from debwright.host.process import LineSink
from debwright.model.codes import ERROR, INFRASTRUCTURE, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command
from debwright.model.results import CheckResult, Finding, Severity, Status
from debwright.model.targets import Target
from debwright.packages.debs import Deb, Member
from debwright.packages.unpacked import Unpacked
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.source.package import SourcePackage
from debwright.systems.base import System

SHARED = frozenset({"service", "install", "smoke", "limits", "files", "upgrade"})
"""Tables and keys that no check declares as its own. A check declares which of them it reads."""
FOR_ASKED = frozenset({"equivalence"})
"""Those that only checks read that are made when they are asked for."""


def shell_on(
    target: Target | str, command: str | None = None, given: Sequence[str] = ()
) -> Command:
    """What opens the system of a target's checks, the packages installed: typed on this machine.

    Whatever is to be seen on that system has to be asked for like this. `given` are packages that
    no project here has built.
    """
    asked = ("-c", command) if command is not None else ()
    return Command("debwright", "shell", target, "--booted", *asked, *given)


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """What every check may use."""

    target: Target
    host_arch: str
    """This machine's architecture."""
    config: Config
    debs: Sequence[Deb]
    changes: Path | None
    roots: Roots
    output: Path
    """Where a check may leave files of its own (`lintian.json`)."""
    log: LineSink
    activity: Callable[[str], None]
    previous: Previous = field(default_factory=Previous)
    """The release before, or why none is known."""
    rivals: Sequence[Deb] = ()
    """Packages of the same source that are checked in other sets, since they conflict."""
    further: str | None = None
    """The name of the set, where it is not the first one."""
    relations: str | None = None
    """What is installed, as a dependency field; None: all that a user would install."""
    place: System | None = None
    """The kind of system that the live checks run on: further ones can be opened."""
    source: SourcePackage | None = None
    """The source package that they were built from, where it is at hand."""
    companions: Sequence[Deb] = ()
    """Packages that are at hand when these are installed, and are not what is checked."""
    project: Path = Path()
    """Directory of debwright.toml; paths in it are relative to that."""
    unpacked: Unpacked = field(default_factory=Unpacked)
    second_system: bool = False
    """Whether a second system may be booted next to the first."""
    ask_again: bool = False
    """What was found of the same packages before counts for nothing."""
    given: Sequence[str] = ()
    """The packages as they were named, where no project has built them."""

    @property
    def cache(self) -> Cache:
        return self.roots.cache

    @property
    def emulated(self) -> bool:
        return self.target.arch != self.host_arch

    @property
    def installable(self) -> list[Deb]:
        """Packages a user would install: debug symbols and installer parts are not."""
        return [d for d in self.debs if d.path.suffix == ".deb" and not d.debug]

    def shell(self, command: str | None = None) -> Command:
        """What opens the system as the checks have seen it, and runs `command` there."""
        return shell_on(self.target, command, self.given)

    def files(self) -> Iterator[tuple[Deb, Member, IO[bytes] | None]]:
        """Every file of the packages a user would install; see Unpacked.files."""
        for deb in self.installable:
            for member, handle in self.unpacked.files(deb.path):
                yield deb, member, handle


class Check:
    """What a check says of itself. Everything that lists checks or codes reads it here."""

    name: ClassVar[str]
    codes: ClassVar[Codes]
    """Every code it gives, those of the helpers it uses included."""
    settings: ClassVar[tuple[type[Section] | str, ...]] = ()
    """The tables of debwright.toml that it declares, and those of SHARED that decide about it."""
    asked_for: ClassVar[bool] = False
    """Whether it takes further builds, so that it is made only when it is asked for."""

    def __init_subclass__(cls) -> None:
        # Or another setting would be answered with what was found under the old one.
        unknown = {s for s in cls.settings if isinstance(s, str)} - SHARED - FOR_ASKED
        if unknown:
            raise TypeError(f"{cls.__name__} has settings that are not shared: {unknown}")

    @property
    def declared(self) -> Codes:
        """Its codes, with those for a check that cannot be carried out."""
        return could_not(self.name) | self.codes


class FileCheck(Check):
    """A check on the package files alone."""

    def run(self, context: CheckContext) -> CheckResult:
        raise NotImplementedError


def could_not(name: str) -> Codes:
    """The codes for a check that cannot be carried out."""
    return Codes(
        {
            f"{name}/failed": Code(ERROR, f"The check `{name}` could not be carried out."),
            f"{INFRASTRUCTURE}/{name}": Code(
                ERROR, f"The machine or the system failed during the check `{name}`."
            ),
        }
    )


def conclude(
    name: str,
    started: float,
    findings: Sequence[Finding],
    *,
    measurements: dict[str, float] | None = None,
    notes: Sequence[str] = (),
) -> CheckResult:
    """A check's result: failed when any finding is an error. `started` is from time.monotonic."""
    failed = any(f.severity is Severity.ERROR for f in findings)
    return CheckResult(
        name=name,
        status=Status.FAILED if failed else Status.PASSED,
        seconds=time.monotonic() - started,
        findings=tuple(findings),
        measurements=measurements or {},
        notes=tuple(notes),
    )


def skipped(name: str, reason: str) -> CheckResult:
    return CheckResult(name=name, status=Status.SKIPPED, reason=reason)


def failed_by(name: str, started: float, finding: Finding) -> CheckResult:
    """A check that ended in an error, which has become its finding."""
    return conclude(name, started, [finding])


def not_done(name: str, started: float, finding: Finding, problem: DebwrightError) -> CheckResult:
    """A check that could not be carried out. It has failed, since its silence must not pass.

    Its reason says so: where the policy forgives the failure, nothing has been proven all the same.
    """
    failed = conclude(name, started, [finding])
    return failed.model_copy(update={"reason": f"could not be carried out: {problem.what}"})
