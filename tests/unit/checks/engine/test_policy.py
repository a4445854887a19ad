"""What becomes of waivers: those that count, those that have ended, those that excuse nothing."""

from datetime import timedelta
from typing import Any

from debwright.checks.engine import policy
from debwright.checks.files.contents import CODES, ContentsCheck
from debwright.config import Config
from debwright.model.results import CheckResult, Severity, Status
from debwright.model.targets import Target

TARGET = Target("bookworm", "amd64")
TODAY = policy.today()
SETUID = CODES.found("files/setuid", "x is setuid")


def waiver(code: str, days: int, target: str = "*") -> dict[str, Any]:
    until = TODAY + timedelta(days=days)
    return {"code": code, "target": target, "reason": f"known {code}", "until": until}


def judged(
    *waivers: dict[str, Any], targets: tuple[Target, ...] = (TARGET,)
) -> tuple[CheckResult, CheckResult | None]:
    config = Config.model_validate({"waivers": list(waivers)})
    failed = CheckResult(name="contents", status=Status.FAILED, findings=(SETUID,))
    result = policy.judge(failed, ContentsCheck(), config, TARGET)
    return result, policy.waivers_result(config, targets, [result])


def test_a_waived_finding_carries_reason_and_day() -> None:
    result, waivers = judged(waiver("files/*", 3))
    (finding,) = result.findings
    assert finding.waived is not None
    assert finding.waived.reason == "known files/*"
    assert finding.waived.until == TODAY + timedelta(days=3)
    assert finding.severity is Severity.INFO
    assert waivers is not None
    assert waivers.findings == ()
    assert waivers.measurements == {"waived_findings": 1.0}


def test_an_expired_waiver_is_said_whether_or_not_it_would_have_counted() -> None:
    for code in ("files/setuid", "elf/wrong-architecture"):
        result, waivers = judged(waiver(code, -1))
        assert result.status is Status.FAILED
        assert waivers is not None
        assert [f.code for f in waivers.findings] == ["waivers/expired"]
        assert f"known {code}" in waivers.findings[0].evidence[0].text
        assert waivers.findings[0].severity is Severity.WARNING


def test_one_that_excuses_nothing_is_remarked() -> None:
    _, waivers = judged(waiver("files/setuid", 1), waiver("elf/*", 1))
    assert waivers is not None
    assert [f.code for f in waivers.findings] == ["waivers/unused"]
    assert waivers.findings[0].severity is Severity.INFO


def test_other_targets_waivers_are_not_told_of() -> None:
    assert judged()[1] is None
    assert judged(waiver("files/*", -1, target="*-arm64"))[1] is None


def test_those_of_targets_that_the_packages_are_also_installed_on_are() -> None:
    further = Target("trixie", "amd64")
    _, waivers = judged(waiver("files/*", -1, target="trixie-*"), targets=(TARGET, further))
    assert waivers is not None
    assert [f.code for f in waivers.findings] == ["waivers/expired"]
