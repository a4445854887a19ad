"""The times of a run as bars on one axis."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from debwright.host.files import human_seconds
from debwright.model.results import RunResult, StageResult, Status


class Color(StrEnum):
    """Of a bar; report.css has each for light and for dark pages. Stages choose theirs."""

    SLATE = "slate"
    TEAL = "teal"
    BLUE = "blue"
    VIOLET = "violet"
    GREEN = "green"
    AMBER = "amber"
    PINK = "pink"
    CYAN = "cyan"
    OLIVE = "olive"
    GREY = "grey"
    """Of a stage that nobody has chosen a colour for, as one of another version."""


SHORTEST = 0.4
"""Percent: a bar thinner than this cannot be seen."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One stage; `x` and `width` are percent of the whole."""

    stage: str
    color: Color
    failed: bool
    x: float
    width: float
    time: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One target, or the run itself."""

    name: str
    is_target: bool
    bars: tuple[Bar, ...]
    label: str


@dataclass(frozen=True, kw_only=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    legend: tuple[tuple[str, Color], ...]


def timeline(result: RunResult, colors: Mapping[str, Color]) -> Timeline:
    """Bars at the time each stage started; one that does not say follows the one before it.

    `colors` are the stages' own, in their order.
    """
    groups = [("run", False, result.stages)] if result.stages else []
    groups += [(t.target, True, t.stages) for t in result.parts]
    placed = [(n, is_target, _place(stages, result.started)) for n, is_target, stages in groups]
    ends = [start + stage.seconds for _, _, spans in placed for start, stage in spans]
    total = max([result.seconds, *ends, 0.001])
    names = dict.fromkeys(stage.stage for _, _, spans in placed for _, stage in spans)
    order = [*(n for n in colors if n in names), *(n for n in names if n not in colors)]
    shown = {name: colors.get(name, Color.GREY) for name in order}
    lanes = tuple(
        Lane(
            name=name,
            is_target=is_target,
            bars=tuple(_bar(start, stage, total, shown[stage.stage]) for start, stage in spans),
            label="; ".join(f"{s.stage} {human_seconds(s.seconds)}" for _, s in spans),
        )
        for name, is_target, spans in placed
    )
    return Timeline(lanes=lanes, ticks=_ticks(total), legend=tuple(shown.items()))


def _place(stages: Iterable[StageResult], begin: datetime) -> list[tuple[float, StageResult]]:
    spans = []
    after = 0.0
    for stage in stages:
        if stage.status is Status.SKIPPED:
            continue
        start = after if stage.started is None else _between(begin, stage.started)
        spans.append((start, stage))
        after = start + stage.seconds
    return spans


def _between(begin: datetime, moment: datetime) -> float:
    if (begin.tzinfo is None) != (moment.tzinfo is None):
        begin, moment = begin.replace(tzinfo=None), moment.replace(tzinfo=None)
    return max(0.0, (moment - begin).total_seconds())


def _bar(start: float, stage: StageResult, total: float, color: Color) -> Bar:
    x = min(100 * start / total, 100 - SHORTEST)
    width = max(SHORTEST, min(100 * stage.seconds / total, 100 - x))
    time = human_seconds(stage.seconds)
    return Bar(
        stage=stage.stage,
        color=color,
        failed=stage.status is Status.FAILED,
        x=round(x, 2),
        width=round(width, 2),
        time=time,
        label=f"{stage.stage}: {stage.status.value}, {time}",
    )


def _ticks(total: float) -> tuple[Tick, ...]:
    """Four to eight round times, the first 0."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    step = next((s for s in steps if total / s <= 7), total / 6)
    count = int(total / step)
    return tuple(
        Tick(x=round(100 * n * step / total, 2), label=_clock(n * step)) for n in range(count + 1)
    )


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"
