"""debwright metrics trends: how builds change over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from debwright.cli.common import Options, emit
from debwright.cli.metrics import (
    branch_option,
    days_option,
    moment,
    opened,
    table,
    target_option,
)

if TYPE_CHECKING:
    from debwright.observe.metrics import trends


@click.command("trends")
@target_option
@branch_option
@days_option
@click.pass_obj
def show_trends(
    options: Options, patterns: Sequence[str], *, branch: str | None, days: float | None
) -> int:
    """Time of stages with spread and changes of level, success rate, overhead of cross builds."""
    from debwright.observe.metrics import Metrics, query, trends
    from debwright.observe.metrics.query import Filter

    loaded, store = opened(options)
    with store:
        wanted = Filter(targets=patterns, branch=branch, days=days)
        builds = query.builds(store, wanted)
        stages = query.stage_times(store, wanted.since)
    found = trends.trends(trends.series(builds, stages))
    window = loaded.config.section(Metrics).window_days
    aim = loaded.config.section(Metrics).success_percent
    names = sorted({b.target for b in builds})
    rates = {
        n: trends.success((b for b in builds if b.target == n), wanted.at, window) for n in names
    }
    over = trends.overheads(builds, stages)
    data = {
        "stages": [
            {**t.key._asdict(), **asdict(t.spread), "changes": [_change(m) for m in t.moved]}
            for t in found
        ],
        "success": {n: {**asdict(r), "ratio": r.ratio} for n, r in rates.items()},
        "overhead": [asdict(o) for o in over],
    }
    text = "\n\n".join((_rates_text(rates, window, aim), _stages_text(found), _over_text(over)))
    emit(options, data, text if builds else "no builds of that kind are recorded")
    return 0


def _change(moved: trends.Moved) -> dict[str, Any]:
    return {**asdict(moved.change), "growth": moved.change.growth, "first": moved.first._asdict()}


def _rates_text(rates: dict[str, trends.Success], window: int, aim: float) -> str:
    rows: list[Sequence[str]] = [
        (f"success, {window} days", "rate", "passed", "failed", "machine failed", "unchanged")
    ]
    for name, rate in rates.items():
        shown = "-" if rate.ratio is None else f"{100 * rate.ratio:.1f} %"
        below = rate.ratio is not None and 100 * rate.ratio < aim
        rows.append(
            (name, shown + (f" (aim: {aim:g} %)" if below else ""), str(rate.passed),
             str(rate.failed), str(rate.infrastructure), str(rate.cached))
        )  # fmt: skip
    return table(rows)


def _stages_text(found: Sequence[trends.Trend]) -> str:
    from debwright.host.files import human_seconds

    rows: list[Sequence[str]] = [
        ("target", "stage", "builds", "median", "middle half", "95 %", "last", "strategy, machine")
    ]
    notes = []
    for trend in found:
        key, spread = trend.key, trend.spread
        rows.append(
            (key.target, key.stage, str(spread.count), human_seconds(spread.median),
             f"{human_seconds(spread.low)} - {human_seconds(spread.high)}",
             human_seconds(spread.p95), human_seconds(spread.last),
             f"{key.strategy}, {key.machine}")
        )  # fmt: skip
        for moved in trend.moved:
            change = moved.change
            notes.append(
                f"  {key.target} {key.stage}: {change.growth:+.0%} "
                f"since {moment(moved.first.at)}, "
                f"from {human_seconds(change.before)} to {human_seconds(change.after)}, "
                f"first in {moved.first.version} ({key.machine})"
            )
    changes = ["", "changes of level:", *(notes or ["  none"])]
    return "\n".join([table(rows), *changes])


def _over_text(over: Sequence[trends.Overhead]) -> str:
    last = {(o.target, o.strategy): o for o in over}
    rows: list[Sequence[str]] = [("build, against native", "ratio", "version")]
    rows += [(f"{o.target} {o.strategy}", f"{o.ratio:.2f}", o.version) for o in last.values()]
    return table(rows) if last else "no version was built natively and otherwise"
