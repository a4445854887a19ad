"""Where each target stands: what the live table draws. Not locked; its owner does that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from debwright.model.results import Status
from debwright.observe.console.stream import Ring


class State(Enum):
    """A stage as shown: before and during its run, and its status after."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"

    @classmethod
    def of(cls, status: Status) -> "State":
        return cls(status.value)


@dataclass
class Cell:
    """One stage of one target. Times are seconds of the board's clock."""

    state: State = State.WAITING
    started: float = 0.0
    seconds: float = 0.0

    def elapsed(self, now: float) -> float:
        return now - self.started if self.state is State.RUNNING else self.seconds


@dataclass
class Row:
    """One target, or the run itself when `target` is None."""

    target: str | None
    cells: dict[str, Cell] = field(default_factory=dict)
    activity: str = ""
    output: Ring = field(default_factory=lambda: Ring(20, 500))

    @property
    def state(self) -> State:
        """The row as a whole: what needs the eye most."""
        states = {cell.state for cell in self.cells.values()}
        for state in (State.FAILED, State.RUNNING, State.WAITING, State.SKIPPED, State.PASSED):
            if state in states:
                return state
        return State.CACHED if states else State.WAITING

    @property
    def running(self) -> bool:
        return any(cell.state is State.RUNNING for cell in self.cells.values())

    def elapsed(self, now: float) -> float:
        return sum(cell.elapsed(now) for cell in self.cells.values())


class Board:
    """The rows and stages of a run."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.title = ""
        self.stages: list[str] = []
        self.run = Row(None)
        self.rows: dict[str, Row] = {}
        self.begun = clock()

    def begin(self, title: str, targets: Sequence[str], stages: Sequence[str]) -> None:
        self.title = title
        self.begun = self._clock()
        self.stages = list(dict.fromkeys(stages))
        for target in targets:
            cells = self._row(target).cells
            for stage in self.stages:
                cells.setdefault(stage, Cell())

    def now(self) -> float:
        return self._clock()

    def start(self, target: str | None, stage: str) -> None:
        row = self._row(target)
        if target is not None and stage not in self.stages:
            self.stages.append(stage)
        row.cells[stage] = Cell(state=State.RUNNING, started=self._clock())
        row.activity = ""

    def activity(self, target: str | None, stage: str, text: str) -> None:
        """A late word of a stage that is over is dropped."""
        row = self._row(target)
        cell = row.cells.get(stage)
        if cell is None or cell.state is State.RUNNING:
            row.activity = text

    def line(self, target: str | None, text: str) -> None:
        self._row(target).output.append(text)

    def finish(self, target: str | None, stage: str, status: Status, seconds: float) -> None:
        row = self._row(target)
        if target is not None and stage not in self.stages:
            self.stages.append(stage)
        row.cells[stage] = Cell(state=State.of(status), seconds=seconds)
        row.activity = ""

    def _row(self, target: str | None) -> Row:
        return self.run if target is None else self.rows.setdefault(target, Row(target))
