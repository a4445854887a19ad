"""The previous release as its users have it: from files, the repository, or GitHub's releases.

In a workflow only a step of its own has the token that GitHub's releases are read with; what it
finds is handed over to the checks below dist/, before any code of the package runs.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from debian.debian_support import Version

from debwright.checks.engine.previous import Previous, find_previous
from debwright.config import LoadedConfig
from debwright.host.files import atomic_write, sha256_file
from debwright.model.errors import DebwrightError
from debwright.model.targets import Target
from debwright.packages.debs import Deb, read_deb

if TYPE_CHECKING:
    from debwright.github.client import Github
    from debwright.github.model import Asset, Release

DIRECTORY = "previous"
"""Below dist/."""
LIMIT = 2 * 1024**3
"""Bytes of one asset: GitHub takes no larger ones."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,250}\.deb")
# What versions that are built for several suites end with, as ~deb12u1.
_OF_SUITE = re.compile(r"[~+.](?:deb|ubuntu)[0-9.]+u?[0-9]*$")


class Coming(Protocol):
    """The package that an older version is looked for."""

    @property
    def package(self) -> str: ...
    @property
    def version(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A package that is not built yet."""

    package: str
    version: str


def previous_of(
    loaded: LoadedConfig, target: Target, debs: Sequence[Deb], *, files: Sequence[Path], dist: Path
) -> Previous:
    """The release before: of files, of the repository below `dist`, or of GitHub's releases.

    The last are those that were handed over, or else looked through now, where it is configured:
    only that needs the network. Raises UsageError as find_previous does.
    """
    found = find_previous(target, debs, files=files, repository=dist / "apt")
    if found.debs or files:
        return found
    if (handed := handed_over(target, debs, dist)) is not None:
        return handed
    if not loaded.config.upgrade.from_release:
        return found
    from debwright.github.place import github_repository

    return from_releases(github_repository(loaded), target, debs, dist / DIRECTORY)


def hand_over(
    repository: str | None, target: Target, coming: Sequence[Coming], dist: Path
) -> Previous:
    """Fetch the release before for the checks of `target`, which have no token.

    Why there is none is handed over, too.
    """
    record = _record(target, dist)
    record.unlink(missing_ok=True)
    found = from_releases(repository, target, coming, dist / DIRECTORY)
    files = {str(d.path.relative_to(record.parent)): d.sha256 for d in found.debs}
    record.parent.mkdir(parents=True, exist_ok=True)
    data = {"files": files, "reason": None if found.debs else found.reason}
    atomic_write(record, json.dumps(data, indent=2) + "\n")
    return found


def handed_over(target: Target, debs: Sequence[Deb], dist: Path) -> Previous | None:
    """What `hand_over` left for `target`; None where it has not been called."""
    record = _record(target, dist)
    try:
        data = json.loads(record.read_text(encoding="utf-8"))
        files, reason = dict(data["files"]), data["reason"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Previous(reason=f"{record} cannot be read")
    coming = {d.package: Version(d.version) for d in debs}
    found = []
    for name, digest in files.items():
        path = record.parent / name
        if ".." in Path(name).parts or not path.is_file() or sha256_file(path) != digest:
            return Previous(reason=f"{name} of the previous release is not what was fetched")
        old = read_deb(path)
        if old.package in coming and Version(old.version) < coming[old.package]:
            found.append(old)
    return Previous(debs=tuple(found)) if found else Previous(reason=reason or "none is older")


def _record(target: Target, dist: Path) -> Path:
    return dist / DIRECTORY / f"{target}.json"


def from_releases(
    repository: str | None, target: Target, debs: Sequence[Coming], directory: Path
) -> Previous:
    """The newest published release with older packages for the target; files go to `directory`.

    What stands in the way becomes the reason: a check that cannot be done is skipped with it.
    """
    from debwright.github.client import Github
    from debwright.github.http import Http

    if repository is None:
        return Previous(reason="GitHub's releases: neither release.repository nor a git remote")
    try:
        with Http.from_environment() as http:
            found = look_through(Github(http, repository), target, debs, directory)
    except DebwrightError as problem:
        said = "; ".join([problem.what, *(e.text for e in problem.evidence[:1])])
        return Previous(reason=f"GitHub's releases cannot be looked through: {said}")
    if not found:
        return Previous(reason=f"no release of {repository} has an older version for {target}")
    return Previous(debs=found)


def look_through(
    github: "Github", target: Target, debs: Sequence[Coming], directory: Path
) -> tuple[Deb, ...]:
    """Of the newest release that has some, the older packages. Raises DebwrightError."""
    for release in github.releases():
        if release.draft or release.prerelease:
            continue
        older = [
            old
            for deb in debs
            if (old := _best(deb, _candidates(github, release, target, deb, directory))) is not None
        ]
        if older:
            return tuple(older)
    return ()


def _candidates(
    github: "Github", release: "Release", target: Target, deb: Coming, directory: Path
) -> Iterator[Deb]:
    endings = (f"_{target.arch}.deb", "_all.deb")
    for asset in release.assets:
        mine = asset.name.startswith(f"{deb.package}_") and asset.name.endswith(endings)
        if mine and _NAME.fullmatch(asset.name) and asset.state == "uploaded":
            old = read_deb(_fetched(github, asset, directory / str(release.id)))
            if old.package == deb.package and old.arch in {target.arch, "all"}:
                yield old


def _fetched(github: "Github", asset: "Asset", directory: Path) -> Path:
    """The asset's file; one that is there already and the same is not fetched again."""
    if asset.size > LIMIT:
        raise DebwrightError(f"the asset {asset.name} is larger than GitHub takes")
    path = directory / asset.name
    if path.is_file() and asset.digest == f"sha256:{sha256_file(path)}":
        return path
    directory.mkdir(parents=True, exist_ok=True)
    part = directory / f".{asset.name}.part"
    github.fetch(asset, part)
    part.rename(path)
    return path


def _best(deb: Coming, candidates: Iterator[Deb]) -> Deb | None:
    """The newest that is older; of several suites' packages, those of the same suite."""
    older = [c for c in candidates if Version(c.version) < Version(deb.version)]
    if (suite := _OF_SUITE.search(deb.version)) is not None:
        family = suite[0].rstrip("0123456789").rstrip("u")
        older = [c for c in older if family in c.version] or older
    return max(older, key=lambda c: Version(c.version), default=None)
