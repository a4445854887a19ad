"""The scripts next to the Makefile: their arguments and their environment."""

import os
import subprocess
import sys
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
    ("name", "options"),
    [
        (
            "build-local.sh",
            ["--arch", "--clean", "--docker", "--output", "--validate"],
        ),
        ("test-quick.sh", ["--lint", "--unit", "--security"]),
        ("test-ci-local.sh", ["--arch", "--no-tests", "--workflow"]),
        ("tdd-cycle.sh", ["--package", "--once"]),
        ("test.sh", ["--all"]),
    ],
)
def test_help_has_every_option_and_the_exit_codes(name: str, options: list[str]) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert "Exit codes" in done.stdout
    for option in options:
        assert option in done.stdout


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
