"""Two runs, stage by stage; and whether a difference is more than what is usual."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from debwright.observe.metrics.model import RunRecord, TargetRecord
from debwright.observe.metrics.trends import TOTAL, Key, Point, Spread

FEW = 5
"""Earlier builds below which nothing is said of what is usual."""
FENCE = 1.5
"""Interquartile ranges beyond the quartiles (Tukey's fences)."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One stage of one target in both runs, or one figure of it."""

    target: str
    what: str
    """A stage, TOTAL, or as `size of greeter`."""
    unit: str
    """`seconds`, `bytes` or `result`."""
    before: float | str | None
    after: float | str | None
    unusual: bool | None = None
    """Whether the second is outside of what earlier builds took; None: not known."""

    @property
    def growth(self) -> float | None:
        if isinstance(self.before, float) and isinstance(self.after, float) and self.before:
            return self.after / self.before - 1
        return None


def compare(
    one: RunRecord, other: RunRecord, history: Mapping[Key, Sequence[Point]]
) -> list[Difference]:
    """Every difference worth a line: all stages, results, sizes and memory of all targets."""
    before = {t.target: t for t in one.targets}
    after = {t.target: t for t in other.targets}
    found: list[Difference] = []
    for name in dict.fromkeys([*before, *after]):
        left, right = before.get(name), after.get(name)
        found.append(
            Difference(target=name, what="result", unit="result",
                       before=_result(left), after=_result(right))
        )  # fmt: skip
        found += _stages(name, left, right, other, history)
        found += _sizes(name, left, right)
    return found


def _result(target: TargetRecord | None) -> str | None:
    if target is None:
        return None
    at = f" at {target.failed_stage}" if target.failed_stage else ""
    return f"{target.result}{at} ({target.strategy})"


def _times(target: TargetRecord | None) -> dict[str, float]:
    if target is None:
        return {}
    times = {s.name: s.seconds for s in target.stages if s.status in ("passed", "failed")}
    return times | ({TOTAL: target.seconds} if len(times) > 1 else {})


def _stages(
    name: str,
    left: TargetRecord | None,
    right: TargetRecord | None,
    run: RunRecord,
    history: Mapping[Key, Sequence[Point]],
) -> list[Difference]:
    before, after = _times(left), _times(right)
    strategy = right.strategy if right else ""
    made = []
    for stage in dict.fromkeys([*before, *after]):
        earlier = [
            p.seconds for p in history.get(Key(name, stage, run.machine, strategy), ())
            if p.at < run.started.timestamp()
        ]  # fmt: skip
        made.append(
            Difference(
                target=name, what=stage, unit="seconds", before=before.get(stage),
                after=after.get(stage), unusual=_unusual(after.get(stage), earlier),
            )
        )  # fmt: skip
    return made


def _unusual(value: float | None, earlier: Sequence[float]) -> bool | None:
    if value is None or len(earlier) < FEW:
        return None
    spread = Spread.of(earlier[-50:])
    reach = FENCE * max(spread.high - spread.low, 0.02 * spread.median)
    return not spread.low - reach <= value <= spread.high + reach


def _sizes(name: str, left: TargetRecord | None, right: TargetRecord | None) -> list[Difference]:
    made = []
    pairs = (
        ("size of ", left.packages if left else {}, right.packages if right else {}),
        ("", _bytes(left), _bytes(right)),
    )
    for prefix, before, after in pairs:
        for key in dict.fromkeys([*before, *after]):
            one, two = before.get(key), after.get(key)
            made.append(
                Difference(
                    target=name, what=f"{prefix}{key}", unit="bytes",
                    before=None if one is None else float(one),
                    after=None if two is None else float(two),
                )
            )  # fmt: skip
    return made


def _bytes(target: TargetRecord | None) -> dict[str, float]:
    if target is None:
        return {}
    return {k: v for k, v in target.measurements.items() if k.endswith("memory_bytes")}
