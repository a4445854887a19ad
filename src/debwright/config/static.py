"""Tables of where packages may put files, and of what targets may take together."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Section

Level = Literal["error", "warn", "off"]

_ABSOLUTE = "an absolute path without `..`, as /srv/www"


def _absolute(value: str) -> str:
    if not value.startswith("/") or ".." in value.split("/") or not value.isprintable():
        raise v.refused(f"{v.quoted(value)} is not acceptable", expected=_ABSOLUTE)
    return value


AbsolutePath = Annotated[str, AfterValidator(_absolute)]


class Files(Section):
    """Where packages may put files, and what must not stand in them."""

    usr_local: Level = Field("error", description="How a file below /usr/local counts.")
    home: Level = Field("error", description="How a file below /home counts.")
    opt: Level = Field(
        "warn", description="How a file below /opt counts: it is for software of other vendors."
    )
    allow: Annotated[list[AbsolutePath], AfterValidator(v.no_repeats)] = Field(
        [], description="Directories the package may use though packages usually do not."
    )
    accounts: Level = Field(
        "warn", description="How an account counts that stays when the package is purged."
    )
    build_paths: Level = Field(
        "warn",
        description="How a file counts that holds the path of a build directory or of somebody's "
        "home.",
    )


class Resources(Section):
    """What the targets worked on at the same time may take together."""

    memory_mb: v.Megabytes | None = Field(
        None,
        description="Megabytes (10^6 bytes) for booted systems; default: four fifths of what is "
        "free at the start.",
    )
    check_memory_mb: v.Megabytes | None = Field(
        None,
        description="Megabytes one target's checks are counted with; default: 400, more under "
        "emulation, and the service's memory_mb.",
    )
    cores: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Targets that are checked at the same time at most; default: one for each "
        "processor core.",
    )
