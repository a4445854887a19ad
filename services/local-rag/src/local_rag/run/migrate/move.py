"""One migration: copy next to it, check, switch."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from local_rag.config.layers import explain
from local_rag.config.settings import Settings
from local_rag.core.errors import Conflict, InvalidInput, RagError
from local_rag.core.files import write_atomically
from local_rag.run.migrate import copying
from local_rag.run.migrate.places import Place, require_rights
from local_rag.run.migrate.record import Journal, Record, begin

# The service of the package may not look into these (ProtectHome= of its unit).
_HOMES = ("/home/", "/root/", "/run/user/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """What a migration did; `notes` are things a person should look at."""

    counts: dict[str, int]
    journal: Path
    notes: tuple[str, ...]


def move(source: Place, target: Place, *, replace: bool = False) -> Moved:
    """Bring configuration and data of one installation to another; the source stays as it is.

    What the target held is kept in its journal. Raises Conflict while a service uses either
    index, or when the target holds documents and `replace` is not set; InvalidInput when there is
    nothing to move or rights are missing; whatever fails leaves the target as it was.
    """
    _require_sense(source, target)
    target.data.mkdir(parents=True, exist_ok=True, mode=0o750)
    os.chown(target.data, *target.owner)
    with copying.held(source), copying.held(target):
        if copying.counts(target.index).get("documents") and not replace:
            raise Conflict(
                f"{target.data} holds documents of its own",
                hint="--replace puts them aside; undo brings them back",
            )
        copying.require_room(source, target)
        text, notes = _config(source, target)
        journal = begin(target)
        try:
            copying.copy_entries(source, journal.incoming)
            copying.require_same(source, journal.incoming)
            copying.copy_index(source, target, journal.incoming / source.index.name)
            found = copying.counts(journal.incoming / source.index.name)
            if found != copying.counts(source.index):
                raise RagError("the copy differs from the index", hint="nothing was changed")
            copying.give(journal.incoming, target.owner)
            record = _record(source, target, journal)
        except BaseException:
            shutil.rmtree(journal.folder, ignore_errors=True)
            raise
        try:
            journal.switch(record)
            _write_config(target, text)
        except BaseException:
            journal.revert(record)
            journal.put_config_back(record)
            shutil.rmtree(journal.folder, ignore_errors=True)
            raise
        notes += _out_of_reach(target)
    return Moved(counts=found, journal=journal.folder, notes=tuple(notes))


def _require_sense(source: Place, target: Place) -> None:
    if source.data.resolve() == target.data.resolve():
        raise InvalidInput(f"{source.data} is used by both already")
    if not source.index.exists():
        raise InvalidInput(
            f"there is no index in {source.data}", hint="--data-dir names the right directory"
        )
    for place in (source, target):
        require_rights(place)


def _record(source: Place, target: Place, journal: Journal) -> Record:
    had = target.config.exists()
    if had:
        shutil.copy2(target.config, journal.config)
        facts = target.config.stat()
        os.chown(journal.config, facts.st_uid, facts.st_gid)
    record = Record(
        came_from=str(source.data),
        former=tuple(path.name for path in target.entries()),
        new=tuple(sorted(path.name for path in journal.incoming.iterdir())),
        had_config=had,
    )
    journal.write(record)
    return record


# -- configuration ---------------------------------------------------------------------------


def _config(source: Place, target: Place) -> tuple[str, list[str]]:
    """Return the new configuration file, and what a person should look at."""
    values = target.settings()
    for section, keys in source.settings().items():
        values[section] = {**values.get(section, {}), **keys}
    values["storage"] = {**values.get("storage", {}), "data_dir": str(target.data)}
    notes = [
        f"{name} is below {source.config.parent.parent.parent} and stays there: {path}"
        for name, path in _paths(values)
        if path.startswith(_HOMES)
    ]
    try:
        Settings.model_validate(values)
    except ValidationError as error:
        raise explain(error, Settings, {}) from None
    head = f"# Written by `local-rag migrate` from {source.config}\n"
    return head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True), notes


def _paths(values: dict[str, Any]) -> list[tuple[str, str]]:
    named = [
        ("server.token_file", values.get("server", {}).get("token_file")),
        ("logging.file", values.get("logging", {}).get("file")),
        *(("storage.model_dirs", path) for path in values["storage"].get("model_dirs") or ()),
        *(("imports.watch", path) for path in values.get("imports", {}).get("watch") or ()),
    ]
    return [(name, str(path)) for name, path in named if path]


def _write_config(place: Place, text: str) -> None:
    mode, owner = 0o644, place.owner
    if place.config.exists():
        facts = place.config.stat()
        mode, owner = facts.st_mode & 0o777, (facts.st_uid, facts.st_gid)
    elif place.config.is_relative_to("/etc"):
        owner = (0, 0)
    made = [folder for folder in place.config.parents if not folder.exists()]
    place.config.parent.mkdir(parents=True, exist_ok=True)
    for folder in made:
        os.chown(folder, *owner)
    write_atomically(place.config, text)
    place.config.chmod(mode)
    os.chown(place.config, *owner)


def _out_of_reach(target: Place) -> list[str]:
    """Return a note on documents whose files the service of the package may not read."""
    if target.owner[0] == 0 or str(target.data).startswith(_HOMES):
        return []
    folders = copying.folders_below(target.index, _HOMES)
    return [
        f"{count} documents came from {folder}, which the packaged service may not read: they are "
        "found as before, but `local-rag update` would hide them as missing. Let it read them: "
        f"systemctl edit local-rag, [Service] ProtectHome=tmpfs, BindReadOnlyPaths={folder}"
        for folder, count in folders.items()
    ]
