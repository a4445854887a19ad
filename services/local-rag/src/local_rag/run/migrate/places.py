"""What an installation consists of: a configuration file and a data directory."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_rag.config.layers import SYSTEM_CONFIG, read_file
from local_rag.core.errors import ConfigError, InvalidInput

PACKAGED_DATA = Path("/var/lib/local-rag")
# Locks and logs of an open index; SQLite's log is empty once the index is closed.
_OF_A_RUN = ("index.sqlite3.lock", "index.sqlite3-wal", "index.sqlite3-shm")
JOURNAL = "migrations"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An installation; `owner` is the user and group that its service runs as."""

    config: Path
    data: Path
    owner: tuple[int, int]

    @property
    def index(self) -> Path:
        """The index file."""
        return self.data / "index.sqlite3"

    @property
    def journal(self) -> Path:
        """Where migrations into this place are recorded, with what they replaced."""
        return self.data / JOURNAL

    def entries(self) -> list[Path]:
        """Return what is to be moved of the data directory."""
        if not self.data.is_dir():
            return []
        return sorted(
            path
            for path in self.data.iterdir()
            if path.name not in (*_OF_A_RUN, JOURNAL) and not path.name.startswith(".")
        )

    def settings(self) -> dict[str, Any]:
        """Return the values of the configuration file. Raises ConfigError."""
        layer = read_file(self.config)
        return {} if layer is None else layer.values


def personal(home: Path, data: Path | None = None) -> Place:
    """Return the installation in a home directory.

    Without `data`, its configuration says where the data are, or else they are where a user's
    data belong. Raises InvalidInput when there is no such directory, ConfigError.
    """
    home = home.absolute()
    if not home.is_dir():
        raise InvalidInput(f"there is no directory {home}", hint="--home names a home directory")
    facts = home.stat()
    config = home / ".config" / "local-rag" / "config.yaml"
    place = Place(config=config, data=home, owner=(facts.st_uid, facts.st_gid))
    if data is None:
        named = place.settings().get("storage", {}).get("data_dir")
        data = Path(named) if named else home / ".local" / "share" / "local-rag"
        if not data.is_absolute():
            raise ConfigError(
                f"{config}: storage.data_dir {data} is not absolute", hint="--data-dir names it"
            )
    return Place(config=config, data=data.absolute(), owner=place.owner)


def packaged(config: Path = SYSTEM_CONFIG, data: Path = PACKAGED_DATA) -> Place:
    """Return the installation that the package made. Raises InvalidInput when there is none."""
    if not data.is_dir():
        raise InvalidInput(
            f"there is no {data}: the package has not run here yet",
            hint="apt install local-rag; systemctl start local-rag",
        )
    facts = data.stat()
    return Place(config=config, data=data.resolve(), owner=(facts.st_uid, facts.st_gid))


def require_rights(place: Place) -> None:
    """Raise InvalidInput unless this user may write there as the place's owner."""
    if os.geteuid() in (0, place.owner[0]):
        return
    try:
        name = pwd.getpwuid(place.owner[0]).pw_name
    except KeyError:
        name = str(place.owner[0])
    raise InvalidInput(
        f"{place.data} belongs to {name}", hint="run it as root: sudo local-rag migrate …"
    )
