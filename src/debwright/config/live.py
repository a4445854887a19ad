"""The table of the release before."""

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
