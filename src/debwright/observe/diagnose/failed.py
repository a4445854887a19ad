"""What a failed stage leaves behind so that it can be stood in again: failed.json."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from debwright.host.files import atomic_write
from debwright.model.diagnosis import Reproduction
from debwright.model.errors import DebwrightError, Evidence

NAME = "failed.json"
LIMIT = 1 << 20


class FailedStage(BaseModel):
    """How the stage was run. Names and options only: a log or artifact may come from elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    target: str
    stage: str
    strategy: str
    command: tuple[str, ...] = ()
    directory: str | None = None
    """Where it ran, inside the root."""
    environment: dict[str, str] = {}
    layer: str | None = None
    dsc: str | None = None
    """Name of the source package beside this file."""

    @field_validator("command")
    @classmethod
    def _shown_at_a_prompt(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        """A line feed would run the command, and an escape sequence rewrite what is seen of it."""
        return tuple("".join(c if c.isprintable() else " " for c in word) for word in words)

    def reproduction(self, *, artifact: str | None = None) -> Reproduction:
        """The command that opens the same environment; `artifact` is where this was read from."""
        import shlex

        words = ["debwright", "shell", self.target, "--failed"]
        if artifact:
            words += ["--from", artifact]
        return Reproduction(
            command=shlex.join(words), run=shlex.join(self.command) if self.command else None,
            target=self.target, strategy=self.strategy, layer=self.layer,
        )  # fmt: skip


def write_record(directory: Path, record: FailedStage) -> None:
    """Leave it in the target's directory. Raises OSError."""
    atomic_write(directory / NAME, record.model_dump_json(indent=2) + "\n")


def read_record(directory: Path) -> FailedStage | None:
    """The record in a target's directory; None when nothing failed there. Raises DebwrightError."""
    path = directory / NAME
    try:
        with path.open("rb") as file:
            return FailedStage.model_validate_json(file.read(LIMIT))
    except FileNotFoundError:
        return None
    except ValidationError as problem:
        raise DebwrightError(
            f"{NAME} is not debwright's", evidence=[Evidence(text=str(problem)[:300], file=NAME)],
            fix="debwright build, which writes it anew",
        ) from problem  # fmt: skip


def forget_record(directory: Path) -> None:
    """Nothing has failed there any more."""
    (directory / NAME).unlink(missing_ok=True)
