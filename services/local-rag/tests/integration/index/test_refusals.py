"""When the disk, the lock or this Python's SQLite refuses."""

import sqlite3
from pathlib import Path

import pytest

from kit.fakes import HashEmbedder, OpenGate
from kit.stocked import incoming, open_store
from local_rag.config.settings import Settings
from local_rag.core.errors import RagError, StoreCorrupt, Unavailable
from local_rag.core.types import JobState
from local_rag.documents.imports import ImportJobs
from local_rag.index import Store
from local_rag.index.connection import load_extension, translated


def test_a_full_disk_stops_the_import_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.md").write_text(f"# T{number}\n" + f"word{number} and more. " * 200)
    settings = Settings.model_validate({"storage": {"data_dir": tmp_path / "data"}})
    words = HashEmbedder()
    with Store(settings.storage.database) as store:
        store.bind_embedder(words.model_id, words.dimensions)
        store.documents.put(incoming(words, "first.md", "# First\nwords"))
        with store.connections.maintain() as db:
            pages = int(db.execute("PRAGMA page_count").fetchone()[0])
            # SQLite reports this limit in the words it has for a full disk.
            db.execute(f"PRAGMA max_page_count={pages + 200}")
        jobs = ImportJobs(store, lambda: words, settings, OpenGate())
        jobs.start()
        job = jobs.wait(jobs.submit([str(folder)]).id)
        assert job.state is JobState.FAILED
        assert "is full" in str(job.error)
        assert 0 < job.done < 60
        assert store.documents.count() == job.done + 1
        assert store.check("full").ok
        with store.connections.maintain() as db:
            db.execute("PRAGMA max_page_count=1000000")
        jobs.resume(job.id)
        done = jobs.wait(job.id)
        jobs.stop()
        assert (done.state, done.done) == (JobState.DONE, 60)
        assert store.check("full").ok


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("database disk image is malformed", StoreCorrupt, "damaged"),
        ("file is not a database", StoreCorrupt, "damaged"),
        ("database or disk is full", Unavailable, "full"),
        ("attempt to write a readonly database", Unavailable, "cannot be written"),
        ("unable to open database file", Unavailable, "cannot be written"),
        ("database is locked", Unavailable, "another program"),
        ("no such table: x", RagError, "failed"),
    ],
)
def test_what_sqlite_says_becomes_a_sentence(
    tmp_path: Path, text: str, kind: type[RagError], says: str
) -> None:
    with pytest.raises(kind, match=says), translated(tmp_path / "i.sqlite3"):
        raise sqlite3.DatabaseError(text)


def test_a_python_without_extensions_is_named() -> None:
    class Plain:
        """What sqlite3.Connection is in a Python built without loadable extensions."""

    with pytest.raises(Unavailable, match="sqlite-vec") as caught:
        load_extension(Plain())  # type: ignore[arg-type]
    assert "/usr/bin/python3" in str(caught.value.hint)


def test_another_program_that_holds_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_rag.index.connection.BUSY_MS", 50)
    words = HashEmbedder()
    path = tmp_path / "i.sqlite3"
    with open_store(path, words) as store:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="another program"):
            store.documents.put(incoming(words, "a.md", "# A\nwords"))
        other.rollback()
        other.close()
        assert store.documents.put(incoming(words, "a.md", "# A\nwords")).outcome == "added"
