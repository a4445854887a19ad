"""What a diagnosis says."""

import hashlib
import re
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
_DIRECTORIES = re.compile(r"(?:/[\w.+~@-]+)+/")


class _Model(BaseModel):
    # Built with the stage's details, when there are any.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Category(StrEnum):
    """The first digit of a code."""

    BUILD = "build"
    VALIDATION = "validation"
    INFRASTRUCTURE = "infrastructure"

    @classmethod
    def of(cls, code: int) -> "Category":
        return {1: cls.BUILD, 2: cls.VALIDATION, 3: cls.INFRASTRUCTURE}[code // 1000]


class Line(_Model):
    """A line of the log; `number` counts from 1. `text` is without colour and time."""

    number: int
    text: str


class Problem(_Model):
    """One thing that is wrong."""

    code: int
    """Stable: 1xxx build, 2xxx validation, 3xxx infrastructure."""
    name: str
    category: Category
    title: str
    cause: str
    confidence: int
    """Per cent: how often this reading of such a line is the right one."""
    evidence: tuple[Line, ...]
    count: int = 1
    """Lines that say the same."""
    fix: tuple[str, ...] = ()
    """Commands, and where none can help, what to change; in order."""
    page: str
    """The documentation of the code, from the top of the project."""
    details: dict[str, str] = {}
    follows: bool = False
    """Whether it comes of a problem that stands before it, or was met and survived."""

    @property
    def fingerprint(self) -> str:
        """The same for the same problem in another run: without numbers and directories."""
        said = [f"{k}={_DIRECTORIES.sub('/', v)}" for k, v in sorted(self.details.items())]
        text = "\n".join([str(self.code), *(_NUMBERS.sub("N", s) for s in said)])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Reproduction(_Model):
    """How to stand where it broke."""

    command: str
    """The `debwright shell` that opens the root, the layer and the sources."""
    run: str | None = None
    """The command that failed, as the shell has it at its prompt."""
    target: str
    strategy: str | None = None
    layer: str | None = None
    """The id of the layer of build dependencies."""


class Diagnosis(_Model):
    """What can be said of one log."""

    schema_version: int = 1
    source: str
    problems: tuple[Problem, ...] = ()
    """Most likely root cause first. Empty: nothing is known of it."""
    failed: bool
    """Whether the log tells of a failure at all."""
    unexplained: tuple[Line, ...] = ()
    """Where no rule knows the cause: the lines that tell of the failure."""
    lines: int = 0
    size: int = 0
    """Bytes of the log."""
    reproduce: Reproduction | None = None

    @property
    def root(self) -> Problem | None:
        return self.problems[0] if self.problems else None
