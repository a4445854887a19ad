"""The layout of the index file and its migrations."""

import sqlite3
from contextlib import closing

from local_rag.core.errors import StoreCorrupt

APPLICATION_ID = 0x4C524147  # "LRAG"
SHARDS = 64

# Chunks of soft-deleted documents keep their rows and vectors, but are in neither search index;
# `vectors` (half floats) serves the exact second pass, `vector_bits` the first one.
_V1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    content_hash TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    pages INTEGER,
    chunk_count INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    deleted TEXT,
    deleted_reason TEXT,
    embedder_id TEXT NOT NULL
);

CREATE TABLE contents (
    document_id INTEGER PRIMARY KEY REFERENCES documents(id) ON DELETE CASCADE,
    sections BLOB NOT NULL
);

CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    uri TEXT NOT NULL UNIQUE,
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    source_hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER,
    etag TEXT,
    metadata TEXT NOT NULL,
    updated TEXT NOT NULL
);
CREATE INDEX sources_document ON sources(document_id);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    text TEXT NOT NULL,
    title TEXT NOT NULL,
    heading TEXT,
    page INTEGER,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    token_count INTEGER NOT NULL,
    embedding_hash BLOB NOT NULL,
    live INTEGER NOT NULL
);
CREATE INDEX chunks_document ON chunks(document_id, ordinal);
CREATE INDEX chunks_embedding ON chunks(embedding_hash);

CREATE TABLE vectors (
    chunk_id INTEGER PRIMARY KEY REFERENCES chunks(id) ON DELETE CASCADE,
    vector BLOB NOT NULL
);

CREATE VIEW live_chunks AS SELECT id, title, heading, text FROM chunks WHERE live;
CREATE VIRTUAL TABLE keywords USING fts5(
    title, heading, text,
    content='live_chunks', content_rowid='id',
    tokenize="porter unicode61 remove_diacritics 2"
);

CREATE TABLE folders (
    path TEXT PRIMARY KEY,
    recursive INTEGER NOT NULL,
    metadata TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE rejects (
    uri TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    error TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    sources TEXT NOT NULL,
    options TEXT NOT NULL,
    listed INTEGER NOT NULL,
    error TEXT,
    created TEXT NOT NULL,
    updated TEXT NOT NULL
);
CREATE TABLE job_items (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    uri TEXT NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    document_id INTEGER,
    UNIQUE (job_id, uri)
);
CREATE INDEX job_items_state ON job_items(job_id, state);
"""
# Terms instead of texts, in all languages; what is in the index is made again when it is opened
# (`keyword.bring_up_to_date`). The ascii tokenizer takes every letter beyond ASCII for one.
_V2 = """
DROP TABLE keywords;
DROP VIEW live_chunks;
CREATE VIRTUAL TABLE keywords USING fts5(title, heading, text, content='', tokenize='ascii');
"""
# What had nothing new was called skipped, which now means that it was left out.
_V3 = """
UPDATE job_items SET state = 'unchanged' WHERE state = 'skipped';
"""
# Answers are kept as they were given: what they quote may be gone from the index since.
_V4 = """
CREATE TABLE chats (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL
);
CREATE TABLE turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chats(id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    asked TEXT NOT NULL,
    answer TEXT,
    created TEXT NOT NULL
);
CREATE INDEX turns_chat ON turns(chat_id, id);
"""
MIGRATIONS: tuple[str, ...] = (_V1, _V2, _V3, _V4)


def migrate(db: sqlite3.Connection) -> None:
    """Bring an index to the present layout, each step in one transaction.

    Raises StoreCorrupt for a file of another program or of a later version of this one.
    """
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    application = int(db.execute("PRAGMA application_id").fetchone()[0])
    tables = int(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if application != APPLICATION_ID and (version or tables):
        raise StoreCorrupt(
            "the index file belongs to another program",
            hint="move it away, or set storage.data_dir to another directory",
        )
    if version > len(MIGRATIONS):
        raise StoreCorrupt(
            f"the index has layout {version}, this version knows {len(MIGRATIONS)}",
            hint="install the later version of local-rag again, or restore an older backup",
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={number}")
        except BaseException:
            db.rollback()
            raise
        db.commit()


def layout_differences(db: sqlite3.Connection) -> list[str]:
    """Return what is missing in an index of the present layout, or in it that none of ours has."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        migrate(model)
        wanted, found = _layout(model), _layout(db)
    wrong = [f"{name} differs" for name in wanted if found.get(name, wanted[name]) != wanted[name]]
    wrong += [f"{name} is missing" for name in wanted if name not in found]
    wrong += [f"{name} is not known" for name in found if name not in wanted]
    return wrong


def _layout(db: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Return kind and columns of all that makes up an index, by name."""
    names = db.execute(
        "SELECT name, type FROM sqlite_master "
        # The vector index is made for the length of the vectors; SQLite keeps notes of its own.
        "WHERE name NOT GLOB 'vector_bits*' AND name NOT GLOB 'sqlite_*'"
    ).fetchall()
    return {
        name: (kind, *(row[1] for row in db.execute("SELECT * FROM pragma_table_info(?)", (name,))))
        for name, kind in names
    }


def statements(script: str) -> list[str]:
    """Return the statements of a script; executescript() would commit between them."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    return found


def create_vector_index(db: sqlite3.Connection, dimensions: int) -> None:
    """(Re)make the first-pass index for vectors of a length."""
    bits = padded(dimensions)
    db.execute("DROP TABLE IF EXISTS vector_bits")
    db.execute(
        "CREATE VIRTUAL TABLE vector_bits USING vec0("
        "chunk_id INTEGER PRIMARY KEY, shard INTEGER PARTITION KEY, "
        f"embedding BIT[{bits}], chunk_size=1024)"
    )


def padded(dimensions: int) -> int:
    """Return the number of bits stored for a vector: whole bytes."""
    return (dimensions + 7) // 8 * 8
