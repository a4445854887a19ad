"""The published schemas: as the models are, valid themselves, and true of what is written."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from tests.kit import samples

from debwright.cli.app import cli
from debwright.cli.schema import schema_text
from debwright.model.results import CheckReport, Status
from debwright.observe.report.schemas import SCHEMAS
from debwright.observe.report.write import model_json

PUBLISHED = Path(__file__).parents[4] / "docs/schemas"


def schema(name: str) -> Any:
    return json.loads((PUBLISHED / f"{name}.json").read_text())


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_the_models(name: str) -> None:
    assert (PUBLISHED / f"{name}.json").read_text() == schema_text(name), (
        f"write it anew: debwright schema {name} > docs/schemas/{name}.json"
    )
    jsonschema.Draft202012Validator.check_schema(schema(name))
    assert {p.stem for p in PUBLISHED.glob("*.json")} == set(SCHEMAS)


@pytest.mark.parametrize("make", samples.ALL)
def test_what_is_written_is_as_the_schema_says(make: samples.Sample) -> None:
    result = make()
    jsonschema.validate(json.loads(model_json(result)), schema("report"))
    for target in result.targets:
        report = CheckReport(
            debwright="1", target=target.target, status=Status.PASSED, checks=target.checks
        )
        document = json.loads(model_json(report))
        jsonschema.validate(document, schema("check"))
        document["checks"] = [{"nam": "x"}]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema("check"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_command_prints_it(name: str) -> None:
    assert CliRunner().invoke(cli, ["schema", name]).output == schema_text(name)


def test_an_unknown_name_is_refused() -> None:
    done = CliRunner().invoke(cli, ["schema", "chekc"])
    assert done.exit_code == 2
    assert "check" in done.output
