"""What is remembered of one run, as one line of JSON: the form in which machines exchange it.

Lines come from other machines and from a branch that others can write to, so every text has a
limit and no control characters. Two lines of one id are one thing: the one with the higher
revision counts and, of equal revisions, the one with the higher digest, so that merging gives the
same in any order and however often.
"""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from debwright.model.errors import printable

SCHEMA = 1

_PLAIN = r"^[^\x00-\x1f\x7f-\x9f]*$"
Name = Annotated[str, Field(max_length=200, pattern=_PLAIN)]
Text = Annotated[str, Field(max_length=600, pattern=_PLAIN)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Result = Literal["passed", "cached", "failed", "skipped"]


def _moment(at: datetime) -> datetime:
    """In UTC, the same on every machine, and at a time when there are builds."""
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    if not 2000 <= at.year < 2200:
        raise ValueError("no build was made in that year")
    return at.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_moment)]

MOST_STAGES = 40
MOST_TARGETS = 200
MOST_NAMES = 300


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageRecord(_Model):
    """One stage; what it cost counts for the run that did it, not for one that found it done."""

    name: Name
    status: Result
    seconds: Seconds = 0.0
    cpu_seconds: Seconds | None = None
    peak_memory_bytes: Count | None = None
    written_bytes: Count = 0
    fetched_bytes: Count = 0
    layers_found: Count = 0
    layers_made: Count = 0
    retries: Count = 0
    code: Name | None = None
    """Of the finding it failed with."""


class Problem(_Model):
    """What a diagnosis says of a failure."""

    code: Name
    title: Text
    confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class TargetRecord(_Model):
    """One target, or one companion, of a run."""

    target: Name
    strategy: Name
    result: Result
    infrastructure: bool = False
    """It failed for the machine or the network, which says nothing about the package."""
    companion: bool = False
    stages: Annotated[tuple[StageRecord, ...], Field(max_length=MOST_STAGES)] = ()
    checks: Annotated[dict[Name, Result], Field(max_length=MOST_NAMES)] = {}
    flaky: Annotated[tuple[Name, ...], Field(max_length=MOST_NAMES)] = ()
    """Codes of findings that say that something worked at the second try only."""
    findings: Annotated[dict[Name, Count], Field(max_length=MOST_NAMES)] = {}
    """Code of an error or a warning to how many there were."""
    errors: Count = 0
    warnings: Count = 0
    measurements: Annotated[dict[Name, Number], Field(max_length=MOST_NAMES)] = {}
    """As `service.memory_bytes`: check and measurement."""
    packages: Annotated[dict[Name, Count], Field(max_length=MOST_NAMES)] = {}
    """Bytes of each binary package."""
    failed_stage: Name | None = None
    code: Name | None = None
    message: Text | None = None
    next: Text | None = None
    """The command to type."""
    problems: Annotated[tuple[Problem, ...], Field(max_length=20)] = ()

    @property
    def seconds(self) -> float:
        """Of the stages that were done, not found done."""
        return sum(s.seconds for s in self.stages if s.status != "cached")


class RunRecord(_Model):
    """One run of debwright, or one run of a workflow as the hosting service tells it."""

    record: Literal["run"]
    schema_version: Literal[1] = 1
    id: Name
    revision: Count = 0
    source: Literal["debwright", "github"] = "debwright"
    package: Name
    version: Name = ""
    debwright: Name = ""
    commit: Name | None = None
    branch: Name | None = None
    ci: Name | None = None
    """Run and attempt on the hosting service, as `github:example/greeter:123:1`."""
    url: Text | None = None
    started: Moment
    seconds: Seconds
    machine: Name
    """Its class, as `amd64 2 cores 8 GiB debian 12`; nothing that names it."""
    result: Result
    queue_seconds: Seconds | None = None
    """How long it waited for a machine, or its targets for their turn."""
    peak_memory_bytes: Count | None = None
    """Of debwright itself."""
    disk_bytes: Count | None = None
    """What the run's results take."""
    cache_bytes: Count | None = None
    stages: Annotated[tuple[StageRecord, ...], Field(max_length=MOST_STAGES)] = ()
    """Those of the run as a whole: source, publish."""
    targets: Annotated[tuple[TargetRecord, ...], Field(max_length=MOST_TARGETS)] = ()


class AlertRecord(_Model):
    """A problem that was or is there, and who has been told of it."""

    record: Literal["alert"]
    schema_version: Literal[1] = 1
    id: Name
    """`alert:` and the problem's key: rule and what it is about."""
    revision: Count
    """Grows with every change."""
    rule: Name
    open: bool
    title: Text
    text: Annotated[str, Field(max_length=4000)]
    since: Moment
    told: Annotated[dict[Name, bool], Field(max_length=10)] = {}
    """Who was told to the state that they were told: True for there, False for resolved."""


Record = RunRecord | AlertRecord
_ADAPTER: TypeAdapter[Record] = TypeAdapter(
    Annotated[RunRecord | AlertRecord, Field(discriminator="record")]
)


def parse(line: str | bytes) -> Record:
    """One line. Raises pydantic's ValidationError, a ValueError."""
    return _ADAPTER.validate_json(line)


def dump(record: Record) -> str:
    """One line, the same for equal records. What is as by default is left out."""
    return record.model_dump_json(exclude_defaults=True)


def digest(line: str) -> bytes:
    return hashlib.sha256(line.encode("utf-8", "backslashreplace")).digest()[:16]


def plain(text: str, limit: int) -> str:
    """Text as a record may hold it: one line, nothing invisible, not too long."""
    line = " ".join(printable(text).split())
    line = "".join(c for c in line if c.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"
