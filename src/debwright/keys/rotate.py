"""The change from one signing key to another, so that no user has to do anything.

1. `[signing.rotation]` names the new key and a day. From now on both keys sign, and the keyring
   package holds both: an ordinary upgrade brings users the new key.
2. From that day on the new key signs alone, and the keyring package drops the old one.

Whoever did not upgrade between the two is left behind: hence at least some weeks.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from debwright.config import LoadedConfig, load
from debwright.host.files import atomic_write
from debwright.model.errors import ConfigError, UsageError
from debwright.model.fix import Command

OVERLAP_DAYS = 90
LEAST_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class Rotation:
    path: Path
    old: str
    new: str
    drop: date


def check_rotation(loaded: LoadedConfig, overlap_days: int) -> str:
    """The key that is to be replaced. Raises UsageError when there is nothing to rotate."""
    signing = loaded.config.signing
    if loaded.path is None or signing.key is None:
        raise UsageError(
            "there is no signing key to replace",
            cause="debwright.toml has no signing.key",
            fix='debwright keys new "NAME <ADDRESS>"',
        )
    if signing.rotation is not None:
        raise UsageError(
            f"the change to {signing.rotation.new_key} is still under way",
            cause=f"the old key is dropped on {signing.rotation.drop}",
            fix="afterwards make new_key the `key` of [signing] and remove [signing.rotation]",
        )
    if overlap_days < LEAST_DAYS:
        raise UsageError(
            f"{overlap_days} days are too short for both keys",
            cause="users who did not upgrade in that time could not check the repository any more",
            fix=Command("debwright", "keys", "rotate", "--overlap-days", OVERLAP_DAYS),
        )
    return signing.key


def start_rotation(loaded: LoadedConfig, new: str, overlap_days: int, today: date) -> Rotation:
    """Add [signing.rotation] to the configuration's file; the rest of it stays as it is.

    Raises UsageError as `check_rotation` does, ConfigError when the file cannot take the table;
    it is unchanged then.
    """
    old = check_rotation(loaded, overlap_days)
    assert loaded.path is not None
    if new == old:
        raise UsageError(
            f"{new} is the key that signs already", fix=Command("debwright", "keys", "rotate")
        )
    drop = today + timedelta(days=overlap_days)
    table = "tool.debwright.signing" if loaded.path.name == "pyproject.toml" else "signing"
    addition = (
        f"\n# Both keys sign until that day; see `debwright keys rotate --help`.\n"
        f'[{table}.rotation]\nnew_key = "{new}"\ndrop = {drop.isoformat()}\n'
    )
    # An end without a line end would join the comment to the last line.
    text = re.sub(r"\n*\Z", "\n", loaded.text) + addition
    atomic_write(loaded.path, text, mode=loaded.path.stat().st_mode & 0o777)
    try:
        load(loaded.path)
    except ConfigError as error:
        atomic_write(loaded.path, loaded.text, mode=loaded.path.stat().st_mode & 0o777)
        raise ConfigError(
            f"{loaded.path} does not take the table [{table}.rotation]",
            evidence=error.evidence,
            cause="signing is written in another form there, as an inline table",
            fix=f'write rotation = {{ new_key = "{new}", drop = {drop.isoformat()} }} yourself',
        ) from error
    return Rotation(path=loaded.path, old=old, new=new, drop=drop)
