"""The records of one place, in SQLite: the records themselves, and tables to ask questions of.

A record is kept as it came, compressed, so that it can be handed on; what is asked for often is
beside it in columns. Several processes may write: SQLite serialises them.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from debwright.model.errors import DebwrightError, Evidence
from debwright.observe.metrics.model import Record, RunRecord, TargetRecord, digest, dump, parse

FORMAT = 1
"""PRAGMA user_version of what is written here."""
BUSY_SECONDS = 5.0

_TABLES = """
CREATE TABLE record (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, revision INTEGER NOT NULL,
  digest BLOB NOT NULL, started REAL NOT NULL, document BLOB NOT NULL);
CREATE TABLE run (
  n INTEGER PRIMARY KEY REFERENCES record(n) ON DELETE CASCADE, source TEXT, package TEXT,
  version TEXT, commit_id TEXT, branch TEXT, ci TEXT, url TEXT, started REAL, seconds REAL,
  machine TEXT, result TEXT, queue REAL, fetched INTEGER, found INTEGER, made INTEGER,
  cache INTEGER);
CREATE TABLE build (
  n INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES record(n) ON DELETE CASCADE,
  target TEXT, strategy TEXT, result TEXT, infrastructure INTEGER, companion INTEGER,
  started REAL, seconds REAL, size INTEGER, memory REAL, errors INTEGER, warnings INTEGER,
  retries INTEGER, flaky INTEGER, code TEXT, checks TEXT);
CREATE TABLE stage (
  build INTEGER NOT NULL REFERENCES build(n) ON DELETE CASCADE, name TEXT NOT NULL, status TEXT,
  seconds REAL, cpu REAL, memory INTEGER, PRIMARY KEY (build, name)) WITHOUT ROWID;
CREATE INDEX record_started ON record(started);
CREATE INDEX run_ci ON run(ci) WHERE ci IS NOT NULL;
CREATE INDEX build_run ON build(run);
CREATE INDEX build_target ON build(target, started);
"""

MEMORY = "service.memory_bytes"
_MEMORIES = ("steady.memory_bytes", "service.memory_bytes", "benchmarks.idle_memory_bytes")


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What became of records that were put in."""

    new: int = 0
    newer: int = 0
    known: int = 0

    def __add__(self, other: "Merged") -> "Merged":
        return Merged(
            new=self.new + other.new, newer=self.newer + other.newer, known=self.known + other.known
        )


