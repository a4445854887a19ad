"""The model of debwright.toml: every key, its default, what it accepts and what it is for.

The reference of the configuration is made from these descriptions.
"""

from datetime import date
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from debwright.config import values as v
from debwright.targets import Strategy

StrategyName = Literal["auto", "native", "cross", "emulated"]
Level = Literal["error", "warn", "off"]
LintianSeverity = Literal["error", "warning", "info", "pedantic", "experimental", "override"]

_RESERVED_VARIABLES = {
    "DEB_BUILD_OPTIONS": "list them in build.options",
    "DEB_BUILD_PROFILES": "list them in build.profiles",
    "SOURCE_DATE_EPOCH": "leave it out: it is the time of the last changelog entry",
}


class Section(BaseModel):
    """Base of all tables: nothing unknown, nothing converted, nothing changed later."""

    # Strict, because TOML has types: a port written as "80" is a mistake worth hearing of.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Package(Section):
    """What is built."""

    source: v.Line = Field(
        ".",
        description="Directory that holds debian/, or a .dsc file; relative to this file.",
    )
    version_from: Literal["git", "changelog"] = Field(
        "git",
        description="Where the version comes from: the repository's release tags, or the first "
        "entry of debian/changelog.",
    )
    tag_prefix: v.TagPrefix = Field(
        "v", description="What a release tag has before its version, as in v1.2.3."
    )
    exclude: list[v.Line] = Field(
        [], description="fnmatch patterns of paths left out of the orig tarball."
    )


class Targets(Section):
    """What it is built for, and how."""

    build: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        ["bookworm-amd64", "bookworm-arm64"],
        min_length=1,
        description="Targets, each SUITE-ARCH.",
    )
    strategy: StrategyName = Field(
        "auto",
        description="How targets are built: auto takes the first that works of native, cross "
        "and emulated.",
    )
    fallback: bool = Field(
        True, description="Whether a failed cross build is tried once more under emulation."
    )
    jobs: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Targets worked on at the same time; default: the number of processor "
        "cores, at most the number of targets.",
    )


class Suite(Section):
    """Where a suite comes from. Known suites need no entry."""

    mirror: v.Mirror | None = Field(
        None, description="URL of the archive; default: mmdebstrap's own for the suite."
    )
    keyring: v.Line | None = Field(
        None,
        description="Path of the archive's keyring, relative to this file; default: where the "
        "distribution's keyring package puts it.",
    )
    components: Annotated[list[v.Component], AfterValidator(v.no_repeats)] = Field(
        ["main"], min_length=1, description="Components of the archive that are used."
    )
    security: bool = Field(
        True, description="Whether the suite's security updates are used, where it has them."
    )
    extra_sources: list[v.AptSource] = Field(
        [], description="Further lines of sources.list for the suite's roots."
    )
    distribution: v.Component | None = Field(
        None,
        description="The distribution a suite unknown to debwright belongs to, as debian; it "
        "counts as Debian's by default.",
    )


class Service(Section):
    """The service that must start, answer and stop on a booted root of every target."""

    unit: v.Unit = Field(description="Its systemd unit; `.service` may be left out.")
    health_url: v.HttpUrl | None = Field(
        None, description="URL that answers once the service is up, as seen from inside."
    )
    expect_status: int = Field(
        200, ge=100, le=599, description="HTTP status the health URL must answer with."
    )
    expect_body: str | None = Field(
        None, min_length=1, description="Text that must occur in the health URL's answer."
    )
    start_seconds: v.Seconds = Field(
        30, description="Seconds the service may take until it is healthy."
    )
    memory_mb: v.Megabytes | None = Field(
        None, description="Megabytes (10^6 bytes) it may use at most once it is healthy."
    )
    smoke: list[v.Script] = Field(
        [],
        description="Commands run on the booted system with `sh -c` once the service is healthy; "
        "each must exit with status 0.",
    )
    user: v.UserName | None = Field(None, description="The user its processes must run as.")
    ports: Annotated[list[v.PortText], AfterValidator(v.no_repeats)] = Field(
        [],
        description="Where it must listen, and nowhere else: ADDRESS:PORT/PROTOCOL, as "
        "127.0.0.1:8080/tcp, [::1]:53/udp or *:80/tcp. Not looked at when empty.",
    )
    stop_seconds: v.Seconds = Field(15, description="Seconds it may take to stop.")


class Lintian(Section):
    """What lintian is asked, and which of its answers count."""

    enabled: bool = Field(True, description="Whether lintian is run.")
    pedantic: bool = Field(False, description="Whether pedantic tags are shown, too.")
    fail_on: Annotated[list[LintianSeverity], AfterValidator(v.no_repeats)] = Field(
        ["error"], description="Severities of lintian's tags that fail the check."
    )
    suppress: Annotated[list[v.TagName], AfterValidator(v.no_repeats)] = Field(
        [], description="Tags that are not reported."
    )


class Limits(Section):
    """What a package may weigh and take."""

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
        return (
            today <= self.until
            and fnmatchcase(code, self.code)
            and fnmatchcase(target, self.target)
        )


class Signing(Section):
    """The key that signs. Without one a throw-away key is made for the run."""

    key: v.Fingerprint | None = Field(None, description="Fingerprint of the key, 40 hex digits.")
    home: v.Line | None = Field(
        None,
        description="GNUPGHOME that holds the key, relative to this file; default: gpg's own.",
    )
    passphrase_env: v.VariableName | None = Field(
        None, description="Name of the environment variable that holds the key's passphrase."
    )


