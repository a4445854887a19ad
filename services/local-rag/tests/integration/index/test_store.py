"""The index file: documents, sources, chunks; every test ends with a full integrity check."""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from kit.fakes import HashEmbedder
from kit.stocked import incoming, open_store
from local_rag.core.errors import (
    Conflict,
    InvalidInput,
    ModelMismatch,
    NotFound,
    StoreCorrupt,
    Unavailable,
)
from local_rag.index import SourceFacts, Store
from local_rag.index.schema import APPLICATION_ID, MIGRATIONS, statements
from local_rag.index.search import Searcher

CATS = "# Cats\nCats purr and sleep all day.\n"
DOGS = "# Dogs\nDogs bark at the moon.\n"


def put(index: Store, words: HashEmbedder, uri: str, body: str, **more: object) -> int:
    return index.documents.put(incoming(words, uri, body, **more)).document_id  # type: ignore[arg-type]


def uris(index: Store, words: HashEmbedder, question: str) -> list[str]:
    return [passage.uri for passage in Searcher(index, words).search(question)]


def sql(index: Store, query: str) -> int:
    with index.connections.read() as db:
        return int(db.execute(query).fetchone()[0])


# -- documents and sources -------------------------------------------------------------------


def test_a_document_comes_back_as_it_was_stored(index: Store, words: HashEmbedder) -> None:
    number = put(index, words, "a.md", CATS, metadata={"owner": "ann"})
    document = index.documents.get(number)
    assert (document.uri, document.title, document.media_type) == ("a.md", "Cats", "text/markdown")
    assert document.metadata == {"owner": "ann"}
    assert document.sources == ("a.md",)
    assert document.deleted is None
    assert document.created.tzinfo is not None
    assert index.documents.text(number) == CATS.strip()
    assert document.chunk_count == len(index.chunks.of_document(number)) == 1


def test_offsets_of_chunks_count_in_the_text(index: Store, words: HashEmbedder) -> None:
    body = "".join(f"# H{i}\n" + "Some words here. " * 20 + "\n" for i in range(5))
    number = put(index, words, "a.md", body)
    text = index.documents.text(number)
    chunks = index.chunks.of_document(number)
    assert len(chunks) > 5
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)


def test_the_same_content_is_stored_once_with_both_sources(
    index: Store, words: HashEmbedder
) -> None:
    first = index.documents.put(incoming(words, "a.md", CATS))
    second = index.documents.put(incoming(words, "b.md", CATS.replace("\n", "\r\n")))
    assert (first.outcome, second.outcome) == ("added", "linked")
    assert first.document_id == second.document_id
    assert index.documents.get(first.document_id).sources == ("a.md", "b.md")
    assert sql(index, "SELECT count(*) FROM vectors") == 1


def test_a_changed_document_keeps_its_number(index: Store, words: HashEmbedder) -> None:
    number = put(index, words, "a.md", CATS)
    result = index.documents.put(incoming(words, "a.md", DOGS))
    assert (result.document_id, result.outcome) == (number, "changed")
    assert index.documents.get(number).title == "Dogs"
    assert uris(index, words, "moon") == ["a.md"]
    assert index.search_keywords("purr", 5) == []


def test_a_change_touches_only_chunks_that_differ(index: Store, words: HashEmbedder) -> None:
    parts = [f"## Part {i}\n" + f"unique{i} words of this part. " * 8 for i in range(6)]
    number = put(index, words, "a.md", "# T\n" + "\n".join(parts))
    before = {row.text: row for row in index.chunks.of_document(number)}
    with index.connections.read() as db:
        ids = dict(db.execute("SELECT text, id FROM chunks").fetchall())
    parts[2] = "## Part 2\n" + "altogether new words. " * 8
    put(index, words, "a.md", "# T\n" + "\n".join(parts))
    with index.connections.read() as db:
        after = dict(db.execute("SELECT text, id FROM chunks").fetchall())
    kept = set(before) & set(after)
    assert len(kept) >= len(before) - 2
    assert all(ids[text] == after[text] for text in kept)


