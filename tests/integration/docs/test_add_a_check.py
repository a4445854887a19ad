"""A check is one file: the example of docs/develop.md in a copy of the tree, and nothing else."""

from pathlib import Path

import pytest
from tests.kit.debs import build
from tests.kit.pages import TOP, blocks
from tests.kit.tree import Tree

pytestmark = pytest.mark.integration

CONFIG = '[targets]\nbuild = ["bookworm-amd64"]\n[checks]\nlintian = "off"\ninstall = "off"\n{}'


def test_the_example_is_run_by_debwright_check(tmp_path: Path) -> None:
    tree = Tree.copy(tmp_path)
    (example,) = (
        b for b in blocks(TOP / "docs/develop.md") if (b.mark, b.value) == ("example", "check")
    )
    (tree.package / "checks/files/manual.py").write_text(example.text)
    deb = build(tmp_path, {"/usr/bin/bad": ("#!/bin/sh\n", 0o755)})
    (tmp_path / "debwright.toml").write_text(CONFIG.format('manual = "warn"\n'))
    said = tree.debwright("check", "-t", "bookworm-amd64", str(deb), cwd=tmp_path)
    assert "1 warning" in said, said
    (report,) = tmp_path.glob("dist/check/*/bookworm-amd64/check.json")
    assert '"manual/missing"' in report.read_text()
    (sarif,) = tmp_path.glob("dist/check/*/report.sarif")
    assert "A program has no manual page." in sarif.read_text(), "SARIF has its sentence"
    (tmp_path / "debwright.toml").write_text(CONFIG.format('manual = "off"\n'))
    tree.debwright("check", "-t", "bookworm-amd64", str(deb), cwd=tmp_path)
    assert '"manual/missing"' not in report.read_text(), "[checks] knows it"
