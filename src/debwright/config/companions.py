"""The table of packages that are built and published beside the product."""

from pydantic import Field

from debwright.config import values as v
from debwright.config.section import Section


class Companion(Section):
    """A package of architecture `all` that the product needs: data, models, documentation."""

    source: v.Line = Field(
        description="Its directory, with debian/ (and debwright.toml) of its own; relative to "
        "this file.",
    )
