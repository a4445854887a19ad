"""debwright metrics list|show|compare: runs, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

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
    from debwright.model.standing import Standing
    from debwright.observe.metrics.compare import Difference
    from debwright.observe.metrics.model import RunRecord


@click.command("list")
@target_option
@branch_option
@days_option
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True)
@click.pass_obj
def list_runs(
    options: Options, patterns: Sequence[str], *, branch: str | None, days: float | None,
    number: int,
) -> int:  # fmt: skip
    """The last runs, newest first."""
    from debwright.host.files import human_seconds
    from debwright.observe.metrics import query
    from debwright.observe.metrics.query import Filter

    _, store = opened(options)
    with store:
        wanted = Filter(targets=patterns, branch=branch, days=days)
        mine = {b.run for b in query.builds(store, wanted)} if patterns else None
        found = [
            r for r in query.runs(store, wanted.since)
            if (mine is None or r.id in mine) and branch in (None, r.branch)
        ][-number:][::-1]  # fmt: skip
    rows = [
        (r.id, moment(r.started), r.result, human_seconds(r.seconds), r.branch or "-", r.version,
         r.machine) for r in found
    ]  # fmt: skip
    header = ("run", "started", "result", "time", "branch", "version", "machine")
    emit(options, [r._asdict() for r in found], table([header, *rows]))
    return 0


@click.command("show")
@click.argument("run", default="last")
@click.pass_obj
def show_run(options: Options, run: str) -> int:
    """One run: an id, the beginning of one, `last`, or `last~2`."""
    from debwright.observe.metrics import query

    _, store = opened(options)
    with store:
        found = query.find_run(store, run)
    emit(options, found.model_dump(mode="json"), _run_text(found, options.standing))
    return 0


def _run_text(run: RunRecord, standing: Standing) -> str:
    from debwright.host.files import human_seconds, human_size

    lines = [
        f"{run.package} {run.version}: {run.result}, {human_seconds(run.seconds)}",
        f"{run.id}, {run.started:%Y-%m-%d %H:%M} UTC, branch {run.branch or '-'}, on {run.machine}",
    ]
    if run.url:
        lines.append(run.url)
    rows: list[Sequence[str]] = [
        ("target", "stage", "result", "time", "cpu", "memory", "written", "fetched", "layers",
         "retries")
    ]  # fmt: skip
    parts = [("run", "", run.stages)]
    parts += [(t.target, t.strategy, t.stages) for t in run.targets]
    for target, strategy, stages in parts:
        for number, stage in enumerate(stages):
            shown = f"{target} ({strategy})" if strategy else target
            done = stage.status != "cached"
            rows.append(
                (shown if number == 0 else "", stage.name, stage.status,
                 human_seconds(stage.seconds) if done else "",
                 human_seconds(stage.cpu_seconds) if stage.cpu_seconds is not None else "",
                 human_size(stage.peak_memory_bytes) if stage.peak_memory_bytes else "",
                 human_size(stage.written_bytes) if stage.written_bytes else "",
                 human_size(stage.fetched_bytes) if stage.fetched_bytes else "",
                 f"{stage.layers_found} found, {stage.layers_made} made"
                 if stage.layers_found + stage.layers_made else "",
                 str(stage.retries) if stage.retries else "")
            )  # fmt: skip
    lines += ["", table(rows)]
    for part in run.targets:
        if part.message:
            advice = f" -> {standing.typed(part.next)}" if part.next else ""
            lines.append(f"{part.target}: {part.message}{advice}")
        lines += [f"  {p.title} ({p.code}, {p.confidence:.0%})" for p in part.problems]
    return "\n".join(lines)


@click.command("compare")
@click.argument("one", metavar="RUN")
@click.argument("other", metavar="RUN", default="last")
@click.pass_obj
def compare_runs(options: Options, one: str, other: str) -> int:
    """Two runs, stage by stage; what is unusual against earlier builds is marked."""
    from debwright.observe.metrics import query, trends
    from debwright.observe.metrics.compare import compare

    _, store = opened(options)
    with store:
        first, second = query.find_run(store, one), query.find_run(store, other)
        history = trends.series(query.builds(store), query.stage_times(store))
    found = compare(first, second, history)
    rows: list[Sequence[str]] = [("target", "what", "before", "after", "change", "")]
    rows += [
        (d.target, d.what, _shown(d, d.before), _shown(d, d.after),
         "" if d.growth is None else f"{d.growth:+.0%}", "unusual" if d.unusual else "")
        for d in found
    ]  # fmt: skip
    head = "".join(
        f"{word}: {r.id}, {r.version}, {r.started:%Y-%m-%d %H:%M} UTC, on {r.machine}\n"
        for word, r in (("before", first), ("after ", second))
    )
    if first.machine != second.machine:
        head += "the machines are of different classes: times say little\n"
    data = {"before": first.id, "after": second.id,
            "differences": [{**asdict(d), "growth": d.growth} for d in found]}  # fmt: skip
    emit(options, data, head + "\n" + table(rows))
    return 0


def _shown(difference: Difference, value: float | str | None) -> str:
    from debwright.host.files import human_seconds, human_size

    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return human_seconds(value) if difference.unit == "seconds" else human_size(int(value))
