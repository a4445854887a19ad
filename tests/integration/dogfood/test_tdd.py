"""scripts/tdd-cycle.sh with packaging in the loop: red, green, a package that does not start."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.docs.places import TOP
from tests.kit.projects import copy_tracked

pytestmark = pytest.mark.minutes(1)

TEST = '"""Being worked on."""\n\n\ndef test_it() -> None:\n    assert {condition}\n'


class Cycle:
    """A copy of the repository with an environment of its own, and who works in it."""

    def __init__(self, work: Path) -> None:
        self.tree = work / "tree"
        copy_tracked(TOP, self.tree)
        self.test = self.tree / "tests/unit/test_being_worked_on.py"
        self.service = self.tree / "tests/projects/greeter"
        subprocess.run(["git", "init", "-q"], cwd=self.tree, check=True)
        self.environment = {
            **os.environ, "DEBWRIGHT_VENV": str(work / "venv"),
            "DEBWRIGHT_PROJECT": "tests/projects/greeter",
        }  # fmt: skip

    @property
    def argv(self) -> list[str]:
        return [str(self.tree / "scripts/tdd-cycle.sh"), str(self.test)]

    def once(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.argv, "--once", *options], cwd=self.tree, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    def write(self, condition: str) -> None:
        self.test.write_text(TEST.format(condition=condition))


@pytest.fixture(scope="module")
def cycle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cycle]:
    work = tmp_path_factory.mktemp("tdd")
    made = Cycle(work)
    yield made
    shutil.rmtree(work, ignore_errors=True)


def test_red_then_green_then_a_package_that_does_not_start(cycle: Cycle) -> None:
    dist = cycle.tree / "dist"
    cycle.write("False")
    red = cycle.once("--package")
    assert red.returncode == 1, red.stdout
    assert not dist.exists(), "what fails its tests is not packaged"
    cycle.write("True")
    green = cycle.once("--package")
    assert green.returncode == 0, green.stdout
    assert list(dist.glob("*/*-amd64/greeter_*.deb"))
    assert not (dist / "apt").exists(), "nothing is published"
    unit = next(cycle.service.glob("debian/*.service"))
    kept = unit.read_text()
    # Building had taken pytest out of the environment: only a second cycle shows that.
    unit.write_text(kept.replace("ExecStart=", "ExecStart=/bin/false ", 1))
    broken = cycle.once("--package")
    unit.write_text(kept)
    assert broken.returncode == 4, broken.stdout
    assert "1 passed" in broken.stdout


def test_it_watches(cycle: Cycle) -> None:
    cycle.write("True")
    log = cycle.tree.parent / "log"
    with log.open("w") as sink:
        watching = subprocess.Popen(
            cycle.argv, cwd=cycle.tree, env=cycle.environment, stdout=sink, stderr=sink,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            until(log, "passed; waiting for a change in tests/projects/greeter", watching)
            cycle.write("False")
            until(log, "failed (1); waiting for a change", watching)
            watching.send_signal(signal.SIGINT)
            assert watching.wait(60) == 130
        finally:
            if watching.poll() is None:
                os.killpg(watching.pid, signal.SIGKILL)
                watching.wait()


def until(log: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for what it says."""
    while text not in log.read_text():
        assert process.poll() is None, log.read_text()
        time.sleep(0.2)
