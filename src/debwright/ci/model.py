"""Workflows as data: what GitHub's workflow syntax says, as far as debwright writes it.

Source: docs.github.com, "Workflow syntax for GitHub Actions".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from debwright.ci.actions import Action
from debwright.ci.yaml import Commented

Table = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: an action that is used, or one debwright command."""

    name: str
    run: str | None = None
    """A single command; what it needs of the run comes by `env`, never as text in it."""
    uses: Action | str | None = None
    inputs: Table = field(default_factory=dict)
    id: str | None = None
    condition: str | None = None
    env: Table = field(default_factory=dict)
    minutes: int | None = None
    """Where the job must go on after it: a job that is stopped hands nothing over."""
    optional: bool = False
    """Whether the job goes on when it fails: it only saves time, and the failure is shown."""
    comment: str | None = None

    def to_yaml(self) -> dict[str, Any]:
        name: Any = Commented(self.name, above=self.comment) if self.comment else self.name
        uses: Any = self.uses
        if isinstance(self.uses, Action):
            uses = Commented(self.uses.reference, beside=self.uses.version)
        return _present(
            {
                "name": name,
                "id": self.id,
                "if": self.condition,
                "continue-on-error": self.optional or None,
                "timeout-minutes": self.minutes,
                "uses": uses,
                "with": self.inputs,
                "env": self.env,
                "run": self.run,
            }
        )


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of steps on a runner, or a call of another workflow."""

    name: str
    minutes: int | None = None
    """None only where another workflow is called, whose jobs have limits of their own."""
    runner: str | None = None
    steps: Sequence[Step] = ()
    calls: str | None = None
    inputs: Table = field(default_factory=dict)
    needs: Sequence[str] = ()
    condition: str | None = None
    permissions: Table = field(default_factory=dict)
    environment: str | None = None
    matrix: str | None = None
    """An expression that gives the list of what the matrix includes."""
    outputs: Table = field(default_factory=dict)
    env: Table = field(default_factory=dict)

    def to_yaml(self) -> dict[str, Any]:
        strategy = {"fail-fast": False, "matrix": {"include": self.matrix}} if self.matrix else None
        return _present(
            {
                "name": self.name,
                "needs": list(self.needs),
                "if": self.condition,
                "uses": self.calls,
                "with": self.inputs,
                "runs-on": self.runner,
                "timeout-minutes": self.minutes,
                "environment": self.environment,
                "permissions": Whole(self.permissions),
                "outputs": self.outputs,
                "strategy": strategy,
                "env": self.env,
                "steps": [step.to_yaml() for step in self.steps],
            }
        )


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One file. No job has a permission that it does not name itself."""

    file: str
    name: str
    comment: str
    on: Table
    jobs: Mapping[str, Job]
    group: str
    """Of which one run goes on at a time."""
    cancel: bool | str = False
    """Whether a newer run ends an older one of its group."""

    def to_yaml(self) -> dict[str, Any]:
        return {
            "name": Commented(self.name, above=self.comment),
            "on": self.on,
            "permissions": {},
            "concurrency": {"group": self.group, "cancel-in-progress": self.cancel},
            "jobs": {key: job.to_yaml() for key, job in self.jobs.items()},
        }


class Whole(dict[str, Any]):
    """A table that is written even when it is empty: no permissions are not the default ones."""


def _present(table: Table) -> dict[str, Any]:
    return {
        key: dict(value) if isinstance(value, Whole) else value
        for key, value in table.items()
        if isinstance(value, Whole) or value not in (None, {}, [], ())
    }
