"""Boot certificates: what a release says was seen of its packages, and what verify shows of it."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debwright.model.codes import WARNING, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import Artifact, CheckResult, RunResult, Status, TargetResult
from debwright.release.certificate import certificates, to_lines
from debwright.repository.verify import local
from debwright.repository.verify.certificate import NAME, read_certificates
from debwright.repository.verify.model import Verification

CODES = Codes({"demo/odd": Code(WARNING, "Odd.")})
CHECKS = (
    CheckResult(name="install", status=Status.PASSED),
    CheckResult(
        name="service", status=Status.PASSED,
        measurements={"start_seconds": 0.41, "memory_bytes": 21e6},
    ),
    CheckResult(name="journal", status=Status.PASSED, findings=(CODES.found("demo/odd", "odd"),)),
    CheckResult(name="upgrade", status=Status.PASSED, notes=("upgraded from demo 0.9-1",)),
    CheckResult(name="reboot", status=Status.SKIPPED, reason="the machine is busy"),
)  # fmt: skip


def result_of(deb: Path) -> RunResult:
    deb.write_bytes(b"deb")
    digest = hashlib.sha256(b"deb").hexdigest()
    targets = tuple(
        TargetResult(
            target=name, strategy="native", strategy_reason="", checks=CHECKS,
            artifacts=(Artifact(path=f"v/{name}/{deb.name}", kind="deb", size=3, sha256=digest),),
        )
        for name in ("bookworm-amd64", "trixie-amd64")
    )  # fmt: skip
    return RunResult(
        debwright="1", package="demo", version="1.0-1", started=datetime.now(UTC), seconds=1,
        host="amd64 debian 12", targets=targets, commit="c0ffee",
    )  # fmt: skip


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A directory with the files of a release: a package of two systems, and one nobody checked."""
    deb = tmp_path / "demo_1.0-1_all.deb"
    result = result_of(deb)
    files = {deb.name: deb}
    (tmp_path / NAME).write_text(to_lines(certificates(result, files)))
    (tmp_path / "other_1_all.deb").write_bytes(b"other")
    return tmp_path


def shown(directory: Path) -> Verification:
    sums = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in directory.iterdir() if p.suffix in (".deb", ".jsonl")
    }  # fmt: skip
    result = Verification("x")
    local._certificates(result, directory, sums)
    return result


def test_a_result_that_was_read_back_makes_the_same_file(tmp_path: Path) -> None:
    deb = tmp_path / "demo_1.0-1_all.deb"
    result = result_of(deb)
    kept = json.dumps(json.loads(result.model_dump_json()), sort_keys=True)
    again = RunResult.model_validate_json(kept)
    files = {deb.name: deb}
    assert to_lines(certificates(result, files)) == to_lines(certificates(again, files))


def test_each_is_an_in_toto_statement_with_the_predicate_test_result(release: Path) -> None:
    first, second = (json.loads(line) for line in (release / NAME).read_text().splitlines())
    assert first["_type"] == "https://in-toto.io/Statement/v1"
    assert first["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert first["subject"] == [
        {"name": "demo_1.0-1_all.deb", "digest": {"sha256": hashlib.sha256(b"deb").hexdigest()}}
    ]
    seen = first["predicate"]
    assert seen["result"] == "WARNED"
    assert seen["passedTests"] == ["install", "service", "upgrade"]
    assert seen["warnedTests"] == ["journal"]
    assert seen["failedTests"] == []
    assert seen["skippedTests"] == {"reboot": "the machine is busy"}, "never as passed"
    assert seen["configuration"][0]["name"] == "bookworm-amd64"
    assert seen["configuration"][0]["annotations"]["commit"] == "c0ffee"
    assert second["predicate"]["configuration"][0]["name"] == "trixie-amd64"


def test_verify_shows_what_was_seen_and_of_what_nothing_was(release: Path) -> None:
    result = shown(release)
    assert len(result.good) == 2
    for words in ("seen on bookworm-amd64", "3 checks passed", "not looked at: reboot",
                  "started in 0.4 s", "21 MB of memory", "upgraded from demo 0.9-1"):  # fmt: skip
        assert words in result.good[0]
    (finding,) = result.findings
    assert finding.code == "verify/certificate"
    assert "other_1_all.deb has no boot certificate" in finding.message


def test_a_certificate_is_of_those_very_bytes(release: Path) -> None:
    (release / "demo_1.0-1_all.deb").write_bytes(b"another build")
    result = shown(release)
    assert result.good == []
    assert len(result.findings) == 2


def test_what_is_no_certificate_is_said(release: Path) -> None:
    (release / NAME).write_text('{"_type": "https://example.org/other"}\n')
    with pytest.raises(DebwrightError, match="something else"):
        list(read_certificates(release / NAME))
    assert shown(release).findings[0].code == "verify/certificate"