def test_a_new_title_reaches_the_keyword_index(index: Store, words: HashEmbedder) -> None:
    put(index, words, "a.md", "---\ntitle: Felines\n---\nThey purr.")
    put(index, words, "a.md", "---\ntitle: Canines\n---\nThey purr.")
    assert index.search_keywords("felines", 5) == []
    assert len(index.search_keywords("canines", 5)) == 1


def test_a_shared_source_that_changes_leaves_the_other(index: Store, words: HashEmbedder) -> None:
    shared = put(index, words, "a.md", CATS)
    put(index, words, "b.md", CATS)
    moved = put(index, words, "b.md", DOGS)
    assert moved != shared
    assert index.documents.get(shared).sources == ("a.md",)
    assert index.documents.get(moved).sources == ("b.md",)


def test_a_document_whose_last_source_moves_on_is_gone(index: Store, words: HashEmbedder) -> None:
    old = put(index, words, "a.md", CATS)
    target = put(index, words, "b.md", DOGS)
    assert put(index, words, "a.md", DOGS) == target
    with pytest.raises(NotFound):
        index.documents.get(old)
    assert index.documents.get(target).sources == ("b.md", "a.md")


def test_shared_content_rewritten_with_other_white_space_stays_linked(
    index: Store, words: HashEmbedder
) -> None:
    put(index, words, "a.md", CATS)
    put(index, words, "b.md", CATS)
    again = index.documents.put(incoming(words, "b.md", CATS + "\n\n"))
    assert again.outcome == "linked"
    assert index.documents.get(again.document_id).sources == ("a.md", "b.md")


def test_lists_pages_and_filters(index: Store, words: HashEmbedder) -> None:
    for i in range(5):
        put(index, words, f"dir_1/{i}.md", f"# Title {i}\ntext number {i}")
    assert [d.title for d in index.documents.list(limit=2)] == ["Title 4", "Title 3"]
    assert [d.title for d in index.documents.list(limit=2, offset=4)] == ["Title 0"]
    assert index.documents.count() == 5
    assert index.documents.count(text="title 3") == 1
    assert index.documents.count(text="dir_1/") == 5
    assert index.documents.count(text="dirx1") == 0
    assert index.documents.count(text="%") == 0
    assert index.documents.count(text="' OR 1=1 --") == 0


@pytest.mark.parametrize("call", ["get", "delete", "purge", "undelete", "text"])
def test_what_is_not_there(index: Store, call: str) -> None:
    with pytest.raises(NotFound):
        getattr(index.documents, call)(404)


# -- deleting --------------------------------------------------------------------------------


def test_soft_delete_hides_and_undelete_shows(index: Store, words: HashEmbedder) -> None:
    number = put(index, words, "a.md", CATS)
    put(index, words, "b.md", DOGS)
    assert index.documents.delete(number).deleted is not None
    assert uris(index, words, "cats purr") == ["b.md"]
    assert index.search_keywords("purr", 5) == []
    assert [d.uri for d in index.documents.list()] == ["b.md"]
    assert index.documents.count(include_deleted=True) == 2
    assert index.documents.text(number).startswith("# Cats")
    assert index.check("full").ok
    assert index.documents.undelete(number).deleted is None
    assert uris(index, words, "cats purr")[0] == "a.md"


def test_deleting_twice_is_once(index: Store, words: HashEmbedder) -> None:
    number = put(index, words, "a.md", CATS)
    first = index.documents.delete(number)
    assert index.documents.delete(number).deleted == first.deleted


def test_importing_a_deleted_document_brings_it_back(index: Store, words: HashEmbedder) -> None:
    number = put(index, words, "a.md", CATS)
    index.documents.delete(number)
    assert put(index, words, "a.md", CATS + "More.\n") == number
    assert uris(index, words, "purr") == ["a.md"]


def test_purge_leaves_nothing(index: Store, words: HashEmbedder, tmp_path: Path) -> None:
    put(index, words, "keep.md", DOGS)
    number = put(index, words, "a.md", "# X\nThe password is xyzzyplugh.")
    index.documents.purge(number)
    for table in ("chunks", "vectors", "contents", "sources", "keywords_docsize"):
        assert sql(index, f"SELECT count(*) FROM {table}") == 1, table
    with index.connections.maintain() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert b"xyzzyplugh" not in index.path.read_bytes()


