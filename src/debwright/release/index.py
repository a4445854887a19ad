"""What a release says of its own files: for which suites each is, and its name in an archive.

GitHub has other names than archives do, and a package does not say for which suites it was checked.
The index is one of the release's files, so SHA256SUMS and its signature vouch for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from debwright.model.errors import DebwrightError, Evidence
from debwright.model.results import RunResult
from debwright.model.targets import Target

NAME = "release.json"
SIZE_LIMIT = 4 * 1024**2
PUBLISHED = frozenset({"deb", "source"})
"""Kinds of files that an APT repository has."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Listed(_Model):
    """A file that belongs into an APT repository."""

    name: str
    """In the archive, as greeter_1.0~rc1-1_amd64.deb."""
    suites: tuple[str, ...]
    """Of the distributions, as bookworm; those that it was checked on."""


class ReleaseIndex(_Model):
    """The packages of a release; keys of `files` are the names of its assets."""

    format: Literal[1] = 1
    package: str
    version: str
    tag: str
    commit: str | None
    prerelease: bool
    files: dict[str, Listed]


def index_of(
    result: RunResult, files: Mapping[str, Path], *, tag: str, prerelease: bool
) -> ReleaseIndex:
    """The index of the release that is made of `files` (name of the asset to file)."""
    suites: dict[str, dict[str, None]] = defaultdict(dict)
    everywhere = dict.fromkeys(Target.parse(t.target).suite for t in result.targets)
    for target in result.targets:
        own = dict.fromkeys([Target.parse(target.target).suite])
        _remember(suites, (a.path for a in target.artifacts if a.kind in PUBLISHED), own)
    for companion in result.companions:
        paths = (a.path for a in companion.artifacts if a.kind in PUBLISHED)
        _remember(suites, paths, everywhere)
    listed = {
        name: Listed(name=path.name, suites=tuple(suites[path.name]))
        for name, path in sorted(files.items())
        if path.name in suites
    }
    return ReleaseIndex(
        package=result.package, version=result.version, tag=tag, commit=result.commit,
        prerelease=prerelease, files=listed,
    )  # fmt: skip


def _remember(
    suites: dict[str, dict[str, None]], paths: Iterable[str], own: Mapping[str, None]
) -> None:
    for path in paths:
        suites[Path(path).name] |= own


def read_index(path: Path) -> ReleaseIndex:
    """The index in a directory of a release's files. Raises DebwrightError."""
    try:
        with path.open("rb") as file:
            return ReleaseIndex.model_validate_json(file.read(SIZE_LIMIT))
    except FileNotFoundError as error:
        raise DebwrightError(
            f"the release has no {NAME}, which says for which suites its packages are",
            cause="it was made by an older debwright, or by hand",
            fix="debwright repo add --suite SUITE FILES",
        ) from error
    except (OSError, ValidationError) as error:
        raise DebwrightError(
            f"{NAME} of the release cannot be read",
            evidence=[Evidence(text=" ".join(str(error).split())[:300], file=str(path))],
            cause="a newer debwright has made it",
            fix="use that debwright here, too",
        ) from error
