"""What each stage says of its work: the typed `details` of a stage's result.

A stage of another version of debwright may say more or less than these: what is unknown is kept
where the stage itself is unknown, and left out elsewhere.
"""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from debwright.model.diagnosis import Diagnosis
from debwright.model.errors import ExitCode

T = TypeVar("T")
Said = Annotated[T | None, Field(exclude_if=lambda value: value is None)]
"""What is in the file only where there is something to say."""


class StageDetails(BaseModel):
    """What any stage may say."""

    # Built with the results that hold them, and not each by itself before.
    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    log: Said[str] = None
    """Path of the log below dist/."""
    exit_code: Said[ExitCode] = None
    """What the process ends with for this stage's sake."""
    diagnosis: Said[Diagnosis] = None
    """What the log of a stage that failed says of the cause."""
    unproven: Said[str] = None
    """Why the packages were not seen to work, though nothing failed."""
    done_by: Said[str] = None
    """The target that does this stage for it: all packages are of architecture `all`."""

    @field_validator("diagnosis", mode="before")
    @classmethod
    def _of_this_version(cls, value: Any) -> Any:
        """A diagnosis in another version's form is left out: the stage's own error stands."""
        if not isinstance(value, dict):
            return value
        try:
            return Diagnosis.model_validate(value)
        except ValidationError:
            return None


class _Known(StageDetails):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Wheelhouse(_Known):
    """The wheelhouse that a source package carries."""

    digest: str
    files: int
    bytes: int
    seconds: float


class CarriedComponent(Wheelhouse):
    """Another component of the source package that was fetched before the build."""

    name: str


class SourceDetails(_Known):
    version: Said[str] = None
    wheelhouse: Said[Wheelhouse] = None
    carried: Annotated[tuple[CarriedComponent, ...], Field(exclude_if=lambda c: not c)] = ()


class CompiledWheel(BaseModel):
    """A wheel that was compiled for a build, and how."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    name: str
    version: str
    how: str | None = None
    suite: str | None = None
    python: str | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    size: int | None = None
    note: str | None = None
    cached: bool = False


class BuildDetails(_Known):
    strategy: Said[str] = None
    layer: Said[str] = None
    """The id of the layer with the build dependencies."""
    log_lines: Said[int] = None
    wheels: Annotated[tuple[CompiledWheel, ...], Field(exclude_if=lambda w: not w)] = ()


class TestingDetails(_Known):
    emulated: bool = False


class SbomDetails(_Known):
    components: int = 0
    bundled: int = 0


class CheckDetails(_Known):
    """Of the check stage, and of the checks that are stages of their own."""

    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    waited_seconds: Said[float] = None
    """For memory and cores that other targets had."""
    files: Annotated[tuple[str, ...], Field(exclude_if=lambda f: not f)] = ()
    """Packages that were given as files, and not built here."""


class PublishDetails(_Known):
    publication: Said[int] = None
    added: tuple[str, ...] = ()
    fingerprint: Said[str] = None
    note: Said[str] = None
    """How it is signed."""
    stores: Annotated[tuple[str, ...], Field(exclude_if=lambda s: not s)] = ()


Details = (
    SourceDetails | BuildDetails | TestingDetails | SbomDetails | CheckDetails | PublishDetails
    | StageDetails
)  # fmt: skip

_OF: dict[str, type[StageDetails]] = {
    "source": SourceDetails,
    "build": BuildDetails,
    "test": TestingDetails,
    "sbom": SbomDetails,
    "check": CheckDetails,
    "reproducible": CheckDetails,
    "equivalence": CheckDetails,
    "publish": PublishDetails,
}


def details_of(stage: str, data: Any) -> StageDetails:
    """The details of a stage as a file has them; a stage that is not known keeps what it says."""
    return _OF.get(stage, StageDetails).model_validate(data)
