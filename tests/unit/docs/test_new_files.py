"""The examples of docs/develop.md that are one new file: added to a copy of the tree, and used."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from tests.kit.copied import Tree
from tests.kit.installing import LINE
from tests.kit.pages import TOP

# Five commands one after the other, each a Python that begins.
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree.copy(tmp_path)


def test_an_ecosystem_is_one_new_file(tree: Tree, tmp_path: Path) -> None:
    project = tmp_path / "ticker"
    shutil.copytree(TOP / "tests/projects/ticker", project)
    refused = tree.python("-m", "debwright", "init", "--ecosystem", "shell", cwd=project)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "shell" in refused.stderr
    tree.add("ecosystem", "init/ecosystems/shell.py")
    made = tree.python("-m", "debwright", "init", cwd=project)
    assert made.returncode == 0, made.stdout + made.stderr
    plan = tree.python("-m", "debwright", "plan", cwd=project)
    assert plan.returncode == 0, plan.stdout + plan.stderr
    # dpkg itself takes what was written for a source package, and gives it back.
    tarball = ["tar", "--create", "--xz", "--exclude=./debian", "--file=../ticker_1.4.orig.tar.xz"]
    subprocess.run([*tarball, "."], cwd=project, check=True)
    done = subprocess.run(
        ["dpkg-source", "--build", "ticker"], cwd=tmp_path, check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    back = ["dpkg-source", "--extract", "ticker_1.4-1.dsc", "back"]
    subprocess.run(back, cwd=tmp_path, check=True, capture_output=True)
    rules = tmp_path / "back/debian/rules"
    assert "cp ticker.service debian/ticker.service" in rules.read_text()
    assert (tmp_path / "back/debian/ticker.install").read_text() == "bin/ticker usr/bin\n"


def test_a_provider_is_one_new_file(tree: Tree, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "bells").mkdir(parents=True)
    (project / "bells/debwright.toml").write_text('[package]\nversion_from = "changelog"\n')
    (project / "debwright.toml").write_text(
        f'[workflows]\n{LINE}provider = "woodpecker"\nproject = "bells"\nmain = "1.0"\n'
        'runner = "on"\n'
    )
    refused = tree.python("-m", "debwright", "workflows", "sync", cwd=project)
    assert refused.returncode == 2
    assert "known are: github, gitlab" in refused.stderr
    tree.add("provider", "ci/providers/woodpecker.py")
    done = tree.python("-m", "debwright", "workflows", "sync", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (project / ".github").exists()
    pipeline = yaml.safe_load((project / ".woodpecker.yml").read_text())
    assert pipeline["labels"] == {"machine": "on"}
    assert pipeline["when"][1]["branch"] == "1.0"
    assert pipeline["steps"][0]["commands"][-1] == "debwright -C bells check"
    assert tree.python("-m", "debwright", "workflows", "check", cwd=project).returncode == 0
    here = tree.python("-m", "debwright", "ci", "packages", cwd=project)
    assert here.returncode == 2
    assert "workflows of Woodpecker cannot be run on this machine" in here.stderr
    linter = Path(sysconfig.get_path("scripts")) / "check-jsonschema"
    judged = subprocess.run(
        [linter, "--builtin-schema", "vendor.woodpecker-ci", project / ".woodpecker.yml"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout
