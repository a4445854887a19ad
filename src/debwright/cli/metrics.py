"""debwright metrics: what is remembered of runs, shown and exchanged."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from debwright.cli.common import Options, emit
from debwright.config import LoadedConfig, load
from debwright.host.files import atomic_write, human_seconds, human_size
from debwright.model.errors import DebwrightError, printable
from debwright.observe.metrics import exchange, query, trends
from debwright.observe.metrics.compare import Difference, compare
from debwright.observe.metrics.hook import store_path
from debwright.observe.metrics.model import RunRecord
from debwright.observe.metrics.prometheus import exposition
from debwright.observe.metrics.query import Filter
from debwright.observe.metrics.store import Store


def opened(options: Options, *, create: bool = False) -> tuple[LoadedConfig, Store]:
    """The configuration and its store. Raises DebwrightError where there is none."""
    loaded = load(options.directory)
    return loaded, Store.open(store_path(loaded, options.dist(loaded.directory)), create=create)


def list_runs(
    options: Options, patterns: Sequence[str], *, branch: str | None, days: float | None,
    number: int,
) -> int:  # fmt: skip
    _, store = opened(options)
    with store:
        wanted = Filter(targets=patterns, branch=branch, days=days)
        mine = {b.run for b in query.builds(store, wanted)} if patterns else None
        found = [
            r for r in query.runs(store, wanted.since)
            if (mine is None or r.id in mine) and branch in (None, r.branch)
        ][-number:][::-1]  # fmt: skip
    rows = [
        (r.id, _moment(r.started), r.result, human_seconds(r.seconds), r.branch or "-", r.version,
         r.machine) for r in found
    ]  # fmt: skip
    header = ("run", "started", "result", "time", "branch", "version", "machine")
    emit(options, [r._asdict() for r in found], table([header, *rows]))
    return 0


def show_run(options: Options, name: str) -> int:
    _, store = opened(options)
    with store:
        run = query.find_run(store, name)
    emit(options, run.model_dump(mode="json"), _run_text(run))
    return 0


def _run_text(run: RunRecord) -> str:
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
            advice = f" -> {part.next}" if part.next else ""
            lines.append(f"{part.target}: {part.message}{advice}")
        lines += [f"  {p.title} ({p.code}, {p.confidence:.0%})" for p in part.problems]
    return "\n".join(lines)


def show_trends(
    options: Options, patterns: Sequence[str], *, branch: str | None, days: float | None
) -> int:
    loaded, store = opened(options)
    with store:
        wanted = Filter(targets=patterns, branch=branch, days=days)
        builds = query.builds(store, wanted)
        stages = query.stage_times(store, wanted.since)
    found = trends.trends(trends.series(builds, stages))
    window = loaded.config.metrics.window_days
    aim = loaded.config.metrics.success_percent
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
                f"since {_moment(moved.first.at)}, "
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


def compare_runs(options: Options, one: str, other: str) -> int:
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
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return human_seconds(value) if difference.unit == "seconds" else human_size(int(value))


def export_records(options: Options, file: Path | None) -> int:
    _, store = opened(options)
    with store:
        text, count = exchange.export(store, file)
    if file is None:
        print(text, end="")
    else:
        emit(options, {"records": count, "file": str(file)}, f"{file}: {count} records")
    return 0


def merge_records(options: Options, paths: Sequence[Path]) -> int:
    """1 when some lines were no records; the others are merged."""
    _, store = opened(options, create=True)
    with store:
        report = exchange.merge_files(store, paths)
    return tell_merged(options, report)


def tell_merged(options: Options, report: exchange.Report) -> int:
    """Say what became of records; 1 when some lines were none."""
    merged = report.merged
    lines = [f"{merged.new} new, {merged.newer} newer, {merged.known} known already"]
    for finding in report.refused:
        item = finding.evidence[0]
        lines.append(f"refused {item.file}:{item.line or '?'}: {item.text}")
    if (more := report.refused_lines - len(report.refused)) > 0:
        lines.append(f"and {more} more lines refused")
    data = {**asdict(merged), "refused": report.refused_lines,
            "findings": [f.model_dump(mode="json") for f in report.refused]}  # fmt: skip
    emit(options, data, printable("\n".join(lines)))
    return 1 if report.refused_lines else 0


def write_prometheus(options: Options, file: Path | None) -> int:
    loaded, store = opened(options)
    with store:
        text = exposition(store, loaded.config.metrics, time.time())
    if file is None:
        print(text, end="")
        return 0
    try:
        atomic_write(file, text)
    except OSError as error:
        raise DebwrightError(f"{file} cannot be written: {error.strerror}") from error
    return 0


def write_rules(options: Options, directory: Path) -> int:
    """Alert rules for Prometheus, and a dashboard for Grafana to import."""
    home = files("debwright.observe.metrics").joinpath("share")
    written = {"debwright-alerts.yml": "alerts.yml", "debwright-grafana.json": "grafana.json"}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, source in written.items():
            atomic_write(directory / name, home.joinpath(source).read_bytes())
    except OSError as error:
        raise DebwrightError(f"{directory} cannot be written: {error.strerror}") from error
    names = [str(directory / name) for name in written]
    emit(options, {"files": names}, "\n".join(names))
    return 0


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be; the first row is their heading."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in safe) for n in range(len(safe[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in safe
    )
