"""The base of all tables of debwright.toml."""

from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all tables: nothing unknown, nothing converted, nothing changed later."""

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
