"""Keywords: FTS5 with BM25, asked so that neither its syntax nor common words matter.

What FTS5 is given are terms, not texts (`text.words`), so that one index serves all languages; it
keeps no text itself ("contentless", sqlite.org/fts5.html, 4.4.1). `languages` of the table `meta`
names those whose endings were cut, since a question is looked for in each of them.
"""

import math
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from local_rag.index.connection import Connections
from local_rag.index.meta import put
from local_rag.text.languages import language_of
from local_rag.text.words import ANALYSIS, forms, is_sign, query_words, terms

# FTS5 scores every row that has any of the words; this many are scored in about 15 ms.
ROW_BUDGET = 12_000
MAX_WORDS = 48
_WEIGHTS = "4.0, 2.0, 1.0"  # title, heading, text
_SATURATION = 2.2  # k1 + 1 with FTS5's k1 of 1.2
_CACHE_SIZE = 4096
_LANGUAGES = "languages"
_ANALYSIS = "analysis"
_READ = "SELECT id, title, heading, text FROM chunks"


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryWord:
    """A word of a question: the terms it can have become, in how many chunks, and what it says.

    `weight` is its inverse document frequency, above 0. `part` is true for a pair of signs or
    letters out of a script without spaces, which is no word by itself.
    """

    word: str
    forms: tuple[str, ...]
    part: bool
    count: int
    weight: float


