"""The base of all tables of debwright.toml."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all tables: nothing unknown, nothing converted, nothing changed later."""

    # Strict, because TOML has types: a port written as "80" is a mistake worth hearing of.
    # Deferred, because most commands look at one configuration: its tables are built with it, and
    # not each by itself before.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
