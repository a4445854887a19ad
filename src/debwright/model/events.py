"""What the pipeline tells whoever watches: the seam between the work and its display."""

from collections.abc import Sequence
from typing import Protocol

from debwright.model.results import RunResult, StageResult


class Reporter(Protocol):
    """Receives events of a run; called from several threads at once.

    `target` is None for stages that belong to the run as a whole.
    """

    def begin(self, title: str, targets: Sequence[str], stages: Sequence[str]) -> None:
        """The run starts: its targets and the stages each will pass through."""

    def stage_started(self, target: str | None, stage: str) -> None: ...

    def activity(self, target: str | None, stage: str, text: str) -> None:
        """What the stage is doing just now, in a few words."""

    def line(self, target: str | None, stage: str, text: str) -> None:
        """One line of a tool's output. Untrusted."""

    def stage_finished(self, target: str | None, result: StageResult) -> None: ...

    def note(self, text: str) -> None:
        """Something the user should know that is not an error."""

    def end(self, result: RunResult) -> None:
        """The run is over: show its outcome."""

    def close(self) -> None:
        """Put the terminal right, on every path out; `end` need not have come. May be repeated."""


class Silent:
    """A reporter that shows nothing: for tests and for commands whose result is the output."""

    def begin(self, title: str, targets: Sequence[str], stages: Sequence[str]) -> None: ...
    def stage_started(self, target: str | None, stage: str) -> None: ...
    def activity(self, target: str | None, stage: str, text: str) -> None: ...
    def line(self, target: str | None, stage: str, text: str) -> None: ...
    def stage_finished(self, target: str | None, result: StageResult) -> None: ...
    def note(self, text: str) -> None: ...
    def end(self, result: RunResult) -> None: ...
    def close(self) -> None: ...