def test_a_lost_source_keeps_a_shared_document(index: Store, words: HashEmbedder) -> None:
    number = put(index, words, "a.md", CATS)
    put(index, words, "b.md", CATS)
    index.documents.remove_source("a.md")
    assert index.documents.get(number).sources == ("b.md",)
    index.documents.remove_source("b.md")
    assert index.documents.get(number).deleted is not None
    source = index.documents.source("b.md")
    assert source is not None
    assert source.deleted_reason == "missing"
    index.documents.remove_source("never.md")


def test_linking_a_source(index: Store, words: HashEmbedder) -> None:
    number = put(index, words, "a.md", CATS)
    index.documents.delete(number)
    facts = SourceFacts(uri="c.md", source_hash="h", size=1, metadata={})
    index.documents.link(facts, number)
    assert index.documents.get(number).sources == ("a.md", "c.md")
    assert index.documents.get(number).deleted is None


# -- the file --------------------------------------------------------------------------------


def test_everything_is_there_after_reopening(tmp_path: Path, words: HashEmbedder) -> None:
    path = tmp_path / "i.sqlite3"
    with open_store(path, words) as store:
        put(store, words, "a.md", CATS)
    with open_store(path, words) as store:
        assert uris(store, words, "purr") == ["a.md"]
        with store.connections.maintain() as db:
            assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert path.stat().st_mode & 0o077 == 0


def test_only_one_process_at_a_time(tmp_path: Path, words: HashEmbedder) -> None:
    path = tmp_path / "i.sqlite3"
    with open_store(path, words), pytest.raises(Conflict, match="in use"):
        Store(path)
    Store(path).close()


def test_an_index_of_another_model_is_refused(tmp_path: Path, words: HashEmbedder) -> None:
    path = tmp_path / "i.sqlite3"
    with open_store(path, words) as store:
        put(store, words, "a.md", CATS)
    with pytest.raises(ModelMismatch) as caught:
        Store(path, embedder_id="other@1", dimensions=64)
    assert "reindex" in str(caught.value.hint)
    with Store(path) as store:
        assert store.search_keywords("purr", 3)
        with pytest.raises(ModelMismatch):
            store.bind_embedder(words.model_id, 32)


def test_an_empty_index_takes_any_model(tmp_path: Path, words: HashEmbedder) -> None:
    path = tmp_path / "i.sqlite3"
    open_store(path, words).close()
    with Store(path, embedder_id="other@1", dimensions=16) as store:
        assert (store.meta.embedder_id, store.meta.dimensions) == ("other@1", 16)


def test_reindex_drops_old_vectors_and_names_what_waits(index: Store, words: HashEmbedder) -> None:
    first = put(index, words, "a.md", CATS)
    second = put(index, words, "b.md", DOGS)
    index.documents.delete(second)
    other = HashEmbedder(32, "other@1")
    assert index.begin_reindex(other.model_id, 32) == 2
    assert index.search_keywords("purr", 3)
    assert index.search_vectors(other.embed(["purr"])[0], 3) == []
    assert index.check("full").ok
    for number, uri, body in ((first, "a.md", CATS), (second, "b.md", DOGS)):
        index.documents.reembed(number, incoming(other, uri, body))
    assert index.documents.stale(other.model_id) == []
    assert uris(index, other, "moon purr") == ["a.md"]
    assert index.documents.get(second).deleted is not None


def test_a_twin_arriving_during_a_reindex_renews_the_document(
    index: Store, words: HashEmbedder
) -> None:
    number = put(index, words, "a.md", CATS)
    other = HashEmbedder(32, "other@1")
    index.begin_reindex(other.model_id, 32)
    result = index.documents.put(incoming(other, "twin.md", CATS))
    assert (result.document_id, result.outcome) == (number, "linked")
    assert index.documents.stale(other.model_id) == []


