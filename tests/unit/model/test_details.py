"""Typed details: what files of this and of other versions hold, and what is made of it."""

import json

import pytest
from tests.kit import samples

from debwright.model.details import BuildDetails, CheckDetails, StageDetails
from debwright.model.errors import ExitCode
from debwright.model.results import RunResult, StageResult, Status


def test_a_file_gives_each_stage_its_own_details() -> None:
    text = json.dumps({
        "stage": "build", "status": "passed", "details": {
            "strategy": "native", "layer": "x", "log": "1.0/t/build.log", "log_lines": 3,
            "wheels": [{"name": "a", "version": "1", "how": "cross", "cached": True}],
            "of_another_version": 1,
        },
    })  # fmt: skip
    details = StageResult.model_validate_json(text).details
    assert isinstance(details, BuildDetails)
    assert (details.log, details.wheels[0].name) == ("1.0/t/build.log", "a")


def test_a_report_of_before_details_were_typed_is_read() -> None:
    document = samples.failing_check().model_dump(mode="json")
    document["targets"][0]["stages"][-1] |= {
        "stage": "check", "status": "failed",
        "details": {"log": "1.0/t/check.log", "passed": ["elf"], "failed": ["smoke"],
                    "skipped": [], "exit_code": 4, "waited_seconds": 2.5, "unproven": "why",
                    "files": ["x.deb"], "diagnosis": {"of": "an old form"}},
    }  # fmt: skip
    details = RunResult.model_validate(document).targets[0].stages[-1].details
    assert isinstance(details, CheckDetails)
    assert details.exit_code is ExitCode.CHECK
    assert (details.failed, details.files, details.waited_seconds) == (("smoke",), ("x.deb",), 2.5)
    assert details.diagnosis is None, "another version's form is left out, the error stands"


def test_what_there_is_nothing_to_say_of_is_not_in_the_file() -> None:
    stage = StageResult(stage="publish", status=Status.SKIPPED)
    assert json.loads(stage.model_dump_json())["details"] == {"added": []}
    again = StageResult.model_validate_json(stage.model_dump_json())
    assert again == stage


def test_a_stage_of_another_version_keeps_what_it_says() -> None:
    stage = StageResult(
        stage="scan", status=Status.PASSED, details=StageDetails.model_validate({"found": 2})
    )
    again = StageResult.model_validate_json(stage.model_dump_json())
    assert again == stage
    assert again.details.model_extra == {"found": 2}


@pytest.mark.parametrize("code", list(ExitCode))
def test_an_exit_code_is_a_number_with_a_meaning(code: ExitCode) -> None:
    assert code.meaning
    assert json.loads(json.dumps({"code": code})) == {"code": int(code)}
