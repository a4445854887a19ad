"""A system added as one file to a copy of the tree: a package is checked in it."""

import json
from pathlib import Path

import pytest
from tests.kit import bellhop
from tests.kit.copied import Tree
from tests.kit.pages import TOP, blocks

pytestmark = pytest.mark.minutes(0.5)


def test_a_check_runs_in_the_system_of_the_example(tmp_path: Path) -> None:
    (example,) = (b for b in blocks(TOP / "docs/develop.md") if b.value == "system")
    tree = Tree.copy(tmp_path)
    tree.package.joinpath("systems/careful.py").write_text(example.text)
    (tmp_path / "debwright.toml").write_text(bellhop.CONFIG)
    said = tree.debwright(
        "check", "--sandbox", "careful", str(bellhop.make(tmp_path)), cwd=tmp_path
    )
    (path,) = tmp_path.glob("dist/check/*/bookworm-amd64/check.json")
    found = {result["name"]: result for result in json.loads(path.read_text())["checks"]}
    for name in ("install", "service", "smoke", "reboot", "purge"):
        assert found[name]["status"] == "passed", said
