"""Tables of what is checked: places of files, limits, the release before, waivers."""

from datetime import date
from fnmatch import fnmatchcase
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


class Limits(Section):
    """What a package may weigh and take."""

    exposure: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = Field(
        None,
        description="Exposure level (systemd-analyze(1), `security`; 0 is the best, 10 the worst) "
        "the unit may have at most.",
    )
    deb_mb: v.Megabytes | None = Field(
        None, description="Megabytes (10^6 bytes) a .deb may have at most."
    )
    installed_mb: v.Megabytes | None = Field(
        None, description="Megabytes (10^6 bytes) a package may take at most once installed."
    )
    start_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="Seconds after which a start that still succeeds is reported as too slow.",
    )


class Waiver(Section):
    """A finding that is known and accepted until a day."""

    code: v.FindingCode = Field(
        description="The finding's code, or an fnmatch pattern of codes, as lintian/no-manual-page."
    )
    target: v.Line = Field("*", description="fnmatch pattern of the targets it counts for.")
    reason: v.Line = Field(description="Why it is accepted.")
    until: v.Day = Field(description="The last day on which it counts, as 2027-01-31.")

    def covers(self, code: str, target: str, today: date) -> bool:
        """Whether the waiver excuses the finding `code` on `target` on the day `today`."""
        return today <= self.until and self.is_of(code) and self.is_for(target)

    def is_of(self, code: str) -> bool:
        return fnmatchcase(code, self.code)

    def is_for(self, target: str) -> bool:
        return fnmatchcase(target, self.target)


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


class Install(Section):
    """What is installed together, and the answers to debconf's questions."""

    packages: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        [],
        description="Names of packages, or fnmatch patterns of them, that are installed together. "
        "`[[install]]` may be repeated: each set is checked apart. Default: all packages, or where "
        "some conflict, as few sets as that takes.",
    )
    debconf: dict[v.Line, str | bool | int] = Field(
        {},
        description="Answers to debconf's questions (debconf-set-selections(1)), by the name of "
        "the question; the type is that of the package's template.",
    )
    preseed: v.Line | None = Field(
        None,
        description="File with further answers in the format of debconf-set-selections(1), "
        "relative to this file.",
    )


class Upgrade(Section):
    """Coming from the previous release, and going back to it."""

    previous: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        [],
        description="The previous release's .deb files, each a path or glob pattern relative to "
        "this file; default: the newest older version that the APT repository below dist/ has.",
    )
    versions: int = Field(
        4,
        ge=0,
        le=50,
        description="How many versions before the previous release are upgraded from, too, each on "
        "a system of its own; 0 for none.",
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
