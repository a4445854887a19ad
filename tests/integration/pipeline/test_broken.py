"""Broken packages: each must end in the stage, code, message and evidence written beside it."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.conftest import PROJECTS, Debwright, Run

pytestmark = [pytest.mark.apart, pytest.mark.minutes(0.3)]

BROKEN = sorted(p.name for p in (PROJECTS / "broken").iterdir() if (p / "expect.toml").exists())


def test_there_are_enough_of_them() -> None:
    assert len(BROKEN) >= 8


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str, project: Callable[[str], Debwright]) -> None:
    expected = tomllib.loads((PROJECTS / "broken" / name / "expect.toml").read_text())
    run = project(f"broken/{name}")("run")
    assert run.code == expected["exit_code"], run.said[-3000:]
    assert "Traceback" not in run.error
    if expected["stage"] in {"plan", "source"}:
        # Found before anything is done: there is no report, the message says it all.
        for text in [*expected["message_contains"], *expected["evidence_contains"]]:
            assert text in run.said
        assert not list(run.dist.glob("*/report.json"))
        return
    matching = [f for f in run.findings() if f["code"] == expected["code"]]
    assert matching, [f["code"] for f in run.findings()]
    _says(matching[0], expected)
    _shown(run, matching[0])
    assert not (run.dist / "apt").exists(), "a package that failed was published"
    failed = [s["stage"] for t in run.report()["targets"] for s in t["stages"] if s["error"]]
    assert failed == [expected["stage"]]


def _says(finding: dict[str, object], expected: dict[str, list[str]]) -> None:
    for text in expected["message_contains"]:
        assert text in str(finding["message"])
    evidence = "\n".join(
        f"{e['file']}:{e['line']}: {e['text']}"
        for e in finding["evidence"]  # type: ignore[attr-defined]
    )
    for text in expected["evidence_contains"]:
        assert text in evidence
    assert finding["fix"], "an error names the next command"


def _shown(run: Run, finding: dict[str, object]) -> None:
    """What the report holds, the terminal shows too."""
    assert str(finding["message"])[:60] in run.said


def test_one_targets_failure_stops_no_other(project: Callable[[str], Debwright]) -> None:
    broken = project("broken/failing-build")
    config = broken.directory / "debwright.toml"
    config.write_text(
        config.read_text().replace('"bookworm-amd64"', '"bookworm-amd64", "trixie-amd64"')
    )
    run = broken("build")
    assert run.code == 3
    ends = [t["stages"][-1]["status"] for t in run.report()["targets"]]
    assert ends == ["failed", "failed"], "both were tried"


def test_path_is_kept(project: Callable[[str], Debwright], tmp_path: Path) -> None:
    """An argument that is no project: exit 2, and nothing written."""
    empty = Debwright(tmp_path)
    run = empty("run", str(tmp_path / "nowhere"))
    assert run.code == 2
    assert "nowhere" in run.error
    assert not (tmp_path / "dist").exists()
