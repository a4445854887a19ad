"""What a migration did, kept so that it can be undone, also when it was cut off.

The record is on the disk before the first thing is moved. Everything is moved by renames within
the data directory, so each name is either there or not, and undoing looks at what there is.
"""

import json
import os
import shutil
import stat
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from local_rag.core.errors import InvalidInput, NotFound
from local_rag.core.files import sync_directory, write_atomically
from local_rag.run.migrate.places import Place

_RECORD = "record.json"
_UNDONE = "undone.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A migration: `former` are the names it replaced, `new` those it brought."""

    came_from: str
    former: tuple[str, ...]
    new: tuple[str, ...]
    had_config: bool


class Journal:
    """The directory of one migration, below the data directory it changed."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.incoming = folder / "new"
        self.former = folder / "former"
        self.config = folder / "former-config.yaml"

    def write(self, record: Record) -> None:
        """Keep the record."""
        write_atomically(self.folder / _RECORD, json.dumps(asdict(record), indent=1) + "\n")

    def read(self) -> Record:
        """Return the record. Raises NotFound when nothing had been changed yet."""
        try:
            values = json.loads((self.folder / _RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFound(f"{self.folder} holds no record") from None
        for name in (*values["former"], *values["new"]):
            if Path(name).name != name or name in ("", ".", ".."):
                raise InvalidInput(f"{self.folder}: {name!r} is not the name of a file")
        return Record(
            came_from=values["came_from"],
            former=tuple(values["former"]),
            new=tuple(values["new"]),
            had_config=values["had_config"],
        )

    def switch(self, record: Record) -> None:
        """Move the former data aside and the new ones into place."""
        for name in record.former:
            (self.place.data / name).rename(self.former / name)
        for name in record.new:
            (self.incoming / name).rename(self.place.data / name)
        self._settle()

    def revert(self, record: Record) -> None:
        """Undo `switch`, however far it came; what was new is kept in the journal."""
        for name in record.new:
            here = self.place.data / name
            # A name that was to be moved aside first is still the former one if it is not there.
            brought = name not in record.former or (self.former / name).exists()
            if here.exists() and brought and not (self.incoming / name).exists():
                here.rename(self.incoming / name)
        for name in record.former:
            if (self.former / name).exists():
                (self.former / name).rename(self.place.data / name)
        self._settle()

    def put_config_back(self, record: Record) -> None:
        """Put the former configuration back, or none if there was none."""
        if not record.had_config:
            self.place.config.unlink(missing_ok=True)
        elif self.config.exists():
            facts = self.config.stat()
            partial = self.place.config.with_name(f".{self.place.config.name}.undo")
            shutil.copy2(self.config, partial)
            os.chown(partial, facts.st_uid, facts.st_gid)
            partial.replace(self.place.config)

    def _settle(self) -> None:
        for folder in (self.place.data, self.former, self.incoming):
            sync_directory(folder)


def begin(place: Place) -> Journal:
    """Make the directory of a new migration; what one that broke off early has left goes.

    It stays the caller's: what undoing relies on is not the service's to change.
    """
    for left in place.journal.glob("*"):
        if not any((left / name).exists() for name in (_RECORD, _UNDONE)):
            shutil.rmtree(left)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ")
    journal = Journal(place, place.journal / stamp)
    for folder in (place.journal, journal.folder, journal.incoming, journal.former):
        folder.mkdir(mode=0o700, exist_ok=True)
    return journal


def latest(place: Place) -> Journal:
    """Return the last migration into a place that was not undone. Raises NotFound."""
    folders = sorted(place.journal.iterdir(), reverse=True) if place.journal.is_dir() else []
    for folder in folders:
        facts = folder.lstat()
        trusted = stat.S_ISDIR(facts.st_mode) and facts.st_uid in (0, os.geteuid())
        if trusted and (folder / _RECORD).is_file():
            return Journal(place, folder)
    raise NotFound(f"nothing was migrated to {place.data}, or it was undone already")


def undo(place: Place) -> tuple[Path, str]:
    """Undo the last migration into a place.

    Returns the directory that keeps what it had brought, and where that came from. Raises
    NotFound when there is none, Conflict while a service uses the index.
    """
    from local_rag.run.migrate.copying import held

    journal = latest(place)
    record = journal.read()
    with held(place):
        journal.revert(record)
        journal.put_config_back(record)
        # Last: until here it can be done again.
        (journal.folder / _RECORD).rename(journal.folder / _UNDONE)
        sync_directory(journal.folder)
    return journal.incoming, record.came_from