class KeywordIndex:
    """Chunks by the words they have in common with a question."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._counts: dict[str, int] = {}
        self._writes = 0
        self._lock = threading.Lock()

    def search(self, text: str, k: int) -> list[tuple[int, int]]:
        """Return up to k (chunk id, rank), best first, ranks from 1.

        Any text is a valid question: words are quoted, so FTS5 operators are only words.
        """
        return [(key, rank) for rank, (key, _) in enumerate(self.scored(text, k), start=1)]

    def scored(self, text: str, k: int) -> list[tuple[int, float]]:
        """Return up to k (chunk id, strength), best first.

        The strength is the BM25 score as a share of the most that the question's words could
        give, from 0 to 1: near 1 when all the rare words are there, near 0 when a chunk has
        only the words that many have, or when most words are in no chunk at all.
        """
        if k < 1:
            return []
        with self._connections.read() as db:
            weighed = self._weigh(db, text)
            chosen = _choose(weighed)
            if not chosen:
                return []
            most = _SATURATION * sum(word.weight for word in weighed)
            wanted = " OR ".join(_expression(word.forms) for word in chosen)
            rows = db.execute(
                f"SELECT rowid, rank FROM keywords WHERE keywords MATCH ? "
                f"AND rank MATCH 'bm25({_WEIGHTS})' ORDER BY rank LIMIT ?",
                (wanted, k),
            ).fetchall()
        return [(int(row[0]), min(max(-float(row[1]) / most, 0.0), 1.0)) for row in rows]

    def weigh(self, text: str) -> list[QueryWord]:
        """Return the telling words of a question, with what this index knows of each."""
        with self._connections.read() as db:
            return self._weigh(db, text)

    def _weigh(self, db: sqlite3.Connection, text: str) -> list[QueryWord]:
        with self._lock:
            writes = self._writes
        words = query_words(text)[:MAX_WORDS]
        if not words:
            return []
        codes = _stored(db, _LANGUAGES).split()
        total = self._remembered(
            "", lambda: db.execute("SELECT count(*) FROM keywords_docsize"), writes
        )
        found = []
        for word, part in words:
            shapes = forms(word, codes)
            count = self.count(db, shapes, writes)
            weight = math.log(1 + (max(total - count, 0) + 0.5) / (count + 0.5))
            found.append(QueryWord(word=word, forms=shapes, part=part, count=count, weight=weight))
        return found

    def forget_counts(self) -> None:
        """Drop what is remembered about how common words are; called after writes."""
        with self._lock:
            self._writes += 1
            self._counts.clear()

    def count(self, db: sqlite3.Connection, shapes: Sequence[str], writes: int) -> int:
        """Return in how many chunks a word is, as of so many writes to the index."""
        wanted = _expression(shapes)
        return self._remembered(
            wanted,
            lambda: db.execute(
                "SELECT count(*) FROM (SELECT 1 FROM keywords WHERE keywords MATCH ? LIMIT ?)",
                (wanted, ROW_BUDGET + 1),
            ),
            writes,
        )

    def _remembered(self, key: str, query: Callable[[], sqlite3.Cursor], writes: int) -> int:
        """Return a count that stays true until the next write; the empty key is all chunks.

        `writes` tells how many writes were known of before the index was looked at: a count from
        before a write that has ended since is not kept, or a new word would stay unknown.
        """
        with self._lock:
            known = self._counts.get(key)
        if known is not None:
            return known
        count = int(query().fetchone()[0])
        with self._lock:
            if writes == self._writes:
                if len(self._counts) >= _CACHE_SIZE:
                    self._counts.clear()
                self._counts[key] = count
        return count


def _choose(words: Sequence[QueryWord]) -> list[QueryWord]:
    """Return the rarest words whose rows together stay within the budget, at least one."""
    chosen: list[QueryWord] = []
    total = 0
    for word in sorted(words, key=lambda word: (word.count, word.word)):
        if word.count == 0:
            continue
        if chosen and total + word.count > ROW_BUDGET:
            break
        chosen.append(word)
        total += word.count
    return chosen


def quoted(word: str) -> str:
    """Return a word as an FTS5 string (sqlite.org/fts5.html, section 3.1)."""
    return '"' + word.replace('"', '""') + '"'


def _expression(shapes: Sequence[str]) -> str:
    """Return what finds any of the forms; one sign alone finds the pairs that it begins."""
    marked = [quoted(shape) + ("*" if is_sign(shape) else "") for shape in shapes]
    return marked[0] if len(marked) == 1 else f"({' OR '.join(marked)})"


def _stored(db: sqlite3.Connection, key: str) -> str:
    row = db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
    return str(row[0]) if row else ""


def _columns(row: Mapping[str, str] | sqlite3.Row) -> tuple[str | None, tuple[str, str, str]]:
    """Return the language of a chunk and the terms of its title, heading and text."""
    language = language_of(row["text"])
    fields = (row["title"], row["heading"] or "", row["text"])
    title, heading, text = (" ".join(terms(field, language)) for field in fields)
    return language, (title, heading, text)


def add_chunks(db: sqlite3.Connection, chunk_ids: Sequence[int]) -> None:
    """Make chunks found."""
    known = set(_stored(db, _LANGUAGES).split())
    seen = set(known)
    for number in chunk_ids:
        row = db.execute(f"{_READ} WHERE id=?", (number,)).fetchone()
        language, columns = _columns(row)
        db.execute(
            "INSERT INTO keywords (rowid, title, heading, text) VALUES (?,?,?,?)",
            (number, *columns),
        )
        if language is not None:
            seen.add(language)
    if seen != known:
        put(db, _LANGUAGES, " ".join(sorted(seen)))


def remove_chunk(db: sqlite3.Connection, chunk_id: int) -> None:
    """Let one chunk no longer be found; its row must still be as it was when added."""
    row = db.execute(f"{_READ} WHERE id=? AND live", (chunk_id,)).fetchone()
    if row is None:
        return
    db.execute(
        "INSERT INTO keywords (keywords, rowid, title, heading, text) VALUES ('delete',?,?,?,?)",
        (chunk_id, *_columns(row)[1]),
    )


def rebuild(db: sqlite3.Connection) -> None:
    """Make the index again from the chunks."""
    db.execute("INSERT INTO keywords (keywords) VALUES ('delete-all')")
    db.execute("DELETE FROM meta WHERE key=?", (_LANGUAGES,))
    ids = [int(row[0]) for row in db.execute("SELECT id FROM chunks WHERE live ORDER BY id")]
    add_chunks(db, ids)
    put(db, _ANALYSIS, ANALYSIS)


def bring_up_to_date(db: sqlite3.Connection) -> bool:
    """Make the index again if it holds the terms of another version; returns whether it did."""
    if _stored(db, _ANALYSIS) == ANALYSIS:
        return False
    db.execute("BEGIN IMMEDIATE")
    try:
        rebuild(db)
    except BaseException:
        db.rollback()
        raise
    db.commit()
    return True
