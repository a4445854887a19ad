"""What was done before, and its inputs and outputs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.kit.stages import (
    passed,
)

from debwright.model.results import (
    StageResult,
    Status,
)
from debwright.pipeline.finished import FinishedStages


@pytest.fixture
def ledger(tmp_path: Path) -> FinishedStages:
    (tmp_path / "demo.deb").write_text("deb")
    made = FinishedStages(tmp_path)
    made.write("build", {"source": "a"}, [tmp_path / "demo.deb"], passed())
    return made


def test_the_same_inputs_with_outputs_intact_are_found(ledger: FinishedStages) -> None:
    record = FinishedStages(ledger.directory).find("build", {"source": "a"})
    assert record is not None
    assert record.result == passed()
    assert ledger.stages() == ["build"]


def test_other_inputs_are_not(ledger: FinishedStages) -> None:
    assert ledger.find("build", {"source": "b"}) is None
    assert ledger.find("check", {"source": "a"}) is None


@pytest.mark.parametrize(
    "harm",
    [
        lambda p: p.write_text("other"),
        lambda p: p.unlink(),
        lambda p: (p.unlink(), p.mkdir()),
        lambda p: (p.unlink(), p.symlink_to("nowhere")),
    ],
)
def test_an_output_altered_or_gone_is_done_again(
    ledger: FinishedStages, harm: Callable[[Path], object]
) -> None:
    harm(ledger.directory / "demo.deb")
    assert ledger.find("build", {"source": "a"}) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"x"', b'{"build": 1}', b'{"build": {}}', b"\xff\xfe"]
)
def test_what_cannot_be_read_is_as_if_nothing_was_finished(
    ledger: FinishedStages, content: bytes
) -> None:
    (ledger.directory / "stages.json").write_bytes(content)
    assert ledger.find("build", {"source": "a"}) is None
    assert ledger.stages() == []
    ledger.write("test", {}, [], passed("test"))
    assert ledger.stages() == ["test"]


def test_forgetting_one_stage_keeps_the_others(ledger: FinishedStages) -> None:
    ledger.write("check", {}, [], passed("check"))
    ledger.forget("build")
    ledger.forget("never done")
    assert ledger.stages() == ["check"]


def test_what_is_finished_is_json_a_person_can_read(ledger: FinishedStages) -> None:
    document = json.loads((ledger.directory / "stages.json").read_text())
    assert list(document["build"]["outputs"]) == ["demo.deb"]


def test_a_record_needs_no_directory_made_before(tmp_path: Path) -> None:
    """The source stage of a .dsc writes no file of its own, but its record must be kept."""
    ledger = FinishedStages(tmp_path / "source/bookworm")
    ledger.write("source", {"a": 1}, [], StageResult(stage="source", status=Status.PASSED))
    assert ledger.find("source", {"a": 1}) is not None