@pytest.mark.parametrize("junk", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_damaged_file_is_named(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "i.sqlite3"
    path.write_bytes(junk)
    with pytest.raises(StoreCorrupt) as caught:
        Store(path)
    assert str(path) in str(caught.value)
    assert "restore" in str(caught.value.hint)


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite3"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE precious (x)")
    with pytest.raises(StoreCorrupt, match="another program"):
        Store(path)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM precious").fetchone()[0] == 0


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path, words: HashEmbedder) -> None:
    path = tmp_path / "i.sqlite3"
    open_store(path, words).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    with pytest.raises(StoreCorrupt, match="layout"):
        Store(path)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable, match="cannot be written"):
        Store(tmp_path / "file" / "data" / "i.sqlite3")


def test_a_closed_index_says_so(tmp_path: Path, words: HashEmbedder) -> None:
    store = open_store(tmp_path / "i.sqlite3", words)
    store.close()
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.documents.count()
    with pytest.raises(Unavailable, match="closed"):
        store.meta.set("a", "b")


def test_a_failed_write_leaves_nothing(index: Store, words: HashEmbedder) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    put(index, words, "a.md", CATS)
    before = index.stats()["chunks"]
    with pytest.raises(RuntimeError):
        index.documents.put(incoming(words, "b.md", DOGS), also=fail)
    with pytest.raises(RuntimeError):
        index.documents.put(incoming(words, "a.md", DOGS), also=fail)
    assert index.stats()["chunks"] == before
    assert uris(index, words, "purr") == ["a.md"]
    assert index.search_keywords("moon", 3) == []


def test_reset_empties_everything(index: Store, words: HashEmbedder) -> None:
    put(index, words, "a.md", CATS)
    index.jobs.remember_folder("/x", recursive=True, metadata={})
    index.reset()
    assert index.stats()["documents"] == 0
    assert index.jobs.folders() == []
    assert put(index, words, "a.md", CATS)
    assert uris(index, words, "purr") == ["a.md"]


def test_stats(index: Store, words: HashEmbedder) -> None:
    put(index, words, "a.md", CATS)
    index.documents.delete(put(index, words, "b.md", DOGS))
    stats = index.stats()
    assert (stats["documents"], stats["deleted_documents"], stats["chunks"]) == (1, 1, 1)
    assert stats["bytes"] > 10_000


def test_chunks_are_counted_without_reading_their_texts(index: Store, words: HashEmbedder) -> None:
    def found() -> int:
        return sql(index, "SELECT count(*) FROM chunks WHERE live")

    seen: list[str] = []
    assert index.chunks.count() == found() == 0
    first = put(index, words, "a.md", CATS + "More of it. " * 60)
    second = put(index, words, "b.md", DOGS)
    for change in (
        lambda: index.documents.delete(first),
        lambda: put(index, words, "b.md", DOGS + "And so on. " * 60),
        lambda: index.documents.undelete(first),
        lambda: index.begin_reindex("other@1", 8),
        lambda: index.documents.purge(second),
    ):
        change()
        assert index.chunks.count() == found() > 0
    with index.connections.read() as db:
        db.set_trace_callback(seen.append)
        index.chunks.count()
        db.set_trace_callback(None)
    assert not any("FROM chunks" in statement for statement in seen), seen


def test_statements_split_only_between_statements() -> None:
    assert len(statements(MIGRATIONS[0])) == 16
    assert statements("SELECT ';';\nSELECT 2;\n") == ["SELECT ';';", "SELECT 2;"]


# -- integrity and backup --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "repairable"),
    [
        ("DELETE FROM vector_bits", True),
        ("INSERT INTO keywords(keywords) VALUES ('delete-all')", True),
        (
            "INSERT INTO vector_bits VALUES (999, 7, vec_bit(zeroblob(8)))",
            True,
        ),
        ("DELETE FROM vectors", False),
        ("DELETE FROM sources", False),
        ("DELETE FROM contents", False),
        ("UPDATE documents SET chunk_count = 7", False),
        ("UPDATE documents SET deleted = updated", False),
    ],
)
def test_disagreements_are_found(
    tmp_path: Path, words: HashEmbedder, damage: str, repairable: bool
) -> None:
    with open_store(tmp_path / "i.sqlite3", words) as store:
        put(store, words, "a.md", CATS)
        assert store.check("quick").ok
        with store.connections.write() as db:
            db.execute(damage)
        report = store.check("quick")
        assert not report.ok
        assert report.repairable is repairable
        if repairable:
            store.repair()
            assert store.check("full").ok
            assert uris(store, words, "purr") == ["a.md"]


