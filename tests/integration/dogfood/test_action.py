"""`uses: ./action`: in a workflow that act runs, as installed on a runner, with hostile input."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.ci.conftest import Repository, tool
from tests.integration.ci.conftest import make_repository as make_repository  # noqa: PLC0414
from tests.integration.docs.places import TOP

pytestmark = pytest.mark.minutes(0.15)

ACTION = TOP / "action"
INSTALLER = ".github/actions/debwright"
WORKFLOW = """\
name: Packages
on:
  workflow_dispatch:
jobs:
  packages:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - id: debwright
        uses: ./action
        with:
          command: "{command}"
          targets: bookworm-amd64
      - run: test -f "$DIST"/apt/pebble-bookworm.sources && ls "$DIST"/*/bookworm-amd64/pebble_*.deb
        env:
          DIST: ${{{{ steps.debwright.outputs.dist }}}}
"""


def with_action(make: Callable[..., Repository], name: str, command: str) -> Repository:
    """Somebody's repository; the action is in it, as act fetches none from elsewhere."""
    repository = make(name)
    shutil.copytree(ACTION, repository.directory / "action")
    (repository.directory / ".github/workflows/use.yml").write_text(
        WORKFLOW.format(command=command)
    )
    repository.commit("ci: use the action")
    return repository


def test_a_workflow_uses_it(make_repository: Callable[..., Repository]) -> None:
    done = with_action(make_repository, "action", "run").ci("use")
    assert done.code == 0, done.said
    assert list(done.jobs.values()) == [True]


def test_its_exit_code_is_debwrights(make_repository: Callable[..., Repository]) -> None:
    done = with_action(make_repository, "refused", "run --strategy no-such").ci("use")
    assert done.code != 0
    assert "no-such" in (done.store / "log.jsonl").read_text()


def ran(tmp_path: Path, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """run.sh with a debwright that writes down its arguments; and those."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "debwright").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$SEEN"\n')
    (programs / "debwright").chmod(0o755)
    seen, output = tmp_path / "seen", tmp_path / "output"
    done = subprocess.run(
        [ACTION / "run.sh"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "SEEN": str(seen),
             "GITHUB_OUTPUT": str(output), "DIRECTORY": ".", "TARGETS": "", **variables},
    )  # fmt: skip
    return done, seen.read_text().splitlines() if seen.exists() else []


def test_inputs_are_words_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a-amd64").touch()
    done, seen = ran(
        tmp_path, COMMAND_LINE="run --force; touch pwned $(touch pwned)\n`touch pwned`",
        DIRECTORY="a b\nextra=pwned", TARGETS=" *-amd64\ntrixie-* ",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert seen == [
        "-C", "a b", "extra=pwned", "run", "--force;", "touch", "pwned", "$(touch", "pwned)",
        "`touch", "pwned`", "--target", "*-amd64", "--target", "trixie-*",
    ]  # fmt: skip
    assert not (tmp_path / "pwned").exists()
    assert (tmp_path / "output").read_text().splitlines() == ["dist=a bextra=pwned/dist"]


def test_no_command_is_refused(tmp_path: Path) -> None:
    done, seen = ran(tmp_path, COMMAND_LINE=" ")
    assert (done.returncode, seen) == (2, [])
    assert "::error::the input command is empty" in done.stdout


def test_it_is_installed_as_on_a_runner(tmp_path: Path) -> None:
    """Of the action's own commit, hash by hash, wherever the caller's work tree is."""
    workspace, temporary = tmp_path / "workspace", tmp_path / "temp"
    workspace.mkdir()
    temporary.mkdir()
    kept = {k: v for k, v in os.environ.items() if k != "DEBWRIGHT_INSTALLED"}
    path = tmp_path / "path"
    done = subprocess.run(
        [ACTION / "install.sh"], cwd=workspace, capture_output=True, text=True, check=False,
        env={**kept, "GITHUB_ACTION_PATH": str(ACTION), "GITHUB_WORKSPACE": str(workspace),
             "RUNNER_TEMP": str(temporary), "GITHUB_PATH": str(path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (place,) = path.read_text().splitlines()
    said = subprocess.run(
        [Path(place) / "debwright", "--version"], cwd=workspace, capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    assert said.startswith("debwright, version")
    assert list(workspace.iterdir()) == [], "nothing is left in the caller's work tree"


def test_others_find_nothing_wrong_with_it() -> None:
    checks = (
        (tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions", "action.yml"),
        (tool("shellcheck"), "-x", "install.sh", "run.sh"),
        (tool("zizmor"), "--offline", "--no-progress", "--quiet", "action.yml"),
    )
    for argv in checks:
        done = subprocess.run(argv, cwd=ACTION, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_its_own_workflow_has_no_way_around_it() -> None:
    """The workflow of debwright itself and the example in the page pin what they use."""
    written = (TOP / ".github/workflows/release.yml").read_text()
    for path in (TOP / ".github/workflows/debwright.yml", ACTION / "README.md"):
        uses = [line.partition("uses: ")[2] for line in path.read_text().splitlines()
                if "uses: actions/" in line]  # fmt: skip
        assert uses
        for one in uses:
            assert one.split(" ")[0].split("@")[1].isalnum(), path
            name = one.split("@")[0]
            if name in written:
                assert one in written, f"{path}: {one} is not the commit of the other workflows"
