"""`debwright diagnose` on results that came from elsewhere."""

from pathlib import Path

import pytest
from tests.kit import samples

from debwright.cli.app import call
from debwright.model.results import Finding, Severity, StageResult, Status


@pytest.mark.parametrize(
    ("target", "stage"),
    [("x", "../../secret"), ("..", "secret"), ("../x", "../secret"), ("x", "build")],
)
def test_a_report_names_no_log_outside_of_its_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, stage: str
) -> None:
    home = tmp_path / "results/1.0"
    (home / "x").mkdir(parents=True)
    (tmp_path / "results/secret.log").write_text("E: Unable to locate package of-somebody-else\n")
    (home / "x/build.log").write_text("E: Unable to locate package of-this-run\n")
    result = samples.failing_build()
    error = Finding(severity=Severity.ERROR, code="build/failed", message="it failed")
    broken = StageResult(stage=stage, status=Status.FAILED, error=error)
    part = result.targets[0].model_copy(update={"target": target, "stages": (broken,)})
    whole = result.model_copy(update={"targets": (part,)})
    (home / "report.json").write_text(whole.model_dump_json())
    assert call(["diagnose", str(home)]) == 0
    said = capsys.readouterr().out
    assert "of-somebody-else" not in said
    assert ("of-this-run" in said) is (stage == "build")
    assert "nothing in it tells of a failure" not in said, "the report says that it failed"
