"""The source package's own tests (debian/tests), as autopkgtest runs them, on booted systems.

They are run on systems of their own, where only what they depend on is installed: that is what
they may count on elsewhere, and what they leave behind is then no finding of other checks.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import Field

from debwright.build.depends import UnmetBuildDependency
from debwright.checks.engine.base import CheckContext, conclude, skipped
from debwright.checks.engine.infrastructure import is_infrastructure, open_session
from debwright.checks.engine.session import LiveCheck, Session, sessions
from debwright.checks.engine.testbed import Ran, Testbed, Verdict
from debwright.checks.engine.tests_control import PLACE, ControlError, DeclaredTest
from debwright.checks.engine.tests_source import Tree, build, declares_tests, unpack
from debwright.config import values as v
from debwright.config.section import Section
from debwright.host.process import CommandError, TimedOut
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Evidence, Finding

OUTPUT = "autopkgtest"
"""Directory of the tests' artifacts, next to the other results of the target."""
ALWAYS = "dpkg-dev"
"""What autopkgtest puts into every testbed (its setup-testbed): tests have come to count on it."""


class Autopkgtest(Section, table="autopkgtest"):
    """The source package's own tests."""

    seconds: v.Seconds = Field(
        600,
        description="Seconds that one test may take; under an emulator six times as long.",
    )


CODES = Codes(
    {
        "autopkgtest/control": Code(ERROR, "What debian/tests/control says is not allowed there."),
        "autopkgtest/dependencies": Code(ERROR, "What a test depends on cannot be installed."),
        "autopkgtest/build-failed": Code(ERROR, "The tree that tests need built does not build."),
        "autopkgtest/test-failed": Code(ERROR, "A test of debian/tests fails."),
        "autopkgtest/stderr": Code(
            ERROR, "A test writes to standard error, and does not say `allow-stderr`."
        ),
        "autopkgtest/timeout": Code(ERROR, "A test of debian/tests does not end in time."),
        "autopkgtest/flaky": Code(WARNING, "A test that is marked as flaky fails."),
    }
)


class AutopkgtestCheck(LiveCheck):
    """The tests of debian/tests in the source package, on systems of their own."""

    name = "autopkgtest"
    codes = CODES
    settings = (Autopkgtest,)
    needs_init = False

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        if reason := _why_not(session):
            return skipped(self.name, reason)
        # A test names what it needs, which may be what cannot be next to the rest.
        context = session.context
        context = replace(context, debs=[*context.debs, *context.rivals])
        session = replace(session, context=context)
        assert context.source is not None
        with context.cache.scratch("tests") as scratch:
            context.activity("unpacking the tests")
            try:
                tree, tests = unpack(context, context.source, scratch)
            except ControlError as problem:
                return conclude(self.name, started, [_malformed(problem)])
            runner = _Runner(session, tree, scratch)
            ran = list(runner.all(tests))
        return _result(self.name, started, ran, context)


def _why_not(session: Session) -> str | None:
    source = session.context.source
    if session.context.further is not None:
        return "they were run with the first set of packages"
    if source is None:
        return (
            "the source package is not at hand; next: debwright check PACKAGE.deb ... PACKAGE.dsc"
        )
    if not declares_tests(source):
        return f"the source package has no {PLACE}"
    if session.layer is None or session.context.place is None:
        return "a machine that is somebody's is not given tests that may break it"
    return None


