"""Packages that were built for one target, installed and checked on others, too."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Debwright, Run
from tests.kit import bellhop

pytestmark = pytest.mark.minutes(0.4)

FURTHER = '[environments]\ninstall_on = ["trixie-amd64", "jammy-amd64"]\n'
# No suite of it can be reached here, nor is it there.
NO_MIRROR = '[suites.jammy]\nmirror = "http://127.0.0.1:9/ubuntu"\n'


def checked(directory: Path, depends: str = "") -> tuple[Run, dict[str, dict[str, Any]]]:
    (directory / "debwright.toml").write_text(bellhop.CONFIG + FURTHER + NO_MIRROR)
    run = Debwright(directory)("check", str(bellhop.make(directory, depends=depends)))
    (path,) = directory.glob("dist/check/*/bookworm-amd64/check.json")
    return run, {c["name"]: c for c in json.loads(path.read_text())["checks"]}


def test_on_a_newer_release_and_on_one_that_cannot_be_had(tmp_path: Path) -> None:
    run, found = checked(tmp_path)
    assert run.code == 0, run.said
    for name in ("dependencies", "install", "service", "smoke", "reboot", "purge", "minimum"):
        assert found[name]["status"] == "passed", found[name]
        assert found[f"{name}@trixie-amd64"]["status"] == "passed", found[f"{name}@trixie-amd64"]
    skipped = found["install@jammy-amd64"]
    assert skipped["status"] == "skipped"
    assert skipped["reason"]
    assert "install@jammy-amd64" in run.said


def test_what_only_the_newer_release_lacks_fails_there(tmp_path: Path) -> None:
    run, found = checked(tmp_path, depends="python3 (<< 3.12)")
    assert run.code == 4, run.said
    assert found["service"]["status"] == "passed"
    (finding,) = found["dependencies@trixie-amd64"]["findings"]
    assert finding["code"] == "install/unsatisfiable"
    assert "python3" in str(finding["evidence"])
    assert found["service@trixie-amd64"]["status"] == "skipped"
