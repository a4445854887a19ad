"""What stages write: findings, stage results, target results and the run as a whole.

These models are the published JSON of debwright (`check.json`, `report.json`); their schema
comes from `RunResult.model_json_schema()`.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    computed_field,
    model_validator,
)

from debwright.model.details import Details, StageDetails, details_of
from debwright.model.diagnosis import Problem
from debwright.model.errors import DebwrightError
from debwright.model.errors import Evidence as Evidence  # noqa: PLC0414 - a part of findings
from debwright.model.fix import Command


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Status(StrEnum):
    """How a stage or check ended.

    `cached` is a pass whose inputs have not changed since it was last run. `skipped` always
    has a reason and never counts as a pass.
    """

    PASSED = "passed"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def ok(self) -> bool:
        return self in (Status.PASSED, Status.CACHED)


class Waived(_Model):
    """Why an error does not count, and the last day on which it does not."""

    reason: str
    until: date


class FixCommand(_Model):
    """A fix that is a command: what to carry out, and whether it needs root."""

    arguments: tuple[str, ...]
    root: bool = False


def _kept(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """A Command stays one, which pydantic would make a plain `str` of."""
    return value if isinstance(value, Command) else handler(value)


class Finding(_Model):
    """One thing a check or a diagnosis has to say."""

    severity: Severity
    code: str
    """Stable name, `check/problem`, as `service/unhealthy`."""
    message: str
    evidence: tuple[Evidence, ...] = ()
    fix: Annotated[str, WrapValidator(_kept)] | None = None
    """What to do, as a person reads it: a Command, or a text."""
    waived: Waived | None = None
    """Set on what would be an error, were it not for a waiver; the severity is then `info`."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fix_command(self) -> FixCommand | None:
        """The same, when it is a command that can be typed as it stands."""
        if not isinstance(self.fix, Command):
            return None
        return FixCommand(arguments=self.fix.arguments, root=self.fix.root)

    @model_validator(mode="before")
    @classmethod
    def _command_again(cls, data: Any) -> Any:
        """A file has the fix as a text, and its command, if it is one, next to it."""
        if not isinstance(data, dict) or "fix_command" not in data:
            return data
        rest = {k: v for k, v in data.items() if k != "fix_command"}
        if data["fix_command"] is None:
            return rest
        found = FixCommand.model_validate(data["fix_command"])
        return {**rest, "fix": Command(*found.arguments, root=found.root)}

    @classmethod
    def from_error(cls, code: str, error: DebwrightError) -> "Finding":
        return cls(
            severity=Severity.ERROR,
            code=code,
            message=error.what + (f" ({error.cause})" if error.cause else ""),
            evidence=error.evidence,
            fix=error.fix,
        )


class CheckResult(_Model):
    """One check on one target."""

    name: str
    status: Status
    reason: str | None = None
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    measurements: dict[str, float] = {}
    """Name to value; the unit is the name's last word (`start_seconds`, `memory_bytes`)."""
    notes: tuple[str, ...] = ()
    """What a reader must know to judge the result, such as limits of an emulator."""


class Artifact(_Model):
    """A file a run produced; `path` is relative to `dist/`."""

    path: str
    kind: str
    size: int
    sha256: str


class Usage(_Model):
    """What a stage cost next to time; of commands whose usage the kernel counts (getrusage(2))."""

    peak_memory_bytes: int | None = None
    """Of the largest single process; of a booted system, all of it where the kernel counts that."""
    written_bytes: int = 0
    fetched_bytes: int = 0
    """Downloaded packages and distributions. A base root's own are not counted."""
    layers_found: int = 0
    """Layers that the cache had."""
    layers_made: int = 0
    retries: int = 0
    """Second attempts, as at a mirror or at a system that did not boot."""


class StageResult(_Model):
    stage: str
    status: Status
    reason: str | None = None
    started: datetime | None = None
    seconds: float = 0.0
    cpu_seconds: float | None = None
    error: Finding | None = None
    usage: Usage | None = None
    details: SerializeAsAny[Details] = Field(default_factory=StageDetails)

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, data: Any) -> Any:
        """A file has the details as a table, whose form the stage's name says."""
        said = data.get("details", {}) if isinstance(data, dict) else None
        if not isinstance(said, dict):
            return data
        return {**data, "details": details_of(str(data.get("stage")), said)}


class TargetResult(_Model):
    target: str
    strategy: str
    strategy_reason: str
    stages: tuple[StageResult, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    artifacts: tuple[Artifact, ...] = ()

    @property
    def ok(self) -> bool:
        return all(s.status is not Status.FAILED for s in self.stages)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the diagnosis of the stages that failed says, root cause first."""
        return tuple(
            problem
            for stage in self.stages
            if stage.status is Status.FAILED and stage.details.diagnosis is not None
            for problem in stage.details.diagnosis.problems
            if not problem.follows
        )


class CheckReport(_Model):
    """The checks of one target: what `dist/VERSION/TARGET/check.json` holds."""

    schema_version: int = 1
    debwright: str
    target: str
    packages: dict[str, str] = {}
    """File name of each checked package to its SHA-256."""
    status: Status
    """`skipped` when nothing failed, but the packages were not seen to work either."""
    reason: str | None = None
    """What was not seen then."""
    checks: tuple[CheckResult, ...] = ()


class CompanionResult(TargetResult):
    """A package that is built once together with the product; `target` is its name."""

    version: str
    root: str
    """The target it was built on, as `bookworm-amd64`."""
    source: str
    """Its directory, as debwright.toml names it."""


class RunResult(_Model):
    """A whole run: what `dist/VERSION/report.json` holds."""

    schema_version: int = 1
    debwright: str
    package: str
    version: str
    started: datetime
    seconds: float
    host: str
    """Architecture and distribution of the machine, as `amd64 debian 12`; never its name."""
    commit: str | None = None
    stages: tuple[StageResult, ...] = ()
    """Stages that are not of one target: plan, source, publish, report."""
    companions: tuple[CompanionResult, ...] = ()
    targets: tuple[TargetResult, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    signing_key: str | None = None
    signing_note: str | None = None
    apt_sources: str | None = None
    """The deb822 `.sources` text to install from the published repository."""
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[TargetResult, ...]:
        """Companions and targets: everything that was built, in order."""
        return (*self.companions, *self.targets)

    @property
    def ok(self) -> bool:
        return all(t.ok for t in self.parts) and all(
            s.status is not Status.FAILED for s in self.stages
        )
