"""A repository with workflows, and the programs that judge and run them."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import PROJECTS
from tests.kit.installing import with_install

TOP = PROJECTS.parents[1]


def tool(name: str) -> str:
    """A program of the development requirements; without it the test says so, but not in CI."""
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed: requirements/dev.txt has it")
        pytest.skip(f"{name} is not installed: requirements/dev.txt has it")
    return found


@dataclass
class Ran:
    """A workflow that was run on this machine."""

    code: int
    said: str
    result: dict[str, Any]
    store: Path

    @property
    def jobs(self) -> dict[str, bool]:
        return {job["job"].split("/", 1)[1]: job["ok"] for job in self.result["jobs"]}

    @property
    def summary(self) -> str:
        return (self.store / "summary.md").read_text()

    def artifact(self, name: str) -> Path:
        return self.store / "artifacts" / name


@dataclass
class Repository:
    """A project in a git repository, with somebody who types commands in it."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    def git(self, *arguments: str) -> str:
        settings = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(
            ["git", *settings, *arguments], cwd=self.directory, check=True, capture_output=True,
            text=True, env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def debwright(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "debwright", *arguments], cwd=self.directory,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=1700,
            env={**os.environ, **self.environment},
        )  # fmt: skip

    def ci(self, workflow: str, *arguments: str) -> Ran:
        tool("act")
        done = self.debwright("--json", "ci", workflow, *arguments)
        said = done.stdout + done.stderr
        assert done.stdout.startswith("{"), said
        result = json.loads(done.stdout)
        if "store" not in result:
            pytest.fail(said)
        return Ran(done.returncode, said, result, Path(result["store"]))


@pytest.fixture(scope="session")
def make_repository(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Repository]:
    """The smallest compiled package in a repository of its own, with its workflows."""

    def make(name: str, more: str = "", **files: str) -> Repository:
        directory = tmp_path_factory.mktemp(name) / "pebble"
        shutil.copytree(PROJECTS / "pebble", directory, ignore=shutil.ignore_patterns("dist"))
        (directory / ".gitignore").write_text("dist/\n")
        config = directory / "debwright.toml"
        config.write_text(with_install(config.read_text() + more))
        for path, text in files.items():
            (directory / path.replace("__", ".")).write_text(text)
        repository = Repository(directory)
        repository.git("init", "-q", "-b", "main")
        assert repository.debwright("workflows", "sync").returncode == 0
        repository.commit("feat: a pebble")
        return repository

    return make
