"""The table of what is remembered of runs."""

from pydantic import Field

from debwright.config import values as v
from debwright.config.section import Section


class Metrics(Section):
    """What is remembered of runs, and when it is an alarm."""

    enabled: bool = Field(True, description="Whether runs are remembered.")
    path: v.Line | None = Field(
        None, description="Where, relative to this file; default: below dist/."
    )
    success_percent: v.Percent = Field(
        95, description="Share of successful runs below which there is an alarm."
    )
    duration_growth_percent: v.Growth = Field(
        50, description="Growth of a stage's time over its median that is an alarm."
    )
    size_growth_percent: v.Growth = Field(
        10, description="Growth of a package's size over its median that is an alarm."
    )
    window_days: int = Field(30, ge=1, le=3650, description="Days whose runs are looked at.")