class Repository(Section):
    """The APT repository that is written."""

    path: v.PathBelowDist = Field("apt", description="Its directory, below dist/.")
    origin: v.Line | None = Field(
        None, description="Origin in its Release files; default: the source package's name."
    )
    label: v.Line | None = Field(
        None, description="Label in its Release files; default: the origin."
    )
    description: v.Line | None = Field(None, description="Description in its Release files.")
    component: v.Component = Field("main", description="The component packages are put into.")
    url: v.HttpUrl | None = Field(
        None,
        description="Where it will be served; the printed .sources names it. Default: its path "
        "on this machine.",
    )
    keep: int = Field(
        0, ge=0, description="Versions of each package that are kept, newest first; 0: all."
    )
    codename_suffix: v.CodenameSuffix = Field(
        "", description="What is added to a suite's name to make the repository's codename."
    )


class Release(Section):
    """The release on the hosting service."""

    provider: Literal["github"] = Field("github", description="The hosting service.")
    repository: v.GithubRepository | None = Field(
        None, description="owner/name; default: that of the git remote `origin`."
    )
    draft: bool = Field(True, description="Whether the release is left as a draft to be reviewed.")
    prerelease: v.AutoOrBool = Field(
        "auto",
        description="Whether it is marked as a pre-release; auto: when its tag is one, as "
        "v1.2.3-rc1.",
    )
    notes_file: v.Line | None = Field(
        None,
        description="File with the release notes, relative to this file; default: made from "
        "the commits.",
    )


class Metrics(Section):
    """What is remembered of runs, and when it is an alarm."""

    enabled: bool = Field(True, description="Whether runs are remembered.")
    path: v.Line | None = Field(
        None, description="Where, relative to this file; default: below dist/."
    )
    success_percent: v.Percent = Field(
        95, description="Share of successful runs below which there is an alarm."
    )
    duration_growth_percent: v.Growth = Field(
        50, description="Growth of a stage's time over its median that is an alarm."
    )
    size_growth_percent: v.Growth = Field(
        10, description="Growth of a package's size over its median that is an alarm."
    )
    window_days: int = Field(30, ge=1, le=3650, description="Days whose runs are looked at.")


class Roots(Section):
    """The root file systems that builds and checks begin from."""

    max_age_days: int = Field(
        7, ge=0, le=3650, description="Days after which a root is made anew; 0: for every run."
    )
    variant_extra_packages: Annotated[list[v.PackageName], AfterValidator(v.no_repeats)] = Field(
        [], description="Packages every root has beyond mmdebstrap's minbase variant."
    )


class Cache(Section):
    """What is kept between runs."""

    max_gb: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        20, description="Gigabytes (10^9 bytes) the cache may have at most."
    )


class Build(Section):
    """How packages are built. A build never has a network, and no key gives it one."""

    environment: Annotated[
        dict[str, v.EnvironmentValue],
        AfterValidator(v.environment_names(_RESERVED_VARIABLES)),
    ] = Field({}, description="Variables set for dpkg-buildpackage.")
    profiles: Annotated[list[v.Profile], AfterValidator(v.no_repeats)] = Field(
        [], description="Build profiles (DEB_BUILD_PROFILES)."
    )
    options: Annotated[list[v.BuildOption], AfterValidator(v.no_repeats)] = Field(
        [], description="Build options (DEB_BUILD_OPTIONS)."
    )
    timeout_minutes: int = Field(
        120, ge=1, le=10080, description="Minutes after which a build is stopped as failed."
    )


class Config(Section):
    """A whole configuration; an empty file gives the defaults."""

    package: Package = Field(Package(), description="What is built.")
    targets: Targets = Field(Targets(), description="What it is built for, and how.")
    suites: dict[str, Suite] = Field(
        {}, description="Where a suite comes from; known suites need no entry."
    )
    service: Service | None = Field(
        None,
        description="The service that must start and answer; without it a package is installed "
        "and removed only.",
    )
    lintian: Lintian = Field(
        Lintian(), description="What lintian is asked, and which of its answers count."
    )
    checks: dict[str, Level] = Field(
        {},
        description="A check's name to error (its findings fail the target), warn or off.",
    )
    limits: Limits = Field(Limits(), description="What a package may weigh and take.")
    secrets: bool = Field(
        True, description="Whether packages are searched for keys, tokens and passwords."
    )
    waivers: list[Waiver] = Field(
        [], description="Findings that are known and accepted until a day."
    )
    signing: Signing = Field(Signing(), description="The key that signs.")
    repository: Repository = Field(Repository(), description="The APT repository.")
    release: Release = Field(Release(), description="The release on the hosting service.")
    metrics: Metrics = Field(
        Metrics(), description="What is remembered of runs, and when it is an alarm."
    )
    roots: Roots = Field(Roots(), description="The root file systems that are built in.")
    cache: Cache = Field(Cache(), description="What is kept between runs.")
    build: Build = Field(Build(), description="How packages are built.")

    @property
    def strategy(self) -> Strategy:
        """`targets.strategy` as the type the rest of debwright uses."""
        return Strategy(self.targets.strategy)
