"""A table on the terminal that redraws itself: targets by stages, and what each is doing."""

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from debwright.model.results import RunResult, StageResult, Status
from debwright.model.standing import HERE, Standing
from debwright.observe.console.board import Board, Cell, Row, State
from debwright.observe.console.plain import RUN, describe
from debwright.observe.console.stream import SafeStream, make_console, one_line

if TYPE_CHECKING:
    from rich.console import Console

NARROW = 72
"""Columns below which a target takes two lines instead of a table row."""

REFRESHES = 8
"""A second; a spinner needs no more, and each costs a terminal redraw."""

GLYPHS = {
    State.WAITING: "·",
    State.PASSED: "✓",
    State.CACHED: "=",
    State.FAILED: "✗",
    State.SKIPPED: "–",  # noqa: RUF001
}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
ASCII_GLYPHS = {
    State.WAITING: ".",
    State.PASSED: "+",
    State.CACHED: "=",
    State.FAILED: "X",
    State.SKIPPED: "-",
}
ASCII_SPINNER = "|/-\\"

STYLES = {
    State.WAITING: "dim",
    State.RUNNING: "cyan",
    State.PASSED: "green",
    State.CACHED: "green",
    State.FAILED: "bold red",
    State.SKIPPED: "yellow",
}
ORDER = (State.FAILED, State.RUNNING, State.WAITING, State.SKIPPED, State.PASSED, State.CACHED)


def clock(seconds: float) -> str:
    """A running time that keeps its width: `0:07`, `12:40`, `1:02:03`."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class LiveReporter:
    """Draws the run on a terminal; needs `close` (or `end`) to put the terminal right.

    The cursor is never hidden, so that even SIGKILL leaves nothing to repair.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        environ: Mapping[str, str] | None = None,
        verbose: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
        standing: Standing = HERE,
    ) -> None:
        self._safe = SafeStream(stream)
        self._console = make_console(self._safe, os.environ if environ is None else environ)
        self._verbose = verbose
        self._standing = standing
        self._board = Board(monotonic)
        # Never held while printing: rich's own lock is taken there, and its refresh thread
        # takes them in the other order.
        self._lock = threading.Lock()
        self._glyphs = GLYPHS if self._safe.unicode else ASCII_GLYPHS
        self._spinner = SPINNER if self._safe.unicode else ASCII_SPINNER
        # What others print meanwhile must go above the table, but only if it is the same place.
        shared = stream in (sys.stdout, sys.stderr) and sys.stdout.isatty()
        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=REFRESHES,
            redirect_stdout=shared and stream is sys.stdout,
            redirect_stderr=shared and sys.stderr.isatty(),
            vertical_overflow="ellipsis",
        )

    def begin(self, title: str, targets: Sequence[str], stages: Sequence[str]) -> None:
        with self._lock:
            self._board.begin(title, targets, stages)
        atexit.register(self.close)
        self._live.start(refresh=True)
        self._console.show_cursor(True)

    def stage_started(self, target: str | None, stage: str) -> None:
        with self._lock:
            self._board.start(target, stage)

    def activity(self, target: str | None, stage: str, text: str) -> None:
        with self._lock:
            self._board.activity(target, stage, text)

    def line(self, target: str | None, stage: str, text: str) -> None:
        with self._lock:
            self._board.line(target, text)
        if self._verbose:
            self._above(Text(f"{one_line(target or RUN)} {one_line(stage)} | ", style="dim"), text)

    def stage_finished(self, target: str | None, result: StageResult) -> None:
        with self._lock:
            self._board.finish(target, result.stage, result.status, result.seconds)
        if result.status is Status.FAILED:
            # One line at once; the evidence comes with the summary.
            where = Text(f"{one_line(target or RUN)} {one_line(result.stage)}: ", style="bold red")
            self._above(where, describe(result, self._standing)[0])

    def note(self, text: str) -> None:
        for line in self._standing.typed(text).splitlines():
            self._above(Text("note: ", style="cyan"), line)

    def end(self, result: RunResult) -> None:
        from debwright.observe.report.summary import summary_table

        self._live.transient = True  # the summary says the same, and more
        self.close()
        summary_table(result, self._console, self._standing)

    def close(self) -> None:
        """Stop drawing; the last picture stays unless `end` replaced it."""
        atexit.unregister(self.close)
        self._live.stop()

    def _above(self, head: Text, text: str) -> None:
        self._console.print(head + Text(one_line(text)))

    # -- drawing; called from rich's refresh thread

    def _render(self) -> RenderableType:
        with self._lock:
            return draw(self._board, self._console, self._glyphs, self._spinner)