@dataclass
class _Runner:
    """Runs the tests in their order, on as few systems as they allow."""

    session: Session
    tree: Tree
    scratch: Path
    built: Tree | None = field(default=None, init=False)

    def all(self, tests: list[DeclaredTest]) -> Iterator[Ran]:
        """Each test with how it went."""
        with ExitStack() as stack:
            bed: Testbed | None = None
            before: DeclaredTest | None = None
            for test in tests:
                if reason := self._missing(test):
                    yield Ran(name=test.name, verdict=Verdict.SKIP, said=reason)
                    continue
                self.session.context.activity(f"autopkgtest: {test.name}")
                try:
                    if bed is None or bed.spent or before is None or _differ(before, test):
                        bed = None
                        stack.close()
                        bed = self._open(test, stack)
                except DebwrightError as problem:
                    yield _not_begun(test, problem)
                    continue
                before = test
                yield self._one(bed, test)

    def _one(self, bed: Testbed, test: DeclaredTest) -> Ran:
        context = self.session.context
        context.log(f"--- autopkgtest {test.name}")
        seconds = bed.session.patience(context.config.section(Autopkgtest).seconds)
        ran = bed.run(test, seconds, context.output / OUTPUT)
        context.log(f"--- {ran.line()}")
        return ran

    def _open(self, test: DeclaredTest, stack: ExitStack) -> Testbed:
        """A system with what the test depends on and nothing recommended.

        Raises DebwrightError when that cannot be installed, or the tree cannot be built.
        """
        context, place = self.session.context, self.session.context.place
        assert place is not None and context.source is not None
        tree = self.tree
        if test.has("build-needed"):
            # In a root of its own: a test may not count on the build dependencies.
            self.built = self.built or build(context, context.source, self.scratch)
            tree = self.built
        subject = replace(context, relations=", ".join(filter(None, (test.relations, ALWAYS))))
        opening = sessions(subject, place.prepare(subject, stack))
        session, _ = open_session(opening, stack, context.log)
        session.install()
        bed = Testbed(session, tree)
        bed.prepare(test)
        return bed

    def _missing(self, test: DeclaredTest) -> str | None:
        """Why it cannot be run on systems of this kind."""
        if test.unsupported:
            return test.unsupported
        place, system = self.session.context.place, self.session.system
        if test.has("needs-internet"):
            return "needs-internet: systems that packages are checked on have no network"
        if test.has("isolation-machine") and not (place and place.own_kernel):
            return f"isolation-machine: {place} is no machine; next: debwright check --sandbox vm"
        if test.has("isolation-container") and system.without_init:
            return f"isolation-container: {system.without_init}"
        return None


def _differ(left: DeclaredTest, right: DeclaredTest) -> bool:
    """Whether two tests cannot have the same system."""
    same = {"build-needed", "needs-sudo"}
    return (
        left.relations != right.relations or left.restrictions & same != right.restrictions & same
    )


def _not_begun(test: DeclaredTest, problem: DebwrightError) -> Ran:
    """A test whose system could not be had; raises what is a fault of this machine's."""
    if is_infrastructure(problem):
        raise problem
    code = "dependencies"
    if isinstance(problem, CommandError | TimedOut) and test.has("build-needed"):
        code = "build-failed"
    if code == "dependencies" and test.has("skip-not-installable"):
        said = f"skip-not-installable: {problem.what}"
        return Ran(name=test.name, verdict=Verdict.SKIP, said=said)
    if isinstance(problem, UnmetBuildDependency):
        code = "build-failed"
    evidence = tuple(Evidence(text=e.text, file=e.file) for e in problem.evidence)
    return Ran(
        name=test.name, verdict=Verdict.FAIL, said=problem.what, code=code, evidence=evidence
    )


def _malformed(problem: ControlError) -> Finding:
    return CODES.found(
        "autopkgtest/control",
        f"{PLACE}: {problem}",
        evidence=(Evidence(text=str(problem), file=PLACE),),
        fix="correct it; its format is in README.package-tests of the package autopkgtest",
    )


def _result(name: str, started: float, ran: list[Ran], context: CheckContext) -> CheckResult:
    """A line for each test; skipped as a whole only where none was run."""
    if all(r.verdict is Verdict.SKIP for r in ran):
        said = "; ".join(f"{r.name}: {r.said}" for r in ran) or f"{PLACE} declares no test"
        return skipped(name, said)
    notes = [r.line() for r in ran]
    solid = [r for r in ran if r.verdict is Verdict.PASS and not r.superficial]
    if not solid and any(r.verdict is Verdict.PASS for r in ran):
        notes.append("only superficial tests have passed, which says little")
    counts = {
        f"tests_{verdict.name.lower()}": float(sum(r.verdict is verdict for r in ran))
        for verdict in Verdict
    }
    found = [_finding(r, context) for r in ran if r.verdict in {Verdict.FAIL, Verdict.FLAKY}]
    return conclude(name, started, found, measurements=counts, notes=notes)


def _finding(ran: Ran, context: CheckContext) -> Finding:
    code = "flaky" if ran.verdict is Verdict.FLAKY else ran.code
    fix: str = context.shell()
    if code == "stderr":
        fix = "Restrictions: allow-stderr in debian/tests/control, where that output is no fault"
    elif code == "dependencies":
        fix = "correct Depends of the test, or say skip-not-installable"
    return CODES.found(
        f"autopkgtest/{code}", f"test {ran.name}: {ran.said}", evidence=ran.evidence, fix=fix
    )
