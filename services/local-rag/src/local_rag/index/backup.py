"""One file out, one file in."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path

from local_rag.core.errors import BadBackup, InvalidInput, NotFound, Unavailable
from local_rag.index.connection import Connections, load_extension
from local_rag.index.keyword import bring_up_to_date
from local_rag.index.schema import APPLICATION_ID, MIGRATIONS, layout_differences, migrate

_PAGES_A_STEP = 512


def backup(connections: Connections, target: Path) -> int:
    """Write a consistent copy of the index next to `target`, then move it there.

    The service goes on meanwhile. Returns the size in bytes. Raises InvalidInput when the target
    is a directory or the index itself, Unavailable when it cannot be written.
    """
    if target.is_dir():
        raise InvalidInput(f"{target} is a directory", hint=f"name a file: {target}/index.backup")
    if target.exists() and target.samefile(connections.path):
        raise InvalidInput(f"{target} is the index itself")
    try:
        temporary = _temporary(target)
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror}") from error
    try:
        with connections.read() as source:
            # A reader inside a transaction pins the state that is copied.
            source.execute("SELECT count(*) FROM meta").fetchone()
            copy = sqlite3.connect(temporary, isolation_level=None)
            try:
                source.backup(copy, pages=_PAGES_A_STEP)
                copy.execute("PRAGMA journal_mode=DELETE")
            finally:
                copy.close()
        verify(temporary)
        _settle(temporary, target)
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return target.stat().st_size


def restore(connections: Connections, source: Path) -> None:
    """Put a backup in place of the index: checked first, then swapped by one rename.

    Raises NotFound, or BadBackup when the file is not a whole backup; the index is then as it was.
    """
    if not source.is_file():
        raise NotFound(f"there is no backup {source}")
    temporary = _temporary(connections.path)
    try:
        shutil.copyfile(source, temporary)
        make_ready(temporary)
        with connections.offline():
            # Closing the last connection empties and removes the log; one left over would be
            # replayed into the restored file.
            for suffix in ("-wal", "-shm"):
                leftover = Path(f"{connections.path}{suffix}")
                if suffix == "-wal" and leftover.exists() and leftover.stat().st_size:
                    raise Unavailable("the index is still in use; stop the service first")
                with suppress(FileNotFoundError):
                    leftover.unlink()
            _settle(temporary, connections.path)
    except OSError as error:
        raise Unavailable(f"the backup {source} cannot be restored: {error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def verify(path: Path) -> None:
    """Check that a file is a whole index. Raises BadBackup."""
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            load_extension(db)
            application = db.execute("PRAGMA application_id").fetchone()[0]
            version = db.execute("PRAGMA user_version").fetchone()[0]
            state = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        raise _bad(f"this file is no backup of an index: {error}") from None
    if application != APPLICATION_ID:
        raise _bad("this file is no backup of an index: it is of another program")
    if version > len(MIGRATIONS):
        raise _bad("this backup is from a later version of local-rag")
    if state != "ok":
        raise _bad(f"this backup is damaged: {state}")


def make_ready(path: Path) -> None:
    """Check a file that is to be the index, and bring it to the present layout.

    All that can fail is done before anything is replaced. Raises BadBackup.
    """
    verify(path)
    try:
        db = sqlite3.connect(path, isolation_level=None)
        try:
            load_extension(db)
            migrate(db)
            db.row_factory = sqlite3.Row
            bring_up_to_date(db)
            wrong = layout_differences(db)
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        raise _bad(f"this file is no backup of an index: {error}") from None
    if wrong:
        raise _bad(f"this file is no whole backup: {', '.join(wrong[:5])}")


def _bad(message: str) -> BadBackup:
    # The file has a name of our own by now, which would tell a person nothing.
    return BadBackup(message, hint="give one that `local-rag backup` wrote; nothing was changed")


def _temporary(target: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(descriptor)
    return Path(name)


def _settle(temporary: Path, target: Path) -> None:
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