def test_scribbled_pages_are_found(tmp_path: Path, words: HashEmbedder) -> None:
    path = tmp_path / "i.sqlite3"
    with open_store(path, words) as store:
        for i in range(40):
            put(store, words, f"{i}.md", f"# T{i}\n" + f"word{i} " * 100)
    data = bytearray(path.read_bytes())
    for page in range(20, len(data) // 4096 - 5, 3):
        data[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    path.write_bytes(data)
    with suppress(StoreCorrupt), Store(path) as store:
        assert not store.check("full").ok


def test_backup_and_restore(index: Store, words: HashEmbedder, tmp_path: Path) -> None:
    put(index, words, "a.md", CATS)
    target = tmp_path / "backup.db"
    assert index.backup(target) == target.stat().st_size
    put(index, words, "b.md", DOGS)
    index.documents.purge(1)
    index.restore(target)
    assert [d.uri for d in index.documents.list()] == ["a.md"]
    assert uris(index, words, "purr") == ["a.md"]
    assert index.check("full").ok
    put(index, words, "b.md", DOGS)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_backup_replaces_an_older_one_and_opens_by_itself(
    index: Store, words: HashEmbedder, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere" / "b.db"
    target.parent.mkdir()
    index.backup(target)
    put(index, words, "a.md", CATS)
    index.backup(target)
    assert [path.name for path in target.parent.iterdir()] == ["b.db"]
    with open_store(target, words) as copy:
        assert uris(copy, words, "purr") == ["a.md"]


def test_backup_while_others_write(index: Store, words: HashEmbedder, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            put(index, words, f"{number}.md", f"# N{number}\ntext of {number}")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for turn in range(5):
            index.backup(tmp_path / f"{turn}.db")
    finally:
        stop.set()
        writer.join()
    for turn in range(5):
        with open_store(tmp_path / f"{turn}.db", words) as copy:
            assert copy.check("full").ok


@pytest.mark.parametrize(
    "kind", ["missing", "junk", "foreign", "torn", "hollow", "clashing", "changed", "trapped"]
)
def test_a_bad_backup_changes_nothing(
    index: Store, words: HashEmbedder, tmp_path: Path, kind: str
) -> None:
    put(index, words, "a.md", CATS)
    bad = tmp_path / "bad.db"
    if kind == "junk":
        bad.write_bytes(b"junk" * 1000)
    elif kind == "foreign":
        with sqlite3.connect(bad) as db:
            db.execute("CREATE TABLE t (x)")
    elif kind == "torn":
        index.backup(bad)
        bad.write_bytes(bad.read_bytes()[: 5 * 4096])
    elif kind != "missing":
        # These say of themselves that they are an index.
        if kind in ("changed", "trapped"):
            index.backup(bad)
        with closing(sqlite3.connect(bad, isolation_level=None)) as db:
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            if kind == "hollow":
                db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
            db.execute(
                {
                    "hollow": "CREATE TABLE t (x)",
                    "clashing": "CREATE TABLE jobs (x)",
                    "changed": "ALTER TABLE documents RENAME COLUMN title TO name",
                    "trapped": "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM jobs; END",
                }[kind]
            )
    with pytest.raises((NotFound, StoreCorrupt)):
        index.restore(bad)
    assert uris(index, words, "purr") == ["a.md"]


def test_a_backup_needs_a_file_name(index: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="directory"):
        index.backup(tmp_path)
    with pytest.raises(InvalidInput, match="itself"):
        index.backup(index.path)
    with pytest.raises(Unavailable):
        index.backup(tmp_path / "no" / "such" / "place.db")
