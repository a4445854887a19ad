"""The data of a repository: what goes in, what is recorded, what comes out.

A publication is a directory `publications/NNNN` that is never changed once it is in place. Its
`manifests/SUITE.json` says which pool files a suite has. Going back to an earlier publication,
or giving a suite the packages of another, needs nothing but these manifests and the pool.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from debwright.model.errors import UsageError

SUITE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
COMPONENT = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

# A record may come back from a server, so a path in it is judged before anything is done with it.
_NAME = r"[A-Za-z0-9][A-Za-z0-9.+~:_-]*"
PoolPath = Annotated[str, StringConstraints(pattern=rf"^pool(/{_NAME})+$")]
HashPath = Annotated[str, StringConstraints(pattern=rf"^({_NAME}/)+by-hash/SHA256/[0-9a-f]{{64}}$")]
SuiteName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]{0,63}$")]


class DataModel(BaseModel):
    """What is written to a file and read again: frozen, and nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RepositorySettings(DataModel):
    """What the indices say about the repository, and how much of its past is kept."""

    origin: str
    label: str
    description: str = ""
    component: str = "main"
    url: str | None = None
    """Where users reach it; `None` for the directory itself, as a `file:` URL."""
    keep: int = Field(default=10, ge=1)
    """How many publications stay on disk, the current one among them."""
    keep_versions: int = Field(default=0, ge=0)
    """How many versions of each package a suite has, the newest; 0 for all."""
    valid_days: int = Field(default=0, ge=0)
    """Days for which users' apt takes a signature for current; 0 for ever."""
    sources: bool = True
    """Whether source packages are published, too."""
    architectures: tuple[str, ...] = ()
    """Architectures every suite has an index for, beside those of its packages."""

    @field_validator("origin", "label", "description", "url")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("must be one line without control characters")
        return value

    @field_validator("origin", "label")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        return value

    @field_validator("component")
    @classmethod
    def _component(cls, value: str) -> str:
        if not COMPONENT.fullmatch(value):
            raise ValueError("must be lower-case letters, digits and . + - (Debian calls it main)")
        return value

    @field_validator("architectures")
    @classmethod
    def _architectures(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not ARCHITECTURE.fullmatch(name) or name in ("all", "any", "source"):
                raise ValueError(f"{name!r} is not an architecture of packages")
        return value

    @property
    def name(self) -> str:
        """The origin as a file name: `Greeter Project` gives `greeter-project`."""
        return re.sub(r"[^a-z0-9]+", "-", self.origin.lower()).strip("-") or "repository"


@dataclass(frozen=True, kw_only=True)
class PackageFile:
    """A file to publish: .deb, .dsc, .changes, or a tarball that a .dsc among them names."""

    path: Path
    suite: str
    component: str = "main"

    def __post_init__(self) -> None:
        for word, rule, value in (
            ("suite", SUITE, self.suite),
            ("component", COMPONENT, self.component),
        ):
            if not rule.fullmatch(value):
                raise UsageError(
                    f"{value!r} is not the name of a {word}",
                    cause="lower-case letters, digits and . + - are allowed",
                )


class Entry(DataModel):
    """A pool file of a suite."""

    kind: Literal["deb", "dsc", "file"]
    """`file` is what a .dsc names: tarballs, diffs and their signatures."""
    path: PoolPath
    """Below the repository, as `pool/main/g/greeter/greeter_1.0-1_amd64.deb`."""
    size: int
    sha256: str
    component: str
    source: str
    package: str
    version: str
    architecture: str
    """`source` for everything that is not a .deb."""
    phased: int | None = Field(default=None, ge=0, le=100)
    """The percentage of machines that an upgrade to it is for (phases.py); None for all."""


class PublicationRecord(DataModel):
    """`publication.json`: what a publication was made with."""

    schema_version: int = 1
    number: int
    created: str
    fingerprint: str
    signs_with: str = ""
    """The fingerprint of the primary key or the subkey that signed; empty in records of old."""
    public_key: str = ""
    """SHA-256 of the key that users get: a moved end is in it, too."""
    settings: RepositorySettings
    suites: tuple[SuiteName, ...]
    repository: str = ""
    """The same in all publications of a repository and in no other."""
    what: str = "publish"
    """What was done, in words."""
    removed: tuple[PoolPath, ...] = ()
    """Pool files that the publication before had and this one has not."""
    identity: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{16})?$")] = ""
    """No other publication has it, whichever machine made that one; empty in records of old."""
    ancestors: tuple[str, ...] = ()
    """Identities of the publications before it, the nearest first (lineage.py)."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What `publish` did."""

    number: int
    suites: tuple[str, ...]
    """All suites of the repository."""
    added: tuple[str, ...]
    """Pool files that a suite did not have before."""
    unchanged: bool
    """Nothing was to be done: the current publication was left as it is."""
    path: Path
    """The directory of the publication."""
    fingerprint: str
    """Of the key that signed it: an earlier run's when nothing was to be done."""
    removed: tuple[str, ...] = ()
    """Pool files that no suite has any more; they stay while a publication on disk has them."""
