"""Faults of the sandbox: tried once more, and never told as the package's."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from tests.kit.debs import make_deb

from debwright.checks import run as checks
from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.infrastructure import is_infrastructure, open_session
from debwright.checks.engine.probes import ProbeError
from debwright.checks.engine.session import Session
from debwright.checks.registry import file_checks
from debwright.config import Config
from debwright.model.errors import CheckError, DebwrightError, MissingError, UsageError
from debwright.model.results import CheckResult, RunResult, StageResult, Status, TargetResult
from debwright.model.targets import Target
from debwright.observe.report.view import target_status, verdict
from debwright.packages.debs import read_deb
from debwright.pipeline.run import exit_code
from debwright.pipeline.stages.check import check_outcome, check_report
from debwright.roots.apt import MirrorError
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.systems.base import BootError, Open, Subject, System

SESSION = cast(Session, object())


class Opening:
    """Raises the problems in turn, then gives a session; counts what was cleaned up."""

    def __init__(self, *problems: DebwrightError) -> None:
        self.problems = list(problems)
        self.cleaned = 0

    def __call__(self, stack: ExitStack) -> Session:
        stack.callback(self._clean)
        if self.problems:
            raise self.problems.pop(0)
        return SESSION

    def _clean(self) -> None:
        self.cleaned += 1


def test_a_system_that_boots_at_the_second_attempt() -> None:
    opening, said = Opening(BootError("it did not come up")), list[str]()
    with ExitStack() as stack:
        session, notes = open_session(opening, stack, said.append)
        assert session is SESSION
        assert opening.cleaned == 1, "the failed attempt's leftovers go before the second"
    assert opening.cleaned == 2
    assert "second attempt" in notes[0]
    assert "it did not come up" in said[0]


def test_twice_is_enough() -> None:
    opening = Opening(BootError("once"), MissingError("twice"), BootError("never reached"))
    with ExitStack() as stack, pytest.raises(MissingError, match="twice"):
        open_session(opening, stack, lambda _: None)
    assert opening.cleaned == 2


def test_the_packages_own_faults_are_not_tried_again() -> None:
    opening = Opening(CheckError("dpkg said no"))
    with ExitStack() as stack, pytest.raises(CheckError, match="dpkg said no"):
        open_session(opening, stack, lambda _: None)
    assert opening.cleaned == 1


@pytest.mark.parametrize(
    ("problem", "machine"),
    [(BootError("x"), True), (MissingError("x"), True), (ProbeError("x"), True),
     (CheckError("x"), False), (UsageError("x"), False)],
)  # fmt: skip
def test_which_faults_are_the_machines(problem: DebwrightError, machine: bool) -> None:
    assert is_infrastructure(problem) is machine


class Here(System):
    """A system that is not there: its sessions are fakes."""

    kind = "ssh"

    def __init__(self, opening: Callable[[ExitStack], Session]) -> None:
        self.opening = opening

    def layer(self, _: Subject) -> None:
        """Dependencies are not measured here, which would take a root."""

    def prepare(self, _: Subject, __: ExitStack) -> Open:
        return cast(Open, self.opening)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CheckContext:
    monkeypatch.setattr(checks, "sessions", lambda _, opening: opening)
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    (tmp_path / "check.log").touch()
    config = Config.model_validate({"checks": {c.name: "off" for c in file_checks()}})
    return CheckContext(
        target=Target("bookworm", "amd64"), host_arch="amd64", config=config,
        debs=[read_deb(make_deb(tmp_path / "x.deb"))], changes=None,
        roots=Roots(cache, config), output=tmp_path, log=lambda _: None,
        activity=lambda _: None,
    )  # fmt: skip


def exit_code_of(context: CheckContext, results: list[CheckResult]) -> object:
    home = context.output
    outcome = check_outcome(context, results, home / "check.log", home)
    assert outcome.details is not None
    return outcome.details.exit_code


def test_a_failed_sandbox_is_named_as_such(context: CheckContext) -> None:
    opening = Opening(BootError("no cgroups"), BootError("no cgroups"))
    results = checks.run_checks(context, lambda _: None, Here(opening))
    by_name: dict[str, CheckResult] = {r.name: r for r in results}
    assert by_name["install"].findings[0].code == "infrastructure/sandbox"
    assert by_name["service"].status is Status.SKIPPED
    assert "nothing about the package" in str(by_name["service"].reason)
    assert exit_code_of(context, results) == 5


class WithoutRoot(Here):
    """Where this user may boot nothing."""

    def unavailable(self) -> MissingError:
        return MissingError("booting a system needs root")


def test_what_could_not_be_installed_has_not_passed(context: CheckContext) -> None:
    results = checks.run_checks(context, lambda _: None, WithoutRoot(Opening()))
    assert Status.FAILED not in {r.status for r in results}
    report = check_report(context, results)
    assert report.status is Status.SKIPPED
    assert report.reason == "install: booting a system needs root"
    outcome = check_outcome(context, results, context.output / "check.log", context.output)
    assert outcome.failed is None
    stage = StageResult(stage="check", status=Status.PASSED, details=outcome.details)
    target = TargetResult(
        target="bookworm-amd64", strategy="none", strategy_reason="", stages=(stage,)
    )
    assert target_status(target) is Status.SKIPPED
    run = RunResult(
        debwright="1", package="x", version="1", started=datetime.now(UTC), seconds=1,
        host="amd64", targets=(target,),
    )  # fmt: skip
    assert exit_code(run) == 5
    assert verdict(run).status is Status.SKIPPED


def test_an_installation_that_is_switched_off_is_no_fault_of_the_machines(
    context: CheckContext,
) -> None:
    config = context.config.model_copy(
        update={"checks": {**context.config.checks, "install": "off"}}
    )
    subject = replace(context, config=config)
    results = checks.run_checks(subject, lambda _: None, Here(Opening()))
    by_name = {r.name: r for r in results}
    assert "switched off" in str(by_name["install"].reason)
    assert by_name["purge"].status is Status.SKIPPED
    outcome = check_outcome(subject, results, context.output / "check.log", context.output)
    assert outcome.details is not None
    assert outcome.details.exit_code is None
    assert "install: switched off" in (outcome.details.unproven or "")


class Unreadable(Here):
    """An archive that cannot be read, or a daemon that is not there."""

    def __init__(self, problem: MissingError) -> None:
        super().__init__(Opening())
        self.problem = problem

    def prepare(self, _: Subject, __: ExitStack) -> Open:
        raise self.problem


@pytest.mark.parametrize(
    ("problem", "code"),
    [(MirrorError("deb.example: 404", fix="later"), "infrastructure/mirror"),
     (MissingError("no docker daemon", fix="start it"), "infrastructure/sandbox")],
)  # fmt: skip
def test_what_lacks_before_installation_is_no_fault_of_the_package(
    context: CheckContext, problem: MissingError, code: str
) -> None:
    results = checks.run_checks(context, lambda _: None, Unreadable(problem))
    by_name = {r.name: r for r in results}
    assert by_name["dependencies"].findings[0].code == code
    assert by_name["dependencies"].findings[0].fix
    assert {by_name[n].status for n in ("install", "service", "minimum")} == {Status.SKIPPED}
    assert exit_code_of(context, results) == 5
