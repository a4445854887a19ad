"""What a test has computed, its processes counted in, in one process and in several."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
TEST = """
import subprocess, sys
BURN = "import time\\nwhile time.process_time() < 0.4: pass"
def test_light(): pass
def test_heavy(): subprocess.run([sys.executable, "-c", BURN], check=True)
"""


@pytest.mark.parametrize("processes", ["0", "2"])
def test_the_heaviest_is_first(tmp_path: Path, processes: str) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.kit.cost", "--cost", "1", "-n",
         processes, "-p", "no:cacheprovider", "--rootdir", ".", "test_it.py"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.findall(r"^ +([0-9.]+)s of .*::(\w+)$", done.stdout, re.M)
    assert [test for _, test in shown] == ["test_heavy"]
    assert 0.4 <= float(shown[0][0]) < 5
