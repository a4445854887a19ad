"""SQLite connections: one that writes, a few that read, one process.

WAL with synchronous=FULL: a commit that returned is on the disk (sqlite.org, "PRAGMA
synchronous"). Readers are borrowed, so that fifty concurrent questions cost four page caches.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import LifoQueue

import sqlite_vec

from local_rag.core.errors import RagError, StoreCorrupt, Unavailable
from local_rag.core.files import hold

READERS = 4
_WRITER_CACHE_KIB = 16_384
_READER_CACHE_KIB = 12_288
BUSY_MS = 10_000
_CHECKPOINT_PAGES = 2_000
_JOURNAL_LIMIT = 32 * 1024 * 1024


class Connections:
    """All connections to one index file.

    Raises Conflict when another process has the index open, StoreCorrupt when the file is not a
    database, Unavailable when the disk refuses.
    """

    def __init__(self, path: Path, *, readers: int = READERS) -> None:
        self.path = path
        self._readers = readers
        self._write_lock = threading.RLock()
        self._pool: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._local = threading.local()
        self._open_readers: list[sqlite3.Connection] = []
        self._lock_fd: int | None = hold(path)
        self._writer: sqlite3.Connection | None = None
        try:
            self.open()
        except BaseException:
            self.close()
            raise

    def open(self) -> None:
        """Open the writer and allow readers."""
        with translated(self.path):
            self._writer = _connect(self.path, _WRITER_CACHE_KIB, writer=True)
            for _ in range(self._readers):
                reader = _connect(self.path, _READER_CACHE_KIB, writer=False)
                self._open_readers.append(reader)
                self._pool.put(reader)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Yield the writer inside a transaction that is committed at the end, or rolled back.

        Nested use in the same thread joins the outer transaction.
        """
        with self._write_lock, translated(self.path):
            db = self._writer
            if db is None:
                raise Unavailable("the index is closed")
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                with suppress(sqlite3.Error):
                    db.rollback()
                raise
            db.commit()

    @contextmanager
    def maintain(self) -> Iterator[sqlite3.Connection]:
        """Yield the writer outside a transaction, for VACUUM, checkpoints and backups."""
        with self._write_lock, translated(self.path):
            if self._writer is None:
                raise Unavailable("the index is closed")
            yield self._writer

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yield a reader; every statement inside sees the same state of the index."""
        held: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if held is not None:
            yield held
            return
        if self._writer is None:
            raise Unavailable("the index is closed")
        db = self._pool.get()
        self._local.reader = db
        try:
            with translated(self.path):
                db.execute("BEGIN")
                try:
                    yield db
                finally:
                    db.rollback()
        finally:
            self._local.reader = None
            self._pool.put(db)

    @contextmanager
    def offline(self) -> Iterator[None]:
        """Close every connection for the duration, so that the file itself can be replaced."""
        with self._write_lock:
            borrowed = [self._pool.get() for _ in range(len(self._open_readers))]
            for reader in borrowed:
                reader.close()
            self._open_readers.clear()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            try:
                yield
            finally:
                self.open()

    def close(self) -> None:
        """Close everything and let other processes in. Readers still at work finish first."""
        with self._write_lock:
            for _ in range(len(self._open_readers)):
                self._pool.get().close()
            self._open_readers.clear()
            if self._writer is not None:
                with suppress(sqlite3.Error):
                    # So that a later start with a changed layout finds no statistics missing.
                    self._writer.execute("PRAGMA optimize")
                self._writer.close()
                self._writer = None
            if self._lock_fd is not None:
                os.close(self._lock_fd)
                self._lock_fd = None


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, which say what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _explain(error, path) from error


def _explain(error: sqlite3.DatabaseError, path: Path) -> RagError:
    text = str(error)
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return StoreCorrupt(
            f"the index {path} is damaged: {text}",
            hint="restore a backup: local-rag restore FILE",
            details={"path": str(path)},
        )
    # sqlite-vec keeps SQLite's reason to itself; a block it cannot add is a disk without room.
    if "full" in text or "insert a new vector chunk" in text:
        return Unavailable(
            f"the disk that holds {path} is full", hint=f"make room: df -h {path.parent}"
        )
    if "readonly" in text or "unable to open" in text:
        return Unavailable(
            f"the index {path} cannot be written: {text}",
            hint=f"see who owns it: ls -ld {path.parent} {path}",
        )
    if "locked" in text or "busy" in text:
        return Unavailable(f"the index {path} is held by another program: {text}")
    return RagError(f"the index {path} failed: {text}", details={"path": str(path)})


def load_extension(db: sqlite3.Connection) -> None:
    """Load sqlite-vec. Raises Unavailable when this Python's SQLite takes no extensions.

    Later versions of SQLite (3.51 does) look into the file for this: what they say of a damaged
    one is sqlite3.DatabaseError itself, and passed on.
    """
    try:
        db.enable_load_extension(True)
        sqlite_vec.load(db)
        db.enable_load_extension(False)
        db.execute("SELECT vec_version()").fetchone()
    except (AttributeError, sqlite3.Error) as error:
        if type(error) is sqlite3.DatabaseError:
            raise
        raise Unavailable(
            f"sqlite-vec cannot be loaded: {error}",
            hint="use the distribution's Python (/usr/bin/python3); others may be built "
            "without loadable SQLite extensions",
        ) from error


def _connect(path: Path, cache_kib: int, *, writer: bool) -> sqlite3.Connection:
    fresh = not path.exists()
    if fresh and writer:
        # The index holds the texts of private documents.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_MS / 1000,
        cached_statements=256,
    )
    db.row_factory = sqlite3.Row
    try:
        if fresh and writer:
            db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        load_extension(db)
        db.execute(f"PRAGMA cache_size=-{cache_kib}")
        db.execute("PRAGMA foreign_keys=ON")
        # mmap counts as memory of the process, and a failing disk turns it into SIGBUS.
        db.execute("PRAGMA mmap_size=0")
        db.execute("PRAGMA trusted_schema=OFF" if not writer else "PRAGMA trusted_schema=ON")
        if writer:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA secure_delete=ON")
            db.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
            db.execute(f"PRAGMA journal_size_limit={_JOURNAL_LIMIT}")
        else:
            db.execute("PRAGMA query_only=ON")
    except BaseException:
        db.close()
        raise
    return db
