"""Old names of keys: a document that uses them is read as if it had the new ones."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from debwright.config.locate import KeyPath
from debwright.config.section import (
    Formerly,
    Problem,
    Raw,
    Section,
    is_single,
    section_in,
    tables_in,
)


class OldName(UserWarning):
    """A key that is called something else today. Python shows each such note once."""


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """An old name, and where its value belongs today."""

    path: KeyPath
    new: KeyPath
    formerly: Formerly

    @property
    def now(self) -> str:
        return self.formerly.now or ".".join(str(part) for part in self.new)


def old_names(model: type[Section], path: KeyPath = ()) -> Iterator[Renamed]:
    """The old names of all keys, but for tables that are in lists or have names of their own."""
    yield from _of_table(model, path)
    for name, field in model.model_fields.items():
        kind = section_in(field.annotation)
        if kind is not None and is_single(field.annotation):
            yield from old_names(kind, (*path, name))


def _of_table(model: type[Section], path: KeyPath) -> Iterator[Renamed]:
    for name, field in model.model_fields.items():
        for old in field.metadata:
            if isinstance(old, Formerly):
                place = tuple(old.name.split(".")) if "." in old.name else (*path, old.name)
                yield Renamed(path=place, new=(*path, name), formerly=old)


def modern(
    document: Raw, model: type[Section]
) -> tuple[dict[str, Any], list[Renamed], list[Problem]]:
    """The document with today's names, the old ones it has, and those it has in both spellings."""
    new: dict[str, Any] = deepcopy(dict(document))
    known = {name.path: name for name in old_names(model)}
    for path, kind, _ in tables_in(model, new):
        known |= {name.path: name for name in _of_table(kind, path)}
    found, problems = [], []
    for name in known.values():
        *above, key = name.path
        table = _table(new, above)
        if table is None or key not in table:
            continue
        found.append(name)
        value = table.pop(key)
        if not table and above and above[0] not in model.model_fields:
            new.pop(str(above[0]))
        *above, key = name.new
        place = _table(new, above, make=True)
        taken = name.formerly.take(value) if name.formerly.take else value
        if place is None:
            continue  # something else than a table is there, which the model reports
        if isinstance(taken, dict) and isinstance(old := place.setdefault(key, {}), dict):
            place[key] = {**taken, **old}
        elif key in place:
            problems.append(_both(name))
        else:
            place[key] = taken
    return new, found, problems


def _table(document: dict[str, Any], path: list[Any], *, make: bool = False) -> Any:
    """The table at `path`; None where there is none."""
    here: Any = document
    for part in path:
        if isinstance(here, dict) and make:
            here = here.setdefault(part, {})
        elif isinstance(here, list) and isinstance(part, int):
            here = here[part]
        else:
            here = here.get(part) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else None


def _both(name: Renamed) -> Problem:
    old = ".".join(str(part) for part in name.path)
    return Problem(
        path=name.path,
        what=f"{old} is the old name of {name.now}, and both are there",
        expected="one of the two",
        fix=f"remove `{name.path[-1]}`",
    )
