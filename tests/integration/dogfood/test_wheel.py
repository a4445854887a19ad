"""debwright as a wheel: it builds, and has every file it needs at run time."""

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]


@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed")
def test_a_wheel_has_what_the_source_tree_has(tmp_path: Path) -> None:
    backend = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", backend, str(tmp_path)], cwd=TOP, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("debwright-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    source = subprocess.run(
        ["git", "ls-files", "src/debwright"], cwd=TOP, check=True, capture_output=True, text=True
    ).stdout.split()
    assert {s.removeprefix("src/") for s in source} <= names
    assert "debwright = debwright.cli.app:main" in entry
    # Run from the archive alone: no module of the source tree is seen.
    done = subprocess.run(
        [sys.executable, "-c", "import debwright, sys; from debwright.cli.app import main;"
         "assert '.whl' in debwright.__file__; main(['--version'])"],
        env={"PYTHONPATH": str(wheel)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("debwright, version")


@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed")
def test_the_wheel_of_the_workflow_works_where_it_is_installed(tmp_path: Path) -> None:
    """In an environment that has its locked requirements and nothing else."""
    (tmp_path / "debwright-0.0.1-py3-none-any.whl").touch()
    (tmp_path / "else.whl").touch()
    done = subprocess.run(
        [TOP / "scripts/wheel.sh", tmp_path], capture_output=True, text=True, check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "debwright, version" in done.stdout
    (wheel,) = tmp_path.glob("debwright-*.whl")
    assert "0.0.1" not in wheel.name
    assert (tmp_path / "else.whl").exists()