def draw(
    board: Board, console: "Console", glyphs: Mapping[State, str], spinner: str
) -> RenderableType:
    """The board for a console of any size."""
    pen = _Pen(board.now(), glyphs, spinner)
    header = pen.header(board)
    rows, hidden = _fitting(board, console)
    parts: list[RenderableType] = [header]
    if rows and console.width >= NARROW + 8 * max(0, len(board.stages) - 3):
        parts.append(pen.table(board, rows, console.width))
    else:
        parts += [line for row in rows for line in pen.narrow(board, row)]
    if hidden:
        counts = [
            f"{n} {state.value}" for state in ORDER if (n := sum(r.state is state for r in hidden))
        ]
        parts.append(Text(f"and {len(hidden)} more: {', '.join(counts)}", style="dim"))
    return Group(*parts)


def _fitting(board: Board, console: "Console") -> tuple[list[Row], list[Row]]:
    """The rows to show and those the terminal is too low for: the finished are hidden first."""
    rows = list(board.rows.values())
    each = 1 if console.width >= NARROW else 2
    room = max(1, (console.height - 6) // each)
    if len(rows) <= room:
        return rows, []
    wanted = sorted(rows, key=lambda row: ORDER.index(row.state))[:room]
    chosen = {id(row) for row in wanted}
    return [r for r in rows if id(r) in chosen], [r for r in rows if id(r) not in chosen]


class _Pen:
    """Draws the parts of one picture."""

    def __init__(self, now: float, glyphs: Mapping[State, str], spinner: str) -> None:
        self._now = now
        self._glyphs = glyphs
        self._frame = spinner[int(now * REFRESHES) % len(spinner)]

    def header(self, board: Board) -> Text:
        text = _line(Text(one_line(board.title), style="bold"))
        text.append(f"  {clock(self._now - board.begun)}", style="dim")
        for stage, cell in board.run.cells.items():
            text.append("  ")
            text.append_text(self._mark(cell))
            text.append(f" {one_line(stage)}", style=STYLES[cell.state])
        if board.run.running and board.run.activity:
            text.append(f"  {one_line(board.run.activity)}", style="dim")
        return text

    def table(self, board: Board, rows: Sequence[Row], width: int) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, width=width)
        table.add_column("target", no_wrap=True, overflow="ellipsis", max_width=32)
        for stage in board.stages:
            table.add_column(one_line(stage), no_wrap=True, min_width=max(6, len(stage)))
        table.add_column("now", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("time", no_wrap=True, justify="right", min_width=5)
        for row in rows:
            cells = (row.cells.get(stage) for stage in board.stages)
            table.add_row(
                self._name(row),
                *(self._cell(cell) for cell in cells),
                self._doing(row),
                Text(clock(row.elapsed(self._now)), style="dim"),
            )
        return table

    def narrow(self, board: Board, row: Row) -> list[Text]:
        first = _line(self._name(row))
        for stage in board.stages:
            cell = row.cells.get(stage)
            if cell is not None:
                first.append(" ")
                first.append_text(self._mark(cell))
        first.append(f" {clock(row.elapsed(self._now))}", style="dim")
        stage = next((s for s, c in row.cells.items() if c.state is State.RUNNING), "")
        second = _line(Text(f"  {one_line(stage)} ", style="cyan")) if stage else _line(Text("  "))
        return [first, second.append_text(self._doing(row))]

    def _name(self, row: Row) -> Text:
        state = row.state
        style = "" if state in (State.RUNNING, State.WAITING) else STYLES[state]
        return Text(one_line(row.target or RUN), style=style or "bold")

    def _mark(self, cell: Cell) -> Text:
        glyph = self._glyphs.get(cell.state, self._frame)
        return Text(glyph, style=STYLES[cell.state])

    def _cell(self, cell: Cell | None) -> Text:
        if cell is None:
            return Text("")
        text = self._mark(cell)
        if cell.state not in (State.WAITING, State.SKIPPED):
            text.append(f" {clock(cell.elapsed(self._now))}", style=STYLES[cell.state])
        return text

    def _doing(self, row: Row) -> Text:
        if row.running:
            last = list(row.output)[-1:] or [""]
            return Text(one_line(row.activity or last[0]), style="" if row.activity else "dim")
        state = row.state
        return Text(state.value, style=STYLES[state]) if row.cells else Text("")


def _line(text: Text) -> Text:
    """Kept on one line, cut where the terminal ends: a wrapped line would break the redraw."""
    line = Text(no_wrap=True, overflow="ellipsis")
    return line.append_text(text)
