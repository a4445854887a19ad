"""The scripts beside the Makefile: their arguments, their environment, and the watcher."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
SCRIPTS = TOP / "scripts"


def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPTS / name, *arguments], capture_output=True, text=True, check=False, cwd="/",
        stdin=subprocess.DEVNULL, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["build-local.sh", "test-quick.sh", "test-ci-local.sh", "tdd-cycle.sh"]
)
def test_help_has_every_option_and_the_exit_codes(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert "Exit codes" in done.stdout
    # The patterns of the loop over the arguments: `--clean)`, `--arch=all | --arch=amd64)`.
    options = set(re.findall(r"^ +(--[a-z-]+)[^()\n]*\)", (SCRIPTS / name).read_text(), re.M))
    assert len(options - {"--"}) >= 2
    assert all(option in done.stdout for option in options), options


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("build-local.sh", ["--arch=mips"], "unknown architecture 'mips'"),
        ("build-local.sh", ["--output"], "--output needs a directory"),
        ("build-local.sh", ["--output="], "--output needs a directory"),
        ("build-local.sh", ["--fast"], "unknown option '--fast'"),
        ("build-local.sh", ["somewhere"], "unknown option 'somewhere'"),
        ("test-quick.sh", ["--fast"], "unknown option '--fast'"),
        ("test-ci-local.sh", ["--workflow", "release"], "unknown workflow 'release'"),
        ("test-ci-local.sh", ["--workflow"], "--workflow needs a name"),
        ("tdd-cycle.sh", ["--fast"], "unknown option '--fast'"),
        ("tdd-cycle.sh", ["no/such/test.py"], "there is no no/such/test.py"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_done(
    name: str, arguments: list[str], said: str
) -> None:
    done = run(name, *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_a_project_that_is_not_there() -> None:
    done = run("build-local.sh", DEBWRIGHT_PROJECT="services/none")
    assert done.returncode == 2
    assert "there is no services/none/debwright.toml" in done.stderr


def sourced(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f'. "{SCRIPTS}/lib/setup.sh"; {script}'], capture_output=True, text=True,
        check=False, env={**os.environ, **environment}, timeout=60,
    )  # fmt: skip


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """What `prepare_python dev.txt` leaves, with the Python that runs these tests."""
    programs = tmp_path / "venv/bin"
    programs.mkdir(parents=True)
    for name, command in (("python", ""), ("debwright", "-m debwright")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n')
        (programs / name).chmod(0o755)
    done = sourced("stamp_of dev.txt")
    (tmp_path / "venv/.stamp").write_text(done.stdout)
    assert done.stdout.startswith("dev.txt ")
    return tmp_path / "venv"


def test_a_build_leaves_the_packages_of_the_tests(prepared: Path) -> None:
    """The watcher runs tests and builds in turn; a build once removed pytest."""
    before = sorted(p.name for p in (prepared / "bin").iterdir())
    done = sourced("prepare_python run.txt", DEBWRIGHT_VENV=str(prepared))
    assert done.returncode == 0, done.stderr
    assert "preparing Python" not in done.stderr
    assert sorted(p.name for p in (prepared / "bin").iterdir()) == before


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
        [SCRIPTS / "tdd-cycle.sh", "--once", "test_it.py"], cwd=tmp_path, check=False,
        capture_output=True, text=True, env={**os.environ, "DEBWRIGHT_VENV": str(prepared)},
        stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr


@pytest.mark.parametrize("there", [True, False])
def test_a_program_that_came_from_elsewhere_is_not_installed_again(
    tmp_path: Path, *, there: bool
) -> None:
    """GitHub's runners have docker and chromium, and apt cannot put Debian's beside them."""
    program = tmp_path / "chromium-of-elsewhere"
    if there:
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    done = sourced(
        'install_packages() { printf "%s\\n" "$@"; }; install_for chromium-of-elsewhere:chromium',
        PATH=f"{tmp_path}:{os.environ['PATH']}",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ([] if there else ["chromium"])
