"""The previous release as its users have it: from files, the repository, or GitHub's releases."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from debian.debian_support import Version

from debwright.checks.engine.previous import Previous, find_previous
from debwright.config import LoadedConfig
from debwright.host.files import sha256_file
from debwright.model.errors import DebwrightError
from debwright.model.targets import Target
from debwright.packages.debs import Deb, read_deb

if TYPE_CHECKING:
    from debwright.github.client import Github
    from debwright.github.model import Asset, Release

LIMIT = 2 * 1024**3
"""Bytes of one asset: GitHub takes no larger ones."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,250}\.deb")
# What versions that are built for several suites end with, as ~deb12u1.
_OF_SUITE = re.compile(r"[~+.](?:deb|ubuntu)[0-9.]+u?[0-9]*$")


def previous_of(
    loaded: LoadedConfig, target: Target, debs: Sequence[Deb], *, files: Sequence[Path], dist: Path
) -> Previous:
    """The release before: of files, of the repository below `dist`, or of GitHub's releases.

    Raises UsageError as find_previous does. Only the last needs the network, and is asked only
    when configured.
    """
    found = find_previous(target, debs, files=files, repository=dist / "apt")
    if found.debs or files or not loaded.config.upgrade.from_release:
        return found
    from debwright.github.place import github_repository

    return from_releases(github_repository(loaded), target, debs, dist / "previous")


def from_releases(
    repository: str | None, target: Target, debs: Sequence[Deb], directory: Path
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
    github: "Github", target: Target, debs: Sequence[Deb], directory: Path
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
    github: "Github", release: "Release", target: Target, deb: Deb, directory: Path
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


def _best(deb: Deb, candidates: Iterator[Deb]) -> Deb | None:
    """The newest that is older; of several suites' packages, those of the same suite."""
    older = [c for c in candidates if Version(c.version) < Version(deb.version)]
    if (suite := _OF_SUITE.search(deb.version)) is not None:
        family = suite[0].rstrip("0123456789").rstrip("u")
        older = [c for c in older if family in c.version] or older
    return max(older, key=lambda c: Version(c.version), default=None)
