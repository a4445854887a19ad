"""Backup, restore, rebuild, reset."""

import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from local_rag.core.errors import NotFound, TooLarge, Unavailable
from local_rag.core.files import compute_sha256
from local_rag.core.types import Closing, ImportJob
from local_rag.documents.uploads import UploadStore
from local_rag.run.engine import Engine

_NAME = re.compile(r"local-rag-\d{8}-\d{6}(-\d+)?\.sqlite3")
# Left free when a backup is written or received: the index needs room to work.
_SPARE_BYTES = 64_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupFile:
    """A backup in the service's directory; size in bytes."""

    name: str
    size: int
    sha256: str
    created: datetime


class Incoming(Closing):
    """A backup that arrives; what was not restored is removed."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        handle, name = tempfile.mkstemp(prefix=".restore-", dir=folder)
        self._path = Path(name)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._size = 0

    def close(self) -> None:
        """Remove what was not restored."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, block: bytes) -> None:
        """Add a block. Raises TooLarge when the disk would be full."""
        self._size += len(block)
        if shutil.disk_usage(self._path.parent).free < _SPARE_BYTES + len(block):
            raise TooLarge("the disk has no room for this backup", hint="make room: df -h")
        self._file.write(block)

    def restore(self) -> int:
        """Check what arrived and put it in the place of the index; returns the documents."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._engine.restore(self._path)


class Upkeep:
    """Care for the index as a whole."""

    def __init__(self, engine: Engine, uploads: UploadStore, data_dir: Path) -> None:
        self._engine = engine
        self._uploads = uploads
        self._data = data_dir
        self._folder = data_dir / "backups"

    def backup(self) -> BackupFile:
        """Write a consistent copy of the index. Raises Unavailable when there is no room."""
        store = self._engine.store()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        needed = store.stats()["bytes"] + _SPARE_BYTES
        if shutil.disk_usage(self._folder).free < needed:
            raise Unavailable(
                f"a backup needs {needed / 1e6:.0f} MB of free space", hint=f"df -h {self._folder}"
            )
        path = self._free_name()
        store.backup(path)
        path.chmod(0o600)
        return _described(path)

    def _free_name(self) -> Path:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
        path = self._folder / f"local-rag-{stamp}.sqlite3"
        number = 1
        while path.exists():
            number += 1
            path = self._folder / f"local-rag-{stamp}-{number}.sqlite3"
        return path

    def backups(self) -> list[BackupFile]:
        """Return the backups, newest first."""
        if not self._folder.is_dir():
            return []
        names = sorted((p.name for p in self._folder.iterdir()), reverse=True)
        return [_described(self._folder / name) for name in names if _NAME.fullmatch(name)]

    def backup_path(self, name: str) -> Path:
        """Return the file of a backup. Raises NotFound."""
        path = self._folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise NotFound(f"there is no backup {name[:100]!r}")
        return path

    def remove_backup(self, name: str) -> None:
        """Remove a backup. Raises NotFound."""
        self.backup_path(name).unlink()

    def receive(self, size: int | None) -> Incoming:
        """Get ready for a backup of a size in bytes. Raises TooLarge when there is no room."""
        free = shutil.disk_usage(self._data).free
        # It lies next to the index it replaces, and is copied once more on the way.
        if size is not None and free < 2 * size + _SPARE_BYTES:
            raise TooLarge(
                f"restoring needs {2 * size / 1e6:.0f} MB of free space, there are "
                f"{free / 1e6:.0f} MB",
                hint=f"make room: df -h {self._data}",
            )
        return Incoming(self._engine, self._data)

    def reindex(self) -> ImportJob:
        """Begin to embed everything again. Raises ModelError, Conflict when it runs already."""
        job = self._engine.jobs().reindex()
        self._engine.forget_binding()
        return job

    def reset(self) -> int:
        """Remove every document and uploaded file; returns how many documents there were.

        A damaged index is put aside, not removed.
        """
        self._engine.begin_anew()
        with self._engine.quiet() as store:
            count = store.documents.count(include_deleted=True)
            store.reset()
            self._uploads.clear()
        return count

    def clean(self) -> None:
        """Remove what a backup or a restore that broke off has left: copies of the whole index."""
        for folder, pattern in (
            (self._data, ".restore-*"),
            (self._data, f".{self._engine.database.name}.*"),
            (self._folder, ".local-rag-*"),
        ):
            for path in folder.glob(pattern):
                with suppress(OSError):
                    path.unlink()


def _described(path: Path) -> BackupFile:
    facts = path.stat()
    return BackupFile(
        name=path.name,
        size=facts.st_size,
        sha256=compute_sha256(path),
        created=datetime.fromtimestamp(facts.st_mtime, timezone.utc),
    )
