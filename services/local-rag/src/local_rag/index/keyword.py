"""Keywords: FTS5 with BM25, asked so that neither its syntax nor common words matter."""

import math
import re
import sqlite3
import threading
from collections.abc import Callable, Mapping

from local_rag.index.connection import Connections

# FTS5 scores every row that has any of the words; this many are scored in about 15 ms.
ROW_BUDGET = 12_000
MAX_TERMS = 24
_WEIGHTS = "4.0, 2.0, 1.0"  # title, heading, text
_SATURATION = 2.2  # k1 + 1 with FTS5's k1 of 1.2
_WORD = re.compile(r"\w+")
_CACHE_SIZE = 4096
STOP_WORDS = frozenset(
    "a about after all also am an and any are as at be because been before being between both but "
    "by can could did do does doing down during each for from further had has have having he her "
    "here hers him his how i if in into is it its just like me more most my no nor not of off on "
    "once only or other our out over own same she should so some such than that the their them "
    "then there these they this those through to too under until up very was we were what when "
    "where which while who whom whose why will with would you your".split()
)


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
        only the words that half of the index has, or when most words are in no chunk at all.
        """
        words = terms(text)
        if not words or k < 1:
            return []
        with self._lock:
            writes = self._writes
        with self._connections.read() as db:
            counts = {word: self.count(db, word, writes) for word in words}
            chosen = _choose(counts)
            if not chosen:
                return []
            total = self._remembered(
                "", lambda: db.execute("SELECT count(*) FROM keywords_docsize"), writes
            )
            most = _SATURATION * sum(_idf(count, total) for count in counts.values())
            rows = db.execute(
                f"SELECT rowid, rank FROM keywords WHERE keywords MATCH ? "
                f"AND rank MATCH 'bm25({_WEIGHTS})' ORDER BY rank LIMIT ?",
                (" OR ".join(map(quoted, chosen)), k),
            ).fetchall()
        return [(int(row[0]), min(max(-float(row[1]) / most, 0.0), 1.0)) for row in rows]

    def forget_counts(self) -> None:
        """Drop what is remembered about how common words are; called after writes."""
        with self._lock:
            self._writes += 1
            self._counts.clear()

    def count(self, db: sqlite3.Connection, word: str, writes: int) -> int:
        """Return in how many chunks a word is, as of so many writes to the index."""
        return self._remembered(
            word,
            lambda: db.execute(
                "SELECT count(*) FROM (SELECT 1 FROM keywords WHERE keywords MATCH ? LIMIT ?)",
                (quoted(word), ROW_BUDGET + 1),
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


def _choose(counts: Mapping[str, int]) -> list[str]:
    """Return the rarest words whose rows together stay within the budget, at least one."""
    chosen: list[str] = []
    total = 0
    for word, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if count == 0:
            continue
        if chosen and total + count > ROW_BUDGET:
            break
        chosen.append(word)
        total += count
    return chosen


def _idf(count: int, total: int) -> float:
    """Return how much a word says, as FTS5's bm25() has it (sqlite.org/fts5.html, 5.1.1)."""
    return max(math.log((total - count + 0.5) / (count + 0.5)), 1e-6) if total > count else 1e-6


def terms(text: str) -> list[str]:
    """Return the words of a question without repeats; common ones only if there is nothing else."""
    words = list(dict.fromkeys(_WORD.findall(text.replace("\x00", " ").lower())))
    return ([word for word in words if word not in STOP_WORDS] or words)[:MAX_TERMS]


def quoted(word: str) -> str:
    """Return a word as an FTS5 string (sqlite.org/fts5.html, section 3.1)."""
    return '"' + word.replace('"', '""') + '"'


def add(db: sqlite3.Connection, document_id: int) -> None:
    """Make all chunks of a document found; they must be live."""
    db.execute(
        "INSERT INTO keywords (rowid, title, heading, text) "
        "SELECT id, title, heading, text FROM chunks WHERE document_id=? AND live",
        (document_id,),
    )


def add_chunk(db: sqlite3.Connection, chunk_id: int) -> None:
    """Make one chunk found."""
    db.execute(
        "INSERT INTO keywords (rowid, title, heading, text) "
        "SELECT id, title, heading, text FROM chunks WHERE id=?",
        (chunk_id,),
    )


def remove_chunk(db: sqlite3.Connection, chunk_id: int) -> None:
    """Let one chunk no longer be found; its row must still be as it was when added."""
    db.execute(
        "INSERT INTO keywords (keywords, rowid, title, heading, text) "
        "SELECT 'delete', id, title, heading, text FROM chunks WHERE id=? AND live",
        (chunk_id,),
    )


def rebuild(db: sqlite3.Connection) -> None:
    """Make the index again from the chunks."""
    db.execute("INSERT INTO keywords (keywords) VALUES ('rebuild')")
