"""Whether the index is whole and its parts agree."""

import sqlite3
from dataclasses import dataclass
from typing import Literal

from local_rag.index import keyword, vectors
from local_rag.index.connection import Connections, translated
from local_rag.index.schema import create_vector_index

Level = Literal["quick", "full"]
_MAX_PROBLEMS = 20
_BATCH = 2000

# Each finds rows that must not be there; the sentence says what they would mean.
_RULES: tuple[tuple[str, str], ...] = (
    (
        "documents whose number of chunks is not what was stored",
        (
            "SELECT d.id FROM documents d WHERE d.chunk_count <> "
            "(SELECT count(*) FROM chunks c WHERE c.document_id=d.id)"
        ),
    ),
    (
        "documents without a source",
        (
            "SELECT d.id FROM documents d WHERE NOT EXISTS "
            "(SELECT 1 FROM sources s WHERE s.document_id=d.id)"
        ),
    ),
    (
        "documents without their text",
        (
            "SELECT d.id FROM documents d WHERE NOT EXISTS "
            "(SELECT 1 FROM contents t WHERE t.document_id=d.id)"
        ),
    ),
    (
        "chunks without a vector",
        (
            "SELECT c.id FROM chunks c JOIN documents d ON d.id=c.document_id "
            "JOIN meta m ON m.key='embedder_id' AND m.value=d.embedder_id "
            "WHERE NOT EXISTS (SELECT 1 FROM vectors v WHERE v.chunk_id=c.id)"
        ),
    ),
    (
        "chunks found although their document is deleted, or the other way round",
        (
            "SELECT c.id FROM chunks c JOIN documents d ON d.id=c.document_id "
            "WHERE c.live <> (d.deleted IS NULL)"
        ),
    ),
)
_VECTOR_RULES: tuple[tuple[str, str], ...] = (
    (
        "chunks that vector search cannot find",
        (
            "SELECT c.id FROM chunks c JOIN vectors v ON v.chunk_id=c.id WHERE c.live "
            "EXCEPT SELECT chunk_id FROM vector_bits"
        ),
    ),
    (
        "vectors found although their chunk is gone",
        "SELECT chunk_id FROM vector_bits EXCEPT SELECT id FROM chunks WHERE live",
    ),
)
_KEYWORD_RULES: tuple[tuple[str, str], ...] = (
    (
        "chunks that keyword search cannot find",
        "SELECT id FROM chunks WHERE live EXCEPT SELECT id FROM keywords_docsize",
    ),
    (
        "keywords found although their chunk is gone",
        "SELECT id FROM keywords_docsize EXCEPT SELECT id FROM chunks WHERE live",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegrityReport:
    """What a check found; `repairable` when only search indexes are wrong, not data."""

    problems: tuple[str, ...]
    repairable: bool

    @property
    def ok(self) -> bool:
        """True when nothing was found."""
        return not self.problems


def check(connections: Connections, level: Level = "quick") -> IntegrityReport:
    """Compare the parts of the index; `full` also reads every page and verifies all keys.

    `quick` takes about a second for 100,000 chunks, `full` several.
    """
    with connections.read() as db:
        try:
            pages, search = _pages(db, level)
            data = _broken(db, _RULES)
            search += _broken(db, _KEYWORD_RULES)
            if _has_vectors(db):
                search += _broken(db, _VECTOR_RULES)
        except sqlite3.DatabaseError as error:
            return IntegrityReport(
                problems=(f"the index cannot be read: {error}",), repairable=False
            )
    if level == "full" and not pages:
        search += _keyword_structure(connections)
    return IntegrityReport(
        problems=tuple(pages + data + search), repairable=bool(search) and not pages and not data
    )


def _pages(db: sqlite3.Connection, level: Level) -> tuple[list[str], list[str]]:
    """Return what is wrong with the file, and with the keyword index in it.

    From 3.44 on SQLite lets FTS5 check itself here, and FTS5 names itself in what it finds
    (sqlite.org/vtab.html, xIntegrity).
    """
    pragma = "integrity_check" if level == "full" else "quick_check"
    rows = db.execute(f"PRAGMA {pragma}({_MAX_PROBLEMS})").fetchall()
    said = [str(row[0]) for row in rows if row[0] != "ok"]
    keywords = [line for line in said if "fts5" in line.lower()]
    return [line for line in said if line not in keywords], keywords


def _broken(db: sqlite3.Connection, rules: tuple[tuple[str, str], ...]) -> list[str]:
    problems = []
    for sentence, query in rules:
        rows = db.execute(f"{query} LIMIT {_MAX_PROBLEMS}").fetchall()
        if rows:
            shown = ", ".join(str(row[0]) for row in rows[:5])
            problems.append(f"{len(rows)} or more {sentence}: {shown}")
    return problems


def _has_vectors(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name='vector_bits'").fetchone())


def _keyword_structure(connections: Connections) -> list[str]:
    with connections.maintain() as db:
        try:
            db.execute("INSERT INTO keywords (keywords, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            return [f"the keyword index is damaged: {error}"]
    return []


def repair(connections: Connections) -> None:
    """Make both search indexes again from chunks and vectors, in one transaction."""
    with connections.write() as db, translated(connections.path):
        keyword.rebuild(db)
        row = db.execute("SELECT value FROM meta WHERE key='dimensions'").fetchone()
        if row is None:
            return
        dimensions = int(row[0])
        create_vector_index(db, dimensions)
        ids = [
            int(found[0])
            for found in db.execute("SELECT id FROM chunks WHERE live ORDER BY id").fetchall()
        ]
        for begin in range(0, len(ids), _BATCH):
            present, loaded = vectors.load(db, ids[begin : begin + _BATCH], dimensions)
            vectors.insert_bits(db, present, loaded)
