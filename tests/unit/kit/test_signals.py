"""A run of tests that was started as nohup and background jobs are: with SIGINT ignored."""

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[3]
TEST = """
import subprocess

def test_what_is_started_can_be_interrupted():
    with subprocess.Popen(["sleep", "60"]) as started:
        started.send_signal(2)
        assert started.wait(10) == -2
"""


def test_what_tests_start_can_be_interrupted(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$0" "$@"', sys.executable, "-m", "pytest", "-q",
         "-p", "tests.kit.signals", "-p", "no:cacheprovider", "--rootdir", tmp_path,
         tmp_path / "test_it.py"],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": str(TOP)}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
