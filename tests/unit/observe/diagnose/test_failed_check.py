"""What is said of a check that failed: the cause in its evidence, or else what it found."""

from pathlib import Path
from typing import Any

from debwright.checks.engine import health
from debwright.checks.files import lintian
from debwright.checks.live import purge
from debwright.model.codes import ERROR
from debwright.model.results import CheckResult, Evidence, Status
from debwright.observe.report.causes import findings_of
from debwright.pipeline.stages.diagnosis import diagnosis_of

LOG = """\
     0.04 === vulnerabilities: skipped (not checked)
     5.22 Created symlink /etc/systemd/system/multi-user.target.wants/demo.service.
    46.04 === service: failed
    46.04 error service/unhealthy: demo.service did not become healthy within 20 s: http://[::1]:80/
    46.23 === writes: skipped (the service is not up: see the check that found it down)
    71.87 === files: failed
    71.87 error files/setuid: /usr/bin/demo is setuid root
    73.00 === downgrade: passed
    73.00 info regression/files-gained: 5 new files
"""


def told(
    directory: Path, *evidence: str, target: str | None = None, given: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    (directory / "check.log").write_text(LOG)
    finding = health.CODES.found(
        "service/unhealthy", "demo.service did not become healthy within 20 s",
        evidence=tuple(Evidence(text=line) for line in evidence),
    )  # fmt: skip
    check = CheckResult(name="service", status=Status.FAILED, findings=(finding,))
    found = diagnosis_of("check", directory, finding, [check], target=target, given=given)
    assert found is not None
    assert found.failed
    problems: list[dict[str, Any]] = found.model_dump(mode="json")["problems"]
    return problems


def test_a_service_that_is_not_healthy_is_named(tmp_path: Path) -> None:
    first, second = told(tmp_path, "status 503", "ActiveState=active")
    assert first["code"] == 2401
    assert first["details"] == {"what": "demo.service", "finding": "service/unhealthy"}
    assert first["evidence"][0]["number"] == 4
    assert second["title"] == "the check files found: /usr/bin/demo is setuid root"


def test_what_is_to_be_seen_on_the_system_is_asked_for_on_this_machine(tmp_path: Path) -> None:
    """`journalctl -u demo.service` would ask the machine of whoever pastes it."""
    first, _ = told(tmp_path, "status 503", target="bookworm-arm64")
    ask = "debwright shell bookworm-arm64 --booted -c 'journalctl -u demo.service'"
    assert first["fix"][0] == ask
    first, _ = told(tmp_path, "status 503", target="bookworm-arm64", given=("in/demo.deb",))
    assert first["fix"][0] == f"{ask} in/demo.deb"
    unset = "demo.service: Failed to load environment files: No such file or directory"
    first = told(tmp_path, unset, target="bookworm-amd64")[0]
    assert first["code"] == 2219
    inside = "systemctl cat demo.service | grep EnvironmentFile"
    assert first["fix"][0] == f"debwright shell bookworm-amd64 --booted -c '{inside}'"
    assert not first["fix"][1].startswith("debwright"), "what is to be changed is no command"


def test_what_the_journal_says_is_the_cause_and_the_finding_its_effect(tmp_path: Path) -> None:
    problems = told(
        tmp_path, "status None", "Traceback (most recent call last):", '  File "/usr/bin/demo", 1',
        "ModuleNotFoundError: No module named 'yaml'",
        "demo.service: Failed with result 'exit-code'.",
    )  # fmt: skip
    assert problems[0]["name"] == "python-module-missing", problems[0]
    assert [p["follows"] for p in problems if p["code"] in (2400, 2401)] == [True, True]


def test_why_a_check_was_skipped_is_no_cause(tmp_path: Path) -> None:
    said = (
        "not checked: https://api.osv.dev could not be asked: [Errno -2] Name or service not known"
    )
    (tmp_path / "check.log").write_text(
        f"     0.04 === vulnerabilities: skipped ({said})\n"
        "    10.90 === lintian: failed\n"
        "    10.90 error lintian/bad-thing: lintian (error): demo: bad-thing here\n"
    )
    message = "lintian (error): demo: bad-thing here"
    finding = lintian.CODES.found("lintian/bad-thing", message, severity=ERROR)
    check = CheckResult(name="lintian", status=Status.FAILED, findings=(finding,))
    found = diagnosis_of("check", tmp_path, finding, [check])
    assert found is not None
    assert [p.code for p in found.problems] == [2400], found


def test_what_only_repeats_a_finding_is_no_likely_cause(tmp_path: Path) -> None:
    """It said "likely cause, 97 %: the report shows the evidence", next to the evidence."""
    (tmp_path / "check.log").write_text(
        "    71.87 === purge: failed\n"
        "    71.87 error purge/still-running: demo.service runs on after removal\n"
    )
    finding = purge.CODES.found("purge/still-running", "demo.service runs on after removal")
    check = CheckResult(name="purge", status=Status.FAILED, findings=(finding,))
    found = diagnosis_of("check", tmp_path, finding, [check])
    assert found is not None
    assert [(p.code, p.cause) for p in found.problems] == [(2400, "")]
    assert findings_of(found) == []
