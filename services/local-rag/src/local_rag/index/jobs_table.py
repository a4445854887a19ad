"""Import jobs and their items, kept so that a killed import goes on where it was."""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from local_rag.core.errors import NotFound
from local_rag.core.types import ImportItem, ImportItemState, ImportJob, JobState
from local_rag.index.connection import Connections
from local_rag.index.rows import now, time_of

ITEMS_URL = "/api/v1/imports/{id}/items"
_UNFINISHED = (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)
_TO_DO_AGAIN = (ImportItemState.FAILED, ImportItemState.CANCELLED, ImportItemState.RUNNING)
_LEFT = (ImportItemState.QUEUED, ImportItemState.RUNNING)
_COUNTED = ("done", "unchanged", "skipped", "failed")
_KEEP_FINISHED = 200
# Stands for (size, mtime_ns) of a file that a person purged: no state of it is imported by itself.
PURGED = (-1, -1)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobOptions:
    """How the sources of a job are to be read."""

    recursive: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)
    # Rescans must not bring back what a person deleted; an import by a person does.
    revive: bool = True

    def pack(self) -> str:
        """Return the options as stored."""
        return json.dumps(asdict(self))

    @classmethod
    def unpack(cls, value: str) -> "JobOptions":
        """Return stored options."""
        return cls(**json.loads(value))


