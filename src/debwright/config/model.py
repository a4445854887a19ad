"""The model of debwright.toml: every key, its default, what it accepts and what it is for.

The reference of the configuration is made from these descriptions.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
)

from debwright.config import values as v
from debwright.config.checking import (
    Files,
    Install,
    Level,
    Limits,
    Resources,
    Upgrade,
    Waiver,
)
from debwright.config.contents import PackageFile
from debwright.config.declared import everything, model_for, with_tables
from debwright.config.publishing import Release, Repository, Signing
from debwright.config.section import (
    Formerly,
    OneOrMore,
    Problem,
    Raw,
    Section,
    Table,
    default,
    one_or_more,
)
from debwright.config.service import Service
from debwright.config.wheelhouse import Wheelhouse
from debwright.model.targets import Strategy

StrategyName = Literal["auto", "native", "cross", "emulated"]

_RESERVED_VARIABLES = {
    "DEB_BUILD_OPTIONS": "list them in build.options",
    "DEB_BUILD_PROFILES": "list them in build.profiles",
    "SOURCE_DATE_EPOCH": "leave it out: it is the time of the last changelog entry",
}


def _switch(check: str) -> Callable[[Any], dict[str, str]]:
    """An old switch of a check, as `[checks]` has it today."""
    return lambda on: {} if on else {check: "off"}


def _units(services: list[Service]) -> list[Service]:
    v.no_repeats([one.unit for one in services])
    return services


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
    files: list[PackageFile] = Field(
        [],
        description="What the package has as it is, for a project without a build. debian/rules "
        "includes debian/package-files.mk, which debwright writes into the source package.",
    )

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        source = raw.get("source")
        if not isinstance(source, str) or not source.endswith(".dsc"):
            return
        if raw.get("version_from") == "git":
            yield Problem(
                path=("version_from",),
                what=f"{source} has a version of its own",
                expected="no version_from together with a .dsc file",
                fix="remove `version_from`",
            )
        if raw.get("exclude"):
            yield Problem(
                path=("exclude",),
                what=f"{source} comes with its orig tarball: nothing can be left out of it",
                expected="no exclude together with a .dsc file",
                fix="remove `exclude`",
            )


class Companion(Section):
    """A package of architecture `all` that the product needs: data, models, documentation."""

    source: v.Line = Field(
        description="Its directory, with debian/ (and debwright.toml) of its own; relative to "
        "this file.",
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
    python: v.PythonVersion | None = Field(
        None, description="Version of the suite's python3, as 3.12.3; known for known suites."
    )
    glibc: v.GlibcVersion | None = Field(
        None, description="Version of the suite's C library, as 2.39; known for known suites."
    )

    def seen_from(self, directory: Path) -> Self:
        """The same, with the paths of keys relative to `directory` made absolute.

        apt and mmdebstrap are run elsewhere, and take a relative `signed-by` for a fingerprint.
        """

        def absolute(option: re.Match[str]) -> str:
            keys = option[1].split(",")
            files = (str(directory / k) if (directory / k).is_file() else k for k in keys)
            return f"signed-by={','.join(files)}"

        sources = [
            re.sub(r"(?<=[\[ ])signed-by=([^]\s]+)", absolute, s) for s in self.extra_sources
        ]
        keyring = str(directory / self.keyring) if self.keyring else None
        return self.model_copy(update={"keyring": keyring, "extra_sources": sources})


class Roots(Section):
    """The root file systems that builds and checks begin from."""

    max_age_days: int = Field(
        7, ge=0, le=3650, description="Days after which a root is made again; 0: for every run."
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


class Notify(Section):
    """Who gets news. A message that cannot be sent fails no release, and is reported."""


class Config(Section):
    """A whole configuration; an empty file gives the defaults."""

    package: Package = Field(default(Package), description="What is built.")
    targets: Targets = Field(default(Targets), description="What it is built for, and how.")
    suites: dict[str, Suite] = Field(
        {}, description="Where a suite comes from; known suites need no entry."
    )
    companions: list[Companion] = Field(
        [],
        description="Packages of architecture all that are built once, checked with the product "
        "and published next to it in every suite.",
    )
    service: Annotated[
        list[Service], OneOrMore(), BeforeValidator(one_or_more), AfterValidator(_units)
    ] = Field(
        [],
        description="A unit that must start and answer; without one a package is installed and "
        "removed only. `[[service]]` may be repeated, the main one first: numbers are measured of "
        "that, and all of them must be well.",
    )
    install: Annotated[list[Install], OneOrMore(), BeforeValidator(one_or_more)] = Field(
        [], description="What is installed together, and the answers to debconf's questions."
    )
    smoke: list[v.Script] = Field(
        [],
        description="Commands run with `sh -c` on the booted system once the packages are "
        "installed; each must exit with status 0. For packages without a service.",
    )
    checks: Annotated[
        dict[str, Level],
        Formerly("lintian.enabled", _switch("lintian"), 'checks.lintian = "off"'),
        Formerly("secrets", _switch("secrets"), 'checks.secrets = "off"'),
    ] = Field(
        {},
        description="A check's name to error (its findings fail the target), warn or off.",
    )
    limits: Limits = Field(default(Limits), description="What a package may weigh and take.")
    files: Files = Field(default(Files), description="Where packages may put files.")
    resources: Resources = Field(
        default(Resources),
        description="What targets worked on at the same time may take together.",
    )
    upgrade: Upgrade = Field(
        default(Upgrade), description="Coming from the previous release, and going back to it."
    )
    waivers: list[Waiver] = Field(
        [], description="Findings that are known and accepted until a day."
    )
    signing: Signing = Field(default(Signing), description="The key that signs.")
    repository: Repository = Field(default(Repository), description="The APT repository.")
    release: Release = Field(default(Release), description="The release on the hosting service.")
    notify: Notify = Field(default(Notify), description="Who gets news of releases and failures.")
    roots: Roots = Field(default(Roots), description="The root file systems that are built in.")
    cache: Cache = Field(default(Cache), description="What is kept between runs.")
    build: Build = Field(default(Build), description="How packages are built.")
    wheelhouse: Wheelhouse | None = Field(
        None, description="Python distributions that the source package carries."
    )

    @field_serializer("service", mode="wrap")
    def _as_written(self, services: list[Service], handler: SerializerFunctionWrapHandler) -> Any:
        """One table, or several; None without any, as readers of the effective one know it."""
        said = handler(services)
        return said if len(said) > 1 else next(iter(said), None)

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """The configuration a document gives, with the tables that other rooms declare."""
        if isinstance(obj, dict):
            # The document's own tables; those of `cls` stay.
            return super(Config, model_for(obj, cls)).model_validate(obj, **how)
        return super().model_validate(obj, **how)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **how: Any) -> Self:
        model = model_for(json.loads(json_data), cls)
        return super(Config, model).model_validate_json(json_data, **how)

    @classmethod
    def whole(cls) -> type[Self]:
        """The model with every table there is."""
        return with_tables(cls, everything())

    def section(self, kind: type[Table]) -> Table:
        """A table that another room declares; its defaults where the file does not have it."""
        return self.given(kind) or default(kind)

    def given(self, kind: type[Table]) -> Table | None:
        """The table as the file has it; None where it does not."""
        here: Any = self
        for part in kind.table.split("."):
            here = getattr(here, part) if part in here.model_fields_set else None
            if not isinstance(here, Section):
                return None
        return here if isinstance(here, kind) else None

    def given_below(self, table: str) -> dict[str, Section]:
        """The tables that other rooms declare below `table`, as `repository`: those of the file."""
        names = ((one.table.rpartition("."), one) for one in _declared(self))
        return {name: one for (above, _, name), one in names if above == table}

    def said_to(self, package: str) -> dict[str, Any]:
        """What the file says in the tables that modules of `package` declare, without defaults.

        It is for a digest: tables that the file does not have need no import.
        """
        return {
            one.table: said
            for one in _declared(self)
            if one.__module__.startswith(f"{package}.")
            and (said := one.model_dump(mode="json", exclude_defaults=True))
        }

    @property
    def main_service(self) -> Service | None:
        """The first service: what is measured is measured of it."""
        return next(iter(self.service), None)

    @property
    def strategy(self) -> Strategy:
        """`targets.strategy` as the type the rest of debwright uses."""
        return Strategy(self.targets.strategy)


def _declared(section: Section) -> Iterator[Section]:
    """The tables of a configuration's file that other rooms declare."""
    for name in sorted(section.model_fields_set):
        if isinstance(value := getattr(section, name), Section):
            if value.table:
                yield value
            yield from _declared(value)
