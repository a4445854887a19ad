"""How a stage is done: once for its inputs, and what becomes of failures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.kit.stages import Heard, job

from debwright.host.process import Interrupted
from debwright.model.details import CheckDetails
from debwright.model.errors import BuildError, ExitCode, MissingError
from debwright.model.results import (
    Finding,
    Severity,
    StageResult,
    Status,
)
from debwright.observe.report.timeline import Color
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.stages.base import Job, Outcome, Stage, perform


@dataclass(frozen=True)
class Part:
    """What the stage of these tests works on."""

    job: Job
    finished: FinishedStages
    name: str = "bookworm-amd64"


class Given(Stage[Part]):
    """A stage whose work and inputs a test gives."""

    name = "test"
    color = Color.GREY
    does = "what it is given"

    def __init__(self, work: Callable[[], Outcome], inputs: str) -> None:
        self._work, self._inputs = work, inputs

    def inputs(self, on: Part) -> dict[str, Any]:  # noqa: ARG002
        return {"n": self._inputs}

    def work(self, on: Part) -> Outcome:  # noqa: ARG002
        return self._work()


def do(
    subject: Job, ledger: FinishedStages, work: Callable[[], Outcome], inputs: str = "a"
) -> StageResult:
    result, _ = perform(Given(work, inputs), Part(subject, ledger))
    return result


def never() -> Outcome:
    raise AssertionError("done again")


def test_what_was_done_is_cached_until_its_inputs_change(tmp_path: Path) -> None:
    ledger, subject = FinishedStages(tmp_path), job(tmp_path)
    assert do(subject, ledger, Outcome).status is Status.PASSED
    again = do(subject, ledger, never)
    assert again.status is Status.CACHED
    assert again.reason
    with pytest.raises(AssertionError):
        do(subject, ledger, never, inputs="b")
    assert isinstance(subject.reporter, Heard)
    assert subject.reporter.events == [
        f"{what} test of bookworm-amd64" for what in ("started", "passed", "cached", "started")
    ]  # fmt: skip


def test_force_does_it_again(tmp_path: Path) -> None:
    ledger = FinishedStages(tmp_path)
    do(job(tmp_path), ledger, Outcome)
    with pytest.raises(AssertionError):
        do(job(tmp_path, force=True), ledger, never)


def test_what_is_begun_again_no_longer_counts(tmp_path: Path) -> None:
    """Or a run that is killed half-way would leave the old result for the new files."""
    ledger, subject = FinishedStages(tmp_path), job(tmp_path)
    do(subject, ledger, Outcome)
    with pytest.raises(AssertionError):
        do(subject, ledger, never, inputs="b")
    assert ledger.stages() == []


@pytest.mark.parametrize(
    ("error", "code", "exit_status"),
    [
        (BuildError("x"), "test/failed", 3),
        (MissingError("x"), "test/failed", 5),
        (OSError(28, "No space left on device"), "test/failed", 5),
        (PermissionError(13, "Permission denied", "/dist"), "test/failed", 1),
    ],
)
def test_a_failure_is_a_result_and_not_remembered(
    tmp_path: Path, error: Exception, code: str, exit_status: int
) -> None:
    def fails() -> Outcome:
        raise error

    ledger, subject = FinishedStages(tmp_path), job(tmp_path)
    result = do(subject, ledger, fails)
    assert result.status is Status.FAILED
    assert result.error is not None
    assert result.error.code == code
    assert result.details.exit_code == exit_status
    assert ledger.stages() == []
    assert do(subject, ledger, Outcome).status is Status.PASSED


def test_an_interrupt_is_nobodys_failure(tmp_path: Path) -> None:
    def interrupted() -> Outcome:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        do(job(tmp_path), FinishedStages(tmp_path), interrupted)


def test_a_skip_is_remembered_as_a_skip_or_not_at_all(tmp_path: Path) -> None:
    ledger, subject = FinishedStages(tmp_path), job(tmp_path)
    first = do(subject, ledger, lambda: Outcome(skipped="no emulator"))
    assert (first.status, first.reason) == (Status.SKIPPED, "no emulator")
    again = do(subject, ledger, never)
    assert (again.status, again.reason) == (Status.SKIPPED, "no emulator")
    do(subject, ledger, lambda: Outcome(skipped="busy", remember=False), inputs="b")
    assert do(subject, ledger, Outcome, inputs="b").status is Status.PASSED


def test_results_of_a_failed_stage_are_kept(tmp_path: Path) -> None:
    finding = Finding(severity=Severity.ERROR, code="service/crashed", message="it crashed")
    details = CheckDetails(exit_code=ExitCode.CHECK)
    result = do(
        job(tmp_path), FinishedStages(tmp_path), lambda: Outcome(failed=finding, details=details)
    )
    assert result.status is Status.FAILED
    assert result.error == finding