class Jobs:
    """The tables of jobs and items."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def create(self, kind: str, sources: Sequence[str], options: JobOptions) -> ImportJob:
        """Store a new job in state queued; old finished ones beyond 200 are forgotten."""
        number = secrets.token_hex(8)
        moment = now()
        with self._connections.write() as db:
            db.execute(
                "INSERT INTO jobs VALUES (?,?,?,?,?,0,NULL,?,?)",
                (
                    number,
                    kind,
                    JobState.QUEUED,
                    json.dumps(list(sources)),
                    options.pack(),
                    moment,
                    moment,
                ),
            )
            db.execute(
                "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state NOT IN (?,?,?) "
                "ORDER BY created DESC LIMIT -1 OFFSET ?)",
                (*_UNFINISHED, _KEEP_FINISHED),
            )
        return self.get(number)

    def get(self, job_id: str) -> ImportJob:
        """Return a job. Raises NotFound."""
        with self._connections.read() as db:
            found = _read(db, "WHERE j.id=?", (job_id,))
        if not found:
            raise NotFound(f"there is no import {job_id}")
        return found[0]

    def list(self, *, limit: int = 100) -> list[ImportJob]:
        """Return jobs, newest first."""
        with self._connections.read() as db:
            return _read(db, "ORDER BY j.created DESC, j.rowid DESC LIMIT ?", (limit,))

    def unfinished(self) -> "Sequence[ImportJob]":
        """Return jobs that were queued, running or paused, oldest first."""
        with self._connections.read() as db:
            return _read(db, "WHERE j.state IN (?,?,?) ORDER BY j.created, j.rowid", _UNFINISHED)

    def options(self, job_id: str) -> JobOptions:
        """Return the options of a job. Raises NotFound."""
        with self._connections.read() as db:
            row = db.execute("SELECT options FROM jobs WHERE id=?", (job_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no import {job_id}")
        return JobOptions.unpack(row[0])

    def set_state(self, job_id: str, state: JobState, error: str | None = None) -> None:
        """Note the state of a job."""
        with self._connections.write() as db:
            db.execute(
                "UPDATE jobs SET state=?, error=?, updated=? WHERE id=?",
                (state, error, now(), job_id),
            )

    def set_paused(self, job_id: str, reason: str | None) -> None:
        """Note why a running job waits, or with None that it goes on.

        A job that was cancelled meanwhile stays as it is.
        """
        state = JobState.RUNNING if reason is None else JobState.PAUSED
        with self._connections.write() as db:
            db.execute(
                "UPDATE jobs SET state=?, error=?, updated=? WHERE id=? AND state IN (?,?)",
                (state, reason, now(), job_id, JobState.RUNNING, JobState.PAUSED),
            )

    def set_listed(self, job_id: str) -> None:
        """Note that all sources of a job have been found."""
        with self._connections.write() as db:
            db.execute("UPDATE jobs SET listed=1 WHERE id=?", (job_id,))

    def listed(self, job_id: str) -> bool:
        """Return whether all sources of a job have been found."""
        with self._connections.read() as db:
            row = db.execute("SELECT listed FROM jobs WHERE id=?", (job_id,)).fetchone()
        return bool(row and row[0])

    def add_items(self, job_id: str, uris: Iterable[str]) -> None:
        """Add documents to a job; known ones are left as they are."""
        with self._connections.write() as db:
            db.executemany(
                "INSERT OR IGNORE INTO job_items (job_id, uri, state) VALUES (?, ?, ?)",
                ((job_id, uri, ImportItemState.QUEUED) for uri in uris),
            )

    def add_failed(self, job_id: str, uri: str, error: str) -> None:
        """Add something to a job that cannot even be looked at."""
        self._add_ended(job_id, [(uri, error)], ImportItemState.FAILED)

    def add_skipped(self, job_id: str, found: "Sequence[tuple[str, str]]") -> None:
        """Add what a job leaves out, each with the reason."""
        self._add_ended(job_id, found, ImportItemState.SKIPPED)

    def _add_ended(
        self, job_id: str, found: "Sequence[tuple[str, str]]", state: ImportItemState
    ) -> None:
        with self._connections.write() as db:
            db.executemany(
                "INSERT OR REPLACE INTO job_items (job_id, uri, state, error) VALUES (?,?,?,?)",
                ((job_id, uri, state, reason) for uri, reason in found),
            )

    def next_items(self, job_id: str, after: int, limit: int) -> "Sequence[tuple[int, str]]":
        """Return (number, uri) of queued items numbered above `after`."""
        with self._connections.read() as db:
            rows = db.execute(
                "SELECT id, uri FROM job_items WHERE job_id=? AND state=? AND id>? "
                "ORDER BY id LIMIT ?",
                (job_id, ImportItemState.QUEUED, after, limit),
            ).fetchall()
        return [(int(row[0]), str(row[1])) for row in rows]

    def set_item(
        self,
        item: int,
        state: ImportItemState,
        *,
        error: str | None = None,
        document_id: int | None = None,
    ) -> None:
        """Note the state of an item."""
        with self._connections.write() as db:
            mark_item(db, item, state, error=error, document_id=document_id)

    def note_unchanged(self, items: "Sequence[tuple[int, int]]") -> None:
        """Note that items (number, document id) had nothing new, all in one transaction."""
        with self._connections.write() as db:
            for item, document_id in items:
                mark_item(db, item, ImportItemState.UNCHANGED, document_id=document_id)

    def requeue(self, job_id: str) -> None:
        """Queue everything of a job that is not done, failed items too."""
        with self._connections.write() as db:
            db.execute(
                "UPDATE job_items SET state=?, error=NULL WHERE job_id=? AND state IN (?,?,?)",
                (ImportItemState.QUEUED, job_id, *_TO_DO_AGAIN),
            )
            db.execute(
                "UPDATE jobs SET state=?, error=NULL, updated=? WHERE id=?",
                (JobState.QUEUED, now(), job_id),
            )

    def cancel(self, job_id: str) -> None:
        """Mark a job and what is left of it as cancelled."""
        with self._connections.write() as db:
            db.execute(
                "UPDATE job_items SET state=? WHERE job_id=? AND state IN (?,?)",
                (ImportItemState.CANCELLED, job_id, *_LEFT),
            )
            db.execute(
                "UPDATE jobs SET state=?, error=NULL, updated=? WHERE id=?",
                (JobState.CANCELLED, now(), job_id),
            )

    def items(
        self,
        job_id: str,
        *,
        state: ImportItemState | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> "Sequence[ImportItem]":
        """Return the items of a job in order. Raises NotFound."""
        with self._connections.read() as db:
            if not db.execute("SELECT 1 FROM jobs WHERE id=?", (job_id,)).fetchone():
                raise NotFound(f"there is no import {job_id}")
            rows = db.execute(
                "SELECT uri, state, error, document_id FROM job_items WHERE job_id=? "
                "AND (? IS NULL OR state=?) ORDER BY id LIMIT ? OFFSET ?",
                (job_id, *(2 * (state,)), limit, offset),
            ).fetchall()
        return [
            ImportItem(uri=row[0], state=ImportItemState(row[1]), error=row[2], document_id=row[3])
            for row in rows
        ]

    def count_items(self, job_id: str, *, state: ImportItemState | None = None) -> int:
        """Return how many items a job has, in one state or in all."""
        with self._connections.read() as db:
            row = db.execute(
                "SELECT count(*) FROM job_items WHERE job_id=? AND (? IS NULL OR state=?)",
                (job_id, *(2 * (state,))),
            ).fetchone()
        return int(row[0])

    # -- folders that were imported as such -------------------------------------------------

    def remember_folder(self, path: str, *, recursive: bool, metadata: Mapping[str, str]) -> None:
        """Note an imported folder, so that new files in it are seen later."""
        with self._connections.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO folders VALUES (?, ?, ?)",
                (path, int(recursive), json.dumps(dict(metadata))),
            )

    def folders(self) -> "Sequence[tuple[str, bool, dict[str, str]]]":
        """Return (path, recursive, metadata) of every imported folder."""
        with self._connections.read() as db:
            rows = db.execute("SELECT path, recursive, metadata FROM folders ORDER BY path")
            return [(str(r[0]), bool(r[1]), dict(json.loads(r[2]))) for r in rows]

    # -- files that cannot be imported as they are -------------------------------------------

    def reject(self, uri: str, *, size: int, mtime_ns: int, error: str) -> None:
        """Note a file that cannot be read, so that rescans leave it alone until it changes."""
        with self._connections.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO rejects VALUES (?, ?, ?, ?)", (uri, size, mtime_ns, error)
            )

    def rejects(self) -> dict[str, tuple[int, int]]:
        """Return (size, mtime_ns) of every file that could not be read, or PURGED."""
        with self._connections.read() as db:
            rows = db.execute("SELECT uri, size, mtime_ns FROM rejects").fetchall()
        return {str(row[0]): (int(row[1]), int(row[2])) for row in rows}


def mark_item(
    db: sqlite3.Connection,
    item: int,
    state: ImportItemState,
    *,
    error: str | None = None,
    document_id: int | None = None,
) -> None:
    """Note the state of an item within a transaction, such as the one of its document."""
    db.execute(
        "UPDATE job_items SET state=?, error=?, document_id=coalesce(?, document_id) WHERE id=?",
        (state, error, document_id, item),
    )
    db.execute(
        "UPDATE jobs SET updated=? WHERE id=(SELECT job_id FROM job_items WHERE id=?)",
        (now(), item),
    )


def _read(db: sqlite3.Connection, clause: str, values: Sequence[object]) -> list[ImportJob]:
    rows = db.execute(
        "SELECT j.id, j.state, j.kind, j.sources, j.created, j.updated, j.error "
        f"FROM jobs j {clause}",
        values,
    ).fetchall()
    jobs = []
    for row in rows:
        counts: dict[str, int] = dict(
            db.execute(
                "SELECT state, count(*) FROM job_items WHERE job_id=? GROUP BY state", (row["id"],)
            ).fetchall()
        )
        read = {
            "state": JobState(row["state"]),
            "sources": tuple(json.loads(row["sources"])),
            "total": sum(counts.values()),
            **{name: counts.get(name, 0) for name in _COUNTED},
            **{name: time_of(row[name]) for name in ("created", "updated")},
            "items_url": ITEMS_URL.format(id=row["id"]),
        }
        jobs.append(ImportJob(**{**row, **read}))
    return jobs
