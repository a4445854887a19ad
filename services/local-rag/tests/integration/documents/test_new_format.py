"""A format is one file: it is found, imported, shown and named without another change."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import local_rag
from kit import TOP

# The text format of the Gemini protocol. It says in which process it was read.
GEMTEXT = '''
"""Gemtext."""

import os

from local_rag.core.types import Extracted, Section
from local_rag.documents.formats.base import Format, Source, build
from local_rag.text.normalise import decode


def _read(source: Source) -> Extracted:
    lines = decode(source.data).splitlines()
    return build(
        title=lines[0].removeprefix("# "),
        fallback=source.name,
        sections=[Section(text=f"{os.getpid()} " + " ".join(lines[1:]))],
        media_type=FORMAT.media_type,
    )


FORMAT = Format(
    name="Gemtext", media_type="text/gemini", extensions=(".gmi",), read=_read
)
'''

USE = """
import json, os, sys
from pathlib import Path

package, tests, work = map(Path, sys.argv[1:4])
sys.path[:0] = [str(package), str(tests)]
import local_rag
assert Path(local_rag.__file__).is_relative_to(package)
from click.testing import CliRunner
from kit.faces import API, client_for, make_service, wait_for_job
from local_rag.cli import main

with client_for(make_service(work)) as client:
    page = {"sources": [str(work / "in")]}
    job = wait_for_job(client, client.post(f"{API}/imports", json=page).json()["id"])
    (document,) = client.get(f"{API}/documents").json()["items"]
    text = client.get(f"{API}/documents/{document['id']}/content").json()["text"]
    formats = client.get(f"{API}/system").json()["formats"]
print(json.dumps({
    "job": job, "document": document, "text": text, "formats": formats, "me": os.getpid(),
    "help": CliRunner().invoke(main, ["import", "--help"]).output,
}))
"""


def test_a_new_format_is_one_file(tmp_path: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(
        Path(local_rag.__file__).parent,
        package / "local_rag",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (package / "local_rag/documents/formats/gemtext.py").write_text(GEMTEXT)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "capsule.gmi").write_text("# My capsule\nBees dance.\n")
    tests = TOP / "tests"
    done = subprocess.run(
        [sys.executable, "-c", USE, str(package), str(tests), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["job"]["state"], said["job"]["done"]) == ("done", 1)
    assert said["document"]["title"] == "My capsule"
    assert said["document"]["media_type"] == "text/gemini"
    reader, _, text = said["text"].partition(" ")
    assert text.strip() == "Bees dance."
    assert int(reader) != said["me"], "it was not read in a process of its own"
    assert {"name": "Gemtext", "media_types": ["text/gemini"], "extensions": [".gmi"]} in said[
        "formats"
    ]
    assert "Gemtext (.gmi)" in " ".join(said["help"].split())
