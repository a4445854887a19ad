"""What runs next to what, and in what order: as two processes of pytest-xdist do it."""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[3]
NOTE = """
import os
import pytest

def note(test):
    with open("notes", "a") as notes:
        print(os.environ["PYTEST_XDIST_WORKER"], test, file=notes)
"""
FILES = {
    "conftest.py": 'pytest_plugins = ["tests.kit.groups"]\n',
    "test_a.py": NOTE + "\n".join(f"def test_{n}(): note('a')" for n in range(4)),
    "test_b.py": NOTE + "@pytest.mark.group('named')\n@pytest.mark.minutes(1)\n"
    "def test(): note('named')\n",
    "test_c.py": NOTE + "@pytest.mark.group('named')\n@pytest.mark.minutes(1)\n"
    "def test(): note('named')\n",
    "test_d.py": NOTE + "pytestmark = [pytest.mark.apart, pytest.mark.minutes(1.5)]\n"
    "@pytest.mark.parametrize('n', ['x@y', '::'])\ndef test(n): note('apart' + n)\n",
}


def test_groups_stay_together_and_the_longest_begins_first(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "--rootdir", ".",
         "--strict-markers", "."],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    notes = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    workers = {test: {w for w, t in notes if t == test} for _, test in notes}
    assert len(workers["named"]) == 1
    assert len(workers["a"]) == 1
    begun: dict[str, str] = {}
    for worker, test in notes:
        begun.setdefault(worker, test)
    assert set(begun.values()) == {"named", "apartx@y"}, "each began with one of the longest"
