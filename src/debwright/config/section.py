"""The base of all tables of debwright.toml, wherever they are declared."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from debwright.config.locate import KeyPath

Raw = Mapping[str, Any]
"""A table as TOML has it, before the model has looked at it."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a configuration; `path` is the key it is about."""

    path: KeyPath
    what: str
    expected: str
    fix: str


@dataclass(frozen=True)
class Formerly:
    """An old name of a key, in the annotation of its field: it works, and a note says the new one.

    `Annotated[str, Formerly("server")]` takes over `server` of the same table; a name with dots
    is read from the top: `Formerly("lintian.enabled", ...)`.
    """

    name: str
    take: Callable[[Any], Any] | None = None
    """The old value as the new key has it; for a table of names, what is added to it."""
    now: str | None = None
    """What is written today, where the name alone does not say it."""


@dataclass(frozen=True)
class Secret:
    """Marks a key as the name of an environment variable that holds a secret."""


@dataclass(frozen=True)
class OneOrMore:
    """Marks a list of tables that may be written as one `[table]` or as several `[[table]]`."""


def one_or_more(value: Any) -> Any:
    """One table as a list of it, and none as an empty one: what comes before OneOrMore's list."""
    if value is None:
        return []
    return [value] if isinstance(value, dict | Section) else value


class Section(BaseModel):
    """Base of all tables: nothing unknown, nothing converted, nothing changed later.

    A room above config/ declares its own table by naming it, in the module of that name:
    `class Hardening(Section, table="hardening")` in checks/files/hardening.py. See
    config/declared.py for how it is found.
    """

    fixed_secrets: ClassVar[tuple[str, ...]] = ()
    """Variables that hold secrets and have the same names in every configuration."""

    # Strict, because TOML has types: a port written as "80" is a mistake worth hearing of.
    # Deferred, because most commands look at one configuration: its tables are built with it, and
    # not each by itself before.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    table: ClassVar[str] = ""
    """The name of a table that is declared outside of config/, as `repository.s3`."""
    optional: ClassVar[bool] = False
    """Whether a file without the table has none, instead of its defaults."""
    formerly: ClassVar[tuple[Formerly, ...]] = ()
    """Old names of the table."""

    def __init_subclass__(
        cls,
        *,
        table: str = "",
        optional: bool = False,
        formerly: tuple[Formerly, ...] = (),
        **more: Any,
    ) -> None:
        super().__init_subclass__(**more)
        cls.table, cls.optional, cls.formerly = table, optional, formerly

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        """What keys of this table must not say together; paths are relative to the table.

        It reads the raw table, so that all problems of a file are reported at once. What has the
        wrong type is passed over here, since the model reports it.
        """
        del raw
        return iter(())


Table = TypeVar("Table", bound=Section)


def default(table: type[Table]) -> Table:
    """The table that a configuration without it has.

    Not validated: calling the class would build its schema, for each table in every command. That
    the defaults are valid is for a test.
    """
    return cast("Table", table.model_construct())


def section_in(annotation: Any) -> type[Section] | None:
    """The kind of table a key holds: as one, in a list, or by name."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((s for a in get_args(annotation) if (s := section_in(a))), None)


def is_single(annotation: Any) -> bool:
    """Whether a key that holds tables holds one, and neither a list nor a table of them."""
    return get_origin(annotation) not in (list, dict)


def may_be_single(field: FieldInfo) -> bool:
    """Whether a key that holds tables can be written as one `[table]`."""
    return is_single(field.annotation) or any(isinstance(m, OneOrMore) for m in field.metadata)


def tables_in(
    model: type[Section], raw: Raw, path: KeyPath = ()
) -> Iterator[tuple[KeyPath, type[Section], Raw]]:
    """Every table that a document has: its path, its kind, and what it says."""
    yield path, model, raw
    for name, field in model.model_fields.items():
        value, kind = raw.get(name), section_in(field.annotation)
        if kind is None:
            continue
        entries: list[tuple[KeyPath, Any]] = [((*path, name), value)]
        if get_origin(field.annotation) is list and not isinstance(value, dict):
            listed = value if isinstance(value, list) else []
            entries = [((*path, name, index), one) for index, one in enumerate(listed)]
        elif get_origin(field.annotation) is dict:
            named = value if isinstance(value, dict) else {}
            entries = [((*path, name, key), one) for key, one in named.items()]
        for place, one in entries:
            if isinstance(one, dict):
                yield from tables_in(kind, one, place)


def secret_variables(value: Any, *, fixed: bool = True) -> list[str]:
    """The variables that hold secrets, as a table and all that is in it name them.

    `fixed`: with those that no key names.
    """
    return list(dict.fromkeys(_secrets(value, fixed=fixed)))


def _secrets(value: Any, *, fixed: bool) -> Iterator[str]:
    if isinstance(value, Section):
        if fixed:
            yield from value.fixed_secrets
        for name, field in type(value).model_fields.items():
            held = getattr(value, name)
            if isinstance(held, str):
                if _is_secret(field.annotation, *field.metadata):
                    yield held
            else:
                yield from _secrets(held, fixed=fixed)
    elif isinstance(value, list | dict):
        for held in value.values() if isinstance(value, dict) else value:
            yield from _secrets(held, fixed=fixed)


def _is_secret(annotation: Any, *metadata: Any) -> bool:
    marks = (*metadata, *getattr(annotation, "__metadata__", ()))
    return any(isinstance(m, Secret) for m in marks) or any(map(_is_secret, get_args(annotation)))
