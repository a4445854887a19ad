"""The service installed as a package: a private directory that only the launcher knows of."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import local_rag

SCRIPT = """
import sys
sys.path.insert(0, {private!r})
from local_rag.documents.formats import Source
from local_rag.documents.extraction import Extraction
with Extraction() as extraction:
    print(extraction.extract(Source(data=b"<title>t</title><p>found", name="x.html")))
"""


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A directory with this service and what it needs, as a package would install it."""
    directory = tmp_path / "lib"
    # A copy and no link: a link would lead to the directory that the tests run from.
    shutil.copytree(Path(local_rag.__file__).parent, directory / "local_rag")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.suffix not in (".pth", ".dist-info") and entry.name != "local_rag":
            (directory / entry.name).symlink_to(entry)
    return directory


def test_parsing_works_from_a_private_directory(private: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # What lies where the service runs, and what the environment names, must not be picked up.
    for trap in ("json", "local_rag"):
        (elsewhere / f"{trap}.py").write_text("raise SystemExit('the wrong module')\n")
    done = subprocess.run(
        [sys.executable, "-IS", "-c", SCRIPT.format(private=str(private))],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(elsewhere)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "found" in done.stdout
