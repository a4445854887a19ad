"""The key of a project that names none: made once, and kept for whoever runs debwright.

Users' machines know a repository by its key. With another one in each run, version 2 would be
refused by every machine that has version 1. In CI no key is made: machines there are gone after the
job, and the key is a secret that a person hands over.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.host.files import atomic_write
from debwright.keys.create import MOST_DAYS, new_key
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command
from debwright.source.package import read_dsc, read_tree

if TYPE_CHECKING:
    from debwright.config import LoadedConfig

_MARK = "debwright-fingerprint"


@dataclass(frozen=True, kw_only=True)
class ProjectKey:
    """A key and its GnuPG home, which is the user's alone; it has no passphrase."""

    home: Path
    fingerprint: str
    made: bool = False
    """Whether it was made just now."""

    def backup(self) -> Command:
        """The command that makes a backup, which three people share."""
        target = Path.home() / f"{self.home.name}-key-backup.asc"
        words = ("debwright", "keys", "backup", "--to", target, "--shares", 3, "--needed", 2)
        return Command(*words, root="SUDO_USER" in os.environ)


def in_ci() -> bool:
    """Whether this is a job of a CI service: all of them set CI."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def key_home(package: str) -> Path:
    """Where the key of a source package is, in the user's data (XDG base directories)."""
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data.startswith("/") else Path.home() / ".local/share"
    return base / "debwright/keys" / package


def find_key(loaded: "LoadedConfig") -> ProjectKey | None:
    """The key of a project whose configuration names none; None as long as none was made."""
    if loaded.config.signing.key is not None or in_ci():
        return None
    name = name_of(loaded)
    return _there(key_home(name)) if name else None


def name_of(loaded: "LoadedConfig") -> str | None:
    """The name of the project's source package; None where there is none yet."""
    source = loaded.resolve(loaded.config.package.source)
    try:
        return read_dsc(source).name if source.suffix == ".dsc" else read_tree(source).name
    except DebwrightError:
        return None


def ensure_key(package: str) -> ProjectKey:
    """The project's key, made if need be. Two runs at once make one; raises what new_key does."""
    home = key_home(package)
    with _locked(home):
        if (found := _there(home)) is not None:
            return found
        user_id = f"{package} packages <{package}@localhost>"
        key = new_key(home, user_id, algorithm="ed25519", days=MOST_DAYS, passphrase=b"")
        atomic_write(home / _MARK, key.fingerprint + "\n", mode=0o600)
        return ProjectKey(home=home, fingerprint=key.fingerprint, made=True)


def _there(home: Path) -> ProjectKey | None:
    try:
        fingerprint = (home / _MARK).read_text().strip()
    except OSError:
        return None
    return ProjectKey(home=home, fingerprint=fingerprint)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(home.with_name(f".{home.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
