"""A command-line tool as its author has it: no service, and what needs one is skipped by name."""

from pathlib import Path

import pytest
from tests.integration.conftest import Debwright

pytestmark = pytest.mark.minutes(0.5)

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "bells"
version = "1.2"
description = "Bells - a tool that rings bells."
license = { text = "MIT" }

[project.scripts]
bells = "bells.cli:main"
"""
CLI = """\
import argparse


def main() -> None:
    parser = argparse.ArgumentParser(description="rings bells")
    parser.add_argument("--version", action="version", version="1.2")
    parser.add_argument("name")
    print(parser.parse_args().name)
"""


def test_a_tool_passes_without_a_file_edited(tmp_path: Path) -> None:
    project = tmp_path / "bells"
    (project / "src/bells").mkdir(parents=True)
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "src/bells/__init__.py").touch()
    (project / "src/bells/cli.py").write_text(CLI)
    debwright = Debwright(project)
    made = debwright("init", "--no-workflows")
    assert made.code == 0, made.said
    run = debwright("check", "-t", "bookworm-amd64")
    assert run.code == 0, run.said[-4000:]
    checks = {c["name"]: c for c in run.target("bookworm-amd64")["checks"]}
    assert checks["smoke"]["status"] == "passed"
    assert {checks[n]["status"] for n in ("install", "minimum", "purge", "lintian")} == {"passed"}
    assert checks["service"]["status"] == "skipped"
    assert "no [service]" in checks["service"]["reason"]
    findings = [f for c in checks.values() for f in c["findings"]]
    assert [f["code"] for f in findings if f["severity"] in ("error", "warning")] == []
    said = debwright("init")
    assert "nothing changes" in said.output
