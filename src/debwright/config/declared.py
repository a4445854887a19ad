"""Tables of debwright.toml that other rooms declare, and how the configuration finds them.

A check, a store, a system or a provider declares its table as a Section with that table's name,
in a module of that name. Only a file that has the table imports the module; all are imported for
the reference, for the effective configuration, and when a key is unknown.
"""

from collections.abc import Iterator
from copy import copy
from functools import cache
from typing import Any, TypeVar

from pydantic import create_model
from pydantic.fields import FieldInfo

from debwright.config.renamed import old_names
from debwright.config.section import Raw, Section, default, is_single, section_in
from debwright.model import registry

PACKAGES = (
    "debwright.checks.files",
    "debwright.checks.live",
    "debwright.checks.twice",
    "debwright.systems",
    "debwright.repository.stores",
    "debwright.source.carriers",
    "debwright.keys",
    "debwright.observe",
    "debwright.observe.notify",
    "debwright.pipeline",
    "debwright.ci",
    "debwright.init",
)
"""Where tables may be declared. Names, not imports: config/ knows no room above it."""

Kind = type[Section]
Model = TypeVar("Model", bound=Section)


@cache
def everything() -> tuple[Kind, ...]:
    """All declared tables, by name. Imports every module that may declare one."""
    found: dict[str, Kind] = {}
    for package in PACKAGES:
        for name in registry.names(package):
            for kind in _declared_in(f"{package}.{name}"):
                if found.setdefault(kind.table, kind) is not kind:
                    raise TypeError(
                        f"[{kind.table}] is declared twice: {found[kind.table]}, {kind}"
                    )
    return tuple(found[table] for table in sorted(found))


def _declared_in(module: str) -> Iterator[Kind]:
    return (kind for kind in registry.classes(module, Section) if kind.table)


@cache
def _named(table: str) -> Kind | None:
    """The kind of a table, if it is declared in a module of its name."""
    name = table.rpartition(".")[2].replace("-", "_")
    for package in PACKAGES:
        if name in registry.names(package):
            for kind in _declared_in(f"{package}.{name}"):
                if kind.table == table:
                    return kind
    return None


def model_for(document: Raw, model: type[Model]) -> type[Model]:
    """`model` together with the declared tables that `document` has."""
    found: dict[str, Kind] = {}
    while True:
        known = with_tables(model, tuple(found.values()))
        old = {name.path for name in old_names(known)}
        more = [path for path in _unknown(document, known) if path not in old]
        if not more:
            return known
        for path in more:
            kind = _named(".".join(path))
            if kind is None:
                # Declared elsewhere, an old name, or a mistake: then all known names are needed.
                return with_tables(model, everything())
            found[kind.table] = kind


def _unknown(raw: Raw, model: Kind, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Keys that the tables of `model` do not have."""
    for key, value in raw.items():
        field = model.model_fields.get(key)
        if field is None:
            yield (*path, key)
            continue
        inner = section_in(field.annotation) if is_single(field.annotation) else None
        if inner is not None and isinstance(value, dict):
            yield from _unknown(value, inner, (*path, key))


@cache
def with_tables(model: type[Model], kinds: tuple[Kind, ...], prefix: str = "") -> type[Model]:
    """`model` with the declared tables `kinds` as further keys, each where its name says."""
    if not kinds:
        return model
    fields: dict[str, Any] = {}
    below: dict[str, list[Kind]] = {}
    for kind in kinds:
        first, _, rest = kind.table.removeprefix(prefix).partition(".")
        if rest:
            below.setdefault(first, []).append(kind)
        else:
            fields[first] = _field(kind, optional=kind.optional)
    for first, inner in below.items():
        table = f"{prefix}{first}."
        if first in fields:
            own = section_in(fields[first][0])
            assert own is not None
            fields[first] = _field(with_tables(own, tuple(inner), table), optional=own.optional)
        else:
            old = model.model_fields[first]
            own = section_in(old.annotation)
            assert own is not None
            fields[first] = _replaced(old, with_tables(own, tuple(inner), table))
    return create_model(
        model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__,
        __cls_kwargs__={
            "table": model.table, "optional": model.optional, "formerly": model.formerly
        },
        **fields,
    )  # fmt: skip


def _field(kind: Kind, *, optional: bool) -> tuple[Any, FieldInfo]:
    said = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    field = FieldInfo(default=None if optional else default(kind), description=said)
    field.metadata = list(kind.formerly)
    return (kind | None if optional else kind), field


def _replaced(field: FieldInfo, kind: Kind) -> tuple[Any, FieldInfo]:
    """The field with a table that has further keys."""
    new = copy(field)
    if field.default is None:
        return kind | None, new
    new.default = default(kind)
    return kind, new
