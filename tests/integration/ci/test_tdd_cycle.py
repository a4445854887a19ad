"""scripts/tdd-cycle.sh with the tests alone: at every change, once, and how it is ended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.minutes(0.1)

TOP = Path(__file__).parents[3]


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """What `prepare_python dev.txt` leaves, with the Python that runs these tests."""
    programs = tmp_path / "venv/bin"
    programs.mkdir(parents=True)
    for name, command in (("python", ""), ("debwright", "-m debwright")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n')
        (programs / name).chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", f'. "{TOP}/scripts/lib/setup.sh"; stamp_of dev.txt'], check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    (tmp_path / "venv/.stamp").write_text(done.stdout)
    return tmp_path / "venv"


class Watched:
    """scripts/tdd-cycle.sh at work in a repository of its own."""

    def __init__(self, top: Path, venv: Path) -> None:
        self.top = top
        self.log = top / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [top / "scripts/tdd-cycle.sh"], stdout=log, stderr=log, cwd="/",
                stdin=subprocess.DEVNULL,
                env={**os.environ, "DEBWRIGHT_VENV": str(venv), "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip

    def says(self, text: str, times: int = 1) -> None:
        end = time.monotonic() + 120
        while self.log.read_text().count(text) < times:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)


@pytest.fixture
def watched(tmp_path: Path, prepared: Path) -> Iterator[Watched]:
    top = tmp_path / "repository"
    for name in ("scripts", "requirements"):
        shutil.copytree(TOP / name, top / name)
    shutil.copy(TOP / "pyproject.toml", top)
    (top / "tests/unit").mkdir(parents=True)
    (top / "src").mkdir()
    (top / "tests/unit/test_it.py").write_text("def test_it() -> None:\n    assert True\n")
    (top / "src/old.py").write_text("")
    for arguments in (["init", "-q"], ["add", "src", "tests"]):
        subprocess.run(["git", "-C", top, *arguments], check=True)
    made = Watched(top, prepared)
    yield made
    made.process.kill()
    made.process.wait()


def test_the_watcher_runs_the_tests_at_every_change(watched: Watched) -> None:
    watched.says("passed; waiting for a change")
    test = watched.top / "tests/unit/test_it.py"
    test.write_text("def test_it() -> None:\n    assert False\n")
    watched.says("failed (1); waiting for a change")
    test.write_text("def test_it() -> None:\n    assert 1 + 1 == 2\n")
    watched.says("passed; waiting for a change", times=2)
    # What git knows and is not there any more once ended the watcher without a word.
    (watched.top / "src/old.py").unlink()
    watched.says("passed; waiting for a change", times=3)
    watched.process.send_signal(signal.SIGTERM)
    assert watched.process.wait(timeout=60) == 130
    assert "stopped" in watched.log.read_text()


@pytest.mark.parametrize(("line", "code"), [("assert True", 0), ("assert False", 1)])
def test_one_cycle_ends_with_the_code_of_the_tests(
    tmp_path: Path, prepared: Path, line: str, code: int
) -> None:
    (tmp_path / "test_it.py").write_text(f"def test_it() -> None:\n    {line}\n")
    done = subprocess.run(
        [TOP / "scripts/tdd-cycle.sh", "--once", "test_it.py"], cwd=tmp_path, check=False,
        capture_output=True, text=True, env={**os.environ, "DEBWRIGHT_VENV": str(prepared)},
        stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr


def test_it_says_that_ctrl_c_will_not_reach_it(tmp_path: Path, prepared: Path) -> None:
    """nohup, and `&` in a script, start it with SIGINT ignored: bash cannot take that back."""
    with subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$0" "$@"', TOP / "scripts/tdd-cycle.sh", tmp_path],
        cwd=tmp_path, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "DEBWRIGHT_VENV": str(prepared)},
    ) as watching:  # fmt: skip
        assert watching.stdout is not None
        assert f"end it with: kill {watching.pid}" in watching.stdout.readline()
        watching.terminate()
        assert watching.wait(timeout=60) == 130
