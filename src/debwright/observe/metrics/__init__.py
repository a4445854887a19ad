"""What is remembered of runs, and when it is an alarm."""

from typing import Annotated

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Section, default


class Alerts(Section):
    """What else is an alarm, and where. `[notify]` says who gets the news."""

    failures_in_row: int = Field(
        2, ge=0, le=100, description="Failed builds of a target in a row that are an alarm; 0: off."
    )
    flaky_builds: int = Field(
        2,
        ge=0,
        le=10,
        description="Of the last ten builds of a target, how many may have something that worked "
        "at the second try only before it is an alarm; 0: off.",
    )
    key_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days before a signing key expires from which on it is an alarm; 0: off.",
    )
    repository_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days without a publication after which the repository is stale; 0: off.",
    )
    branches: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        ["main", "master"],
        min_length=1,
        description="fnmatch patterns of branches whose builds count; those of no branch do, too.",
    )
    issues: bool = Field(
        False,
        description="Whether each problem gets an issue on GitHub, closed when it is resolved.",
    )
    label: v.IssueLabel = Field(
        "debwright-alert", description="Label of those issues; by it they are found again."
    )


class Metrics(Section, table="metrics"):
    """What is remembered of runs, and when it is an alarm."""

    enabled: bool = Field(True, description="Whether runs are remembered.")
    path: v.Line | None = Field(
        None, description="SQLite file, relative to this file; default: dist/metrics/runs.sqlite."
    )
    success_percent: v.Percent = Field(
        95, description="Share of successful builds below which there is an alarm."
    )
    duration_growth_percent: v.Growth = Field(
        50, description="Growth of a build's time over the median of seven days that is an alarm."
    )
    size_growth_percent: v.Growth = Field(
        10, description="Growth of a target's packages over their median that is an alarm."
    )
    memory_growth_percent: v.Growth = Field(
        20, description="Growth of the service's memory over its median that is an alarm."
    )
    window_days: int = Field(30, ge=1, le=3650, description="Days whose runs are looked at.")
    alerts: Alerts = Field(
        default(Alerts),
        description="What else is an alarm, and where; [notify] says who gets the news.",
    )
