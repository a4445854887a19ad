"""Shared by the integration tests: real roots, built once in the cache and used by all."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROJECTS = Path(__file__).parent.parent / "projects"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for mark in ("vm", "archive"):
        if mark not in str(config.getoption("markexpr", "")):
            slow = [item for item in items if item.get_closest_marker(mark)]
            config.hook.pytest_deselected(items=slow)
            items[:] = [item for item in items if item not in slow]
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)
            # Each changes what the next one sees: all of them in one process, one after another.
            if "greeter_run" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.group("greeter"))
                item.add_marker(pytest.mark.minutes(0.5))


@dataclass
class Run:
    """A finished debwright command."""

    code: int
    output: str
    error: str
    dist: Path

    @property
    def said(self) -> str:
        return self.output + self.error

    def report(self) -> dict[str, Any]:
        (path,) = self.dist.glob("*/report.json")
        return dict(json.loads(path.read_text()))

    def findings(self) -> list[dict[str, Any]]:
        """Every finding of the run: stage errors and those of the checks."""
        report = self.report()
        stages = report["stages"] + [s for t in report["targets"] for s in t["stages"]]
        found = [s["error"] for s in stages if s["error"]]
        for target in report["targets"]:
            for check in target["checks"]:
                found += check["findings"]
        return found

    def target(self, name: str) -> dict[str, Any]:
        return next(t for t in self.report()["targets"] if t["target"] == name)


@dataclass
class Debwright:
    """Runs debwright as a user does, in a process of its own."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "debwright", "-C", str(self.directory), *arguments]

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None) -> Run:
        done = subprocess.run(
            self.argv(*arguments),
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            timeout=1700,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr, self.directory / "dist")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **self.environment},
        )


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Debwright]:
    """A private copy of a project below tests/projects, outside of any git work tree."""

    def copy(name: str) -> Debwright:
        target = tmp_path / name.replace("/", "-")
        shutil.copytree(PROJECTS / name, target, symlinks=True)
        return Debwright(target)

    return copy


@pytest.fixture(scope="session")
def greeter_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Debwright, Run]]:
    """greeter built, checked and published for both architectures, once for all tests."""
    directory = tmp_path_factory.mktemp("greeter") / "greeter"
    shutil.copytree(PROJECTS / "greeter", directory)
    debwright = Debwright(directory)
    yield debwright, debwright("-v", "run")
