"""The base of all tables of debwright.toml."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True)
class Secret:
    """Marks a key as the name of an environment variable that holds a secret."""


class Section(BaseModel):
    """Base of all tables: nothing unknown, nothing converted, nothing changed later."""

    fixed_secrets: ClassVar[tuple[str, ...]] = ()
    """Variables that hold secrets and have the same names in every configuration."""

    # Strict, because TOML has types: a port written as "80" is a mistake worth hearing of.
    # Deferred, because most commands look at one configuration: its tables are built with it, and
    # not each by itself before.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


Table = TypeVar("Table", bound=Section)


def default(table: type[Table]) -> Table:
    """The table that a configuration without it has.

    Not validated: calling the class would build its schema, for each table in every command. That
    the defaults are valid is for a test.
    """
    return cast("Table", table.model_construct())


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
