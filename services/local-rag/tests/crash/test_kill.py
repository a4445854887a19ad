"""Killing an import with SIGKILL, over and over: nothing lost, nothing half there."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.fakes import HashEmbedder
from kit.importer import importing
from local_rag.core.types import ImportItemState
from local_rag.index import Store
from local_rag.index.search import Searcher

pytestmark = pytest.mark.slow

KILLS = 25
DOCUMENTS = 400


def write_documents(folder: Path) -> None:
    folder.mkdir()
    for number in range(DOCUMENTS):
        body = "\n\n".join(
            f"## Part {part}\nNumber {number} part {part} says token{number}x{part}. " * 3
            for part in range(1 + number % 7)
        )
        (folder / f"{number:03}.md").write_text(f"# Document {number}\n{body}\n")


def import_until_killed(data: Path, folder: Path, delay_s: float) -> tuple[list[str], bool]:
    """Return what the process said, and whether it finished before the signal."""
    with importing(data, folder) as child:
        assert child.hear() == "begun"
        time.sleep(delay_s)
        child.kill()
        said = list(iter(child.hear, None))
    return said, any(line.startswith("finished") for line in said)


def check_whole(data: Path, acknowledged: int) -> int:
    """Check the index after a kill; return how many documents are in it."""
    with Store(data / "index.sqlite3") as store:
        report = store.check("full")
        assert report.ok, report.problems
        documents = store.documents.list(limit=DOCUMENTS * 2)
        for document in documents:
            number = int(document.title.removeprefix("Document "))
            text = store.documents.text(document.id)
            assert f"token{number}x{number % 7}." in text
            chunks = store.chunks.of_document(document.id)
            assert len(chunks) == document.chunk_count > 0
            covered = "".join(chunk.text for chunk in chunks)
            assert all(f"token{number}x{part}." in covered for part in range(1 + number % 7))
        (job,) = store.jobs.list()
        done = store.jobs.items(job.id, state=ImportItemState.DONE, limit=DOCUMENTS * 2)
        # An item is done exactly when its document is there: they are one transaction.
        assert {item.uri for item in done} == {document.uri for document in documents}
        assert len(documents) >= acknowledged
        return len(documents)


def test_twenty_five_kills_lose_nothing(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "in"
    write_documents(folder)
    dice = random.Random(7)
    kills = 0
    restarts = 0
    known = 0
    while kills < KILLS:
        assert restarts < KILLS * 3, "the import finishes before it can be killed"
        restarts += 1
        said, finished = import_until_killed(data, folder, dice.uniform(0.0, 0.12))
        numbers = [int(line) for line in said if line.isdigit()]
        acknowledged = max([known, *numbers])
        known = check_whole(data, acknowledged)
        if finished or known == DOCUMENTS:
            # All is imported: begin anew, so that every kill hits work in progress.
            (data / "index.sqlite3").unlink()
            known = 0
        else:
            kills += 1
    finish(data, folder)


def finish(data: Path, folder: Path) -> None:
    """Let the last import run to its end and compare with the folder."""
    with importing(data, folder) as child:
        said = list(iter(child.hear, None))
    assert said[-1] == f"finished {DOCUMENTS} 0"
    assert check_whole(data, DOCUMENTS) == DOCUMENTS
    with Store(data / "index.sqlite3") as store:
        found = Searcher(store, HashEmbedder()).search("token123x2")
        assert found[0].title == "Document 123"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with all documents, made once and copied by who changes it."""
    data, folder = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("files") / "in"
    write_documents(folder)
    finish(data, folder)
    return data


@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.05])
def test_a_kill_during_a_restore_leaves_one_or_the_other(
    tmp_path: Path, imported: Path, delay_s: float
) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup.db"
    shutil.copytree(imported, data)
    with Store(data / "index.sqlite3") as store:
        store.backup(backup)
        for number in range(1, 101):
            store.documents.purge(number)
    script = (
        "import sys; from pathlib import Path; from local_rag.index import Store\n"
        "s = Store(Path(sys.argv[1])); print('open', flush=True)\n"
        "while True: s.restore(Path(sys.argv[2]))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(data / "index.sqlite3"), str(backup)],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(delay_s)
    child.kill()
    child.wait()
    child.stdout.close()
    with Store(data / "index.sqlite3") as store:
        assert store.check("full").ok
        assert store.documents.count() in (DOCUMENTS, DOCUMENTS - 100)