class Store:
    """An open store. A context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self.db = path, connection

    @classmethod
    def open(cls, path: Path, *, create: bool = True, wait: float = BUSY_SECONDS) -> Self:
        """Open the store at `path`, making it unless told not to. Raises DebwrightError."""
        if not create and not path.exists():
            raise DebwrightError(
                f"no run has been remembered in {path}",
                cause="there was no run yet, or metrics.enabled is false",
                fix="debwright run, or debwright metrics merge FILE",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=wait, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from error
        store = cls(path, connection)
        try:
            store._prepare()
        except sqlite3.Error as error:
            connection.close()
            raise _unusable(path, error) from error
        except BaseException:
            connection.close()
            raise
        return store

    def _prepare(self) -> None:
        self.db.execute("PRAGMA foreign_keys = ON")
        version = self._version()
        if version == 0:
            # Readers, as a dashboard, and a writer do not wait for each other then.
            self.db.execute("PRAGMA journal_mode = WAL")
            with self.transaction():
                if self._version() == 0:
                    for statement in _TABLES.split(";\n"):
                        self.db.execute(statement)
                    self.db.execute(f"PRAGMA user_version = {FORMAT}")
        elif version > FORMAT:
            raise DebwrightError(
                f"{self.path} was written by a newer debwright",
                fix="use that one, or name another file: [metrics] path",
            )
        self.db.execute("PRAGMA synchronous = NORMAL")

    def _version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Raises DebwrightError when SQLite cannot."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error

    def put(self, records: Iterable[Record]) -> Merged:
        """Merge records: new ones are added, and a newer revision replaces what is there."""
        total = Merged()
        with self.transaction():
            for record in records:
                total += self._put(record)
        return total

    def _put(self, record: Record) -> Merged:
        line = dump(record)
        mark = digest(line)
        row = self.db.execute(
            "SELECT n, revision, digest FROM record WHERE id = ?", (record.id,)
        ).fetchone()
        if row is not None:
            if (row[1], row[2]) >= (record.revision, mark):
                return Merged(known=1)
            self.db.execute("DELETE FROM record WHERE n = ?", (row[0],))
        is_run = isinstance(record, RunRecord)
        started = (record.started if isinstance(record, RunRecord) else record.since).timestamp()
        cursor = self.db.execute(
            "INSERT INTO record(id, kind, revision, digest, started, document) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (record.id, record.record, record.revision, mark, started,
             zlib.compress(line.encode("utf-8", "backslashreplace"), 1)),
        )  # fmt: skip
        if is_run:
            assert isinstance(record, RunRecord)
            assert cursor.lastrowid is not None
            self._index(record, cursor.lastrowid)
        return Merged(new=1) if row is None else Merged(newer=1)

    def _index(self, run: RunRecord, n: int) -> None:
        started = run.started.timestamp()
        stages = [*run.stages, *(s for t in run.targets for s in t.stages)]
        self.db.execute(
            "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (n, run.source, run.package, run.version, run.commit, run.branch, run.ci, run.url,
             started, run.seconds, run.machine, run.result, run.queue_seconds,
             sum(s.fetched_bytes for s in stages), sum(s.layers_found for s in stages),
             sum(s.layers_made for s in stages), run.cache_bytes),
        )  # fmt: skip
        for target in run.targets:
            build = self.db.execute(
                "INSERT INTO build(run, target, strategy, result, infrastructure, companion, "
                "started, seconds, size, memory, errors, warnings, retries, flaky, code, checks) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _columns(target, n, started),
            ).lastrowid
            self.db.executemany(
                "INSERT OR REPLACE INTO stage VALUES (?, ?, ?, ?, ?, ?)",
                [(build, s.name, s.status, s.seconds, s.cpu_seconds, s.peak_memory_bytes)
                 for s in target.stages],
            )  # fmt: skip

    def documents(self, kind: str | None = None) -> Iterator[str]:
        """Every record as its line, oldest first; the same order on every machine."""
        query = "SELECT document FROM record WHERE ? IN (kind, '') ORDER BY started, id"
        for (packed,) in self.db.execute(query, (kind or "",)):
            yield zlib.decompress(packed).decode()

    def record(self, id_: str) -> Record | None:
        row = self.db.execute("SELECT document FROM record WHERE id = ?", (id_,)).fetchone()
        return None if row is None else parse(zlib.decompress(row[0]))

    def ids(self, beginning: str = "") -> list[str]:
        """Ids of runs that begin so, newest first."""
        rows = self.db.execute(
            "SELECT id FROM record WHERE kind = 'run' AND substr(id, 1, ?) = ? "
            "ORDER BY started DESC, id DESC",
            (len(beginning), beginning),
        )
        return [str(row[0]) for row in rows]

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a question."""
        return self.db.execute(query, tuple(values)).fetchall()


def _columns(target: TargetRecord, run: int, started: float) -> tuple[Any, ...]:
    measured = target.measurements
    memory = next((measured[m] for m in _MEMORIES if m in measured), None)
    done = target.result != "cached"
    return (
        run, target.target, target.strategy, target.result, target.infrastructure,
        target.companion, started, target.seconds, sum(target.packages.values()) or None,
        memory if done else None, target.errors, target.warnings,
        sum(s.retries for s in target.stages), len(target.flaky), target.code,
        json.dumps(target.checks, sort_keys=True, separators=(",", ":")),
    )  # fmt: skip


def _unusable(path: Path, error: Exception) -> DebwrightError:
    return DebwrightError(
        f"the record of runs {path} cannot be used",
        evidence=[Evidence(text=str(error), file=str(path))],
        cause="the disk is full, the file is not debwright's, or another program holds it",
        fix=f"ls -l {path}; if it is damaged: mv {path} {path}.damaged, and a new one is begun",
    )
