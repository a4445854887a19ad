import json
from pathlib import Path

import pytest
from tests.kit import samples

from debwright.model.errors import DebwrightError
from debwright.model.results import RunResult
from debwright.observe.report.schemas import SCHEMAS
from debwright.observe.report.write import model_json, write_reports


def test_all_forms_are_written_below_the_directory(tmp_path: Path) -> None:
    directory = tmp_path / "dist" / samples.VERSION
    paths = write_reports(samples.passing(), directory, {})
    names = ["report.json", "report.html", "report.md", "junit.xml", "report.sarif"]
    assert paths == [directory / name for name in names]
    assert sorted(p.name for p in directory.iterdir()) == sorted(names)


def test_the_json_reads_back_as_the_same_result(tmp_path: Path) -> None:
    result = samples.failing_check()
    path = write_reports(result, tmp_path, {})[0]
    assert RunResult.model_validate_json(path.read_bytes()) == result


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_any_text_gives_json_that_reads_back(text: str) -> None:
    read = RunResult.model_validate_json(model_json(samples.hostile(text)))
    if "\udc80" in text:
        assert read.package == "name\\xdc80.txt"
    else:
        assert read == samples.hostile(text)


def test_a_directory_that_cannot_be_written_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("a file, not a directory")
    with pytest.raises(DebwrightError) as caught:
        write_reports(samples.passing(), tmp_path / "dist" / "1.0", {})
    assert "the report cannot be written" in caught.value.what
    assert caught.value.cause
    assert caught.value.fix


def test_the_schema_names_every_part_and_is_closed() -> None:
    content = SCHEMAS["report"]()
    assert content["$schema"].endswith("2020-12/schema")
    assert set(json.loads(model_json(samples.passing()))) == set(content["properties"])
    assert content["additionalProperties"] is False
