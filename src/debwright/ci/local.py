"""A workflow that runs on this machine: how it is asked for, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A run of a workflow as it is asked for."""

    top: Path
    file: Path
    event: str
    labels: Sequence[str]
    inputs: Sequence[str]
    secrets: Sequence[str]
    """Names of variables."""
    payload: Path | None
    store: Path
    """Where artifacts and the like are put."""
    scratch: Path


@dataclass
class JobRun:
    """One job as it went."""

    name: str
    matrix: Mapping[str, Any]
    steps: list[str] = field(default_factory=list)
    failed: list[tuple[str, int]] = field(default_factory=list)
    """Steps that failed, with their exit codes."""
    result: str | None = None
    """The provider's word for how it ended; None when it did not."""

    @property
    def ok(self) -> bool:
        return self.result is not None and not self.failed

    @property
    def title(self) -> str:
        target = self.matrix.get("target")
        return f"{self.name} ({target})" if target else self.name


@dataclass
class Record:
    """What the runner reported of a run."""

    jobs: dict[str, JobRun] = field(default_factory=dict)
    annotations: list[tuple[str, str, str]] = field(default_factory=list)
    """Level, title and text."""
    summaries: list[tuple[str, str]] = field(default_factory=list)
    """Job and Markdown."""
    errors: list[str] = field(default_factory=list)
    """What the runner itself complained of."""

    @property
    def exit_code(self) -> int:
        """0, or that of the step that failed: a build before a check before everything else."""
        codes = [code for job in self.jobs.values() for _, code in job.failed]
        if not codes:
            return 0 if all(job.ok for job in self.jobs.values()) and self.jobs else 1
        return max(codes, key=lambda c: (c == 3, c == 4, c))


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line for whoever watches."""

    job: str
    text: str
    output: bool
    """Whether a command printed it; else the runner did, about the run."""


class LocalRunner(Protocol):
    """Runs a provider's workflows on this machine."""

    @property
    def directory(self) -> str:
        """Where the workflows are, from the top of the repository; each a file NAME.yml."""

    @property
    def secrets(self) -> Sequence[str]:
        """Variables that a run takes over where they are set, whatever the configuration says."""

    def inputs(self, workflow: str, event: str | None, given: Sequence[str]) -> list[str]:
        """The inputs for a run on this machine."""

    def run(self, asked: Invocation, *, show: Callable[[Line], None], log: IO[str]) -> Record:
        """Run it to its end. Raises MissingError, and DebwrightError when no job ran."""
