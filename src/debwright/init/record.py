"""What `init` wrote and was answered the last time: debian/.debwright-init.json.

ucf(1) keeps what a package last put into each file of /etc, and copier keeps the answers: with
both, what a person has changed can be told from what has changed in the project. The file is in
debian/, which no upstream tarball has and where no build takes it up, and is to be committed.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from debwright.model.errors import Evidence, UsageError

RECORD = "debian/.debwright-init.json"
SIZE_LIMIT = 4 * 1024 * 1024
ABOUT = "What `debwright init` wrote, so that it can tell what you changed. Commit it."


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in path:
        raise ValueError(f"{path!r} is not a path inside the project")
    return path


class Record(BaseModel):
    """The state that a run of `init` left."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ecosystem: str
    answers: Mapping[str, str] = Field(default_factory=dict)
    workflows: bool | None = None
    """Whether workflows are `init`'s to write; None when nobody said so."""
    begun: AwareDatetime
    """When `init` ran first: what it writes has that date, so that a second run writes the same."""
    files: Mapping[Annotated[str, AfterValidator(_inside)], str] = Field(default_factory=dict)
    """The text of each file as `init` wrote it."""


def read_record(directory: Path) -> Record | None:
    """The record of the project in `directory`. Raises UsageError for one that is damaged."""
    path = directory / RECORD
    try:
        with path.open("rb") as file:
            return Record.model_validate_json(file.read(SIZE_LIMIT))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(
            f"{RECORD} cannot be read",
            evidence=[Evidence(text=first["msg"], file=RECORD)],
            cause="a merge left it with conflicts, or it was edited",
            fix=f"git checkout HEAD -- {RECORD}",
        ) from error


def record_text(record: Record) -> str:
    """The record as its file: one line a file, so that git's diffs and merges keep them apart."""
    data = {"about": ABOUT, **json.loads(record.model_dump_json())}
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def begun_now() -> datetime:
    """The time, in whole seconds, or what SOURCE_DATE_EPOCH says."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdecimal() and len(epoch) <= len("9999999999"):
        return datetime.fromtimestamp(int(epoch), UTC)
    return datetime.now(UTC).replace(microsecond=0)
