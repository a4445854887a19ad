"""Tables of the live checks that compare: with the previous release, and with itself."""

from typing import Annotated

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Section


class Upgrade(Section):
    """Coming from the previous release, and going back to it."""

    previous: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        [],
        description="The previous release's .deb files, each a path or glob pattern relative to "
        "this file; default: the newest older version that the APT repository below dist/ has.",
    )
    from_release: bool = Field(
        False,
        description="Whether GitHub's releases are looked through when that repository has no "
        "older version; needs GITHUB_TOKEN.",
    )
    prepare: list[v.Script] = Field(
        [],
        description="Commands run with `sh -c` while the previous release runs, to give it data.",
    )
    verify: list[v.Script] = Field(
        [],
        description="Commands run with `sh -c` after the upgrade; each must exit with status 0, "
        "as one that finds the data again.",
    )


class Minimum(Section):
    """What may be expected of the service when nothing recommended is there."""

    expect_body: str | None = Field(
        None,
        min_length=1,
        description="Text that must occur in the health URL's answer then, instead of [service]'s.",
    )
    smoke: list[v.Script] | None = Field(
        None, description="Smoke commands that must work then, instead of all others."
    )


class Regression(Section):
    """How much worse than the previous release a package may be."""

    deb_percent: v.Growth = Field(25, description="Growth of the .deb files that is an error.")
    installed_percent: v.Growth = Field(
        25, description="Growth of the space they take once installed that is an error."
    )
    start_percent: v.Growth = Field(
        100, description="Growth of the start-up time that is an error, from half a second on."
    )
    memory_percent: v.Growth = Field(
        50, description="Growth of the memory that is an error, from 4 megabytes on."
    )


class Benchmarks(Section):
    """What is measured of the running service."""

    runs: int = Field(3, ge=1, le=50, description="Starts that are timed.")
    requests: int = Field(
        10, ge=1, le=1000, description="Requests to the health URL that are timed."
    )
    idle_seconds: v.Pause = Field(
        2, description="Seconds without a request, after which the memory is looked at."
    )
    emulated: bool = Field(
        False, description="Whether to measure under an emulator, too, which says little."
    )
