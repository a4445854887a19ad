"""debwright metrics: what is remembered of runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debwright.cli.commands import Commands
from debwright.cli.common import Options
from debwright.model.errors import printable

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.observe.metrics.store import Store


target_option = click.option(
    "-t", "--target", "patterns", multiple=True, metavar="PATTERN",
    help="Only targets that match, as '*-arm64'. May be given several times.",
)  # fmt: skip


branch_option = click.option("--branch", help="Only runs of this branch.")


class Days(click.FloatRange):
    """Days of a past there is; click takes NaN for a number of any range."""

    name = "days"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=36500)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        days = float(super().convert(value, param, ctx))
        if math.isnan(days):
            self.fail("it is no number of days", param, ctx)
        return days


days_option = click.option("--days", type=Days(), help="Only of so many days.")


file_path = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Commands, package=__name__)
def metrics() -> None:
    """What is remembered of runs: trends, comparison, alerts, and exchange between machines."""


def opened(options: Options, *, create: bool = False) -> tuple[LoadedConfig, Store]:
    """The configuration and its store. Raises DebwrightError where there is none."""
    from debwright.config import load
    from debwright.observe.metrics.hook import store_path
    from debwright.observe.metrics.store import Store

    loaded = load(options.directory)
    return loaded, Store.open(store_path(loaded, options.dist(loaded.directory)), create=create)


def moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be; the first row is their heading."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in safe) for n in range(len(safe[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in safe
    )
