"""A published release on its way into the APT repository: its files, fetched and verified.

Nothing is built again: what users get from the repository are the very files of the release that a
person has published, and that its signature vouches for.
"""

import re
from collections.abc import Callable
from pathlib import Path

from debwright.github.client import Github
from debwright.github.model import Release
from debwright.model.errors import CheckError, DebwrightError, Evidence
from debwright.model.fix import Command
from debwright.release.index import NAME, ReleaseIndex, read_index
from debwright.repository.channels import channel_suite
from debwright.repository.model import PackageFile
from debwright.repository.verify.local import SUMS, verify_directory
from debwright.repository.verify.sums import read_sums

LIMIT = 20 * 1024**3
"""Bytes of all assets of a release."""
MOST_ASSETS = 1000
"""GitHub takes no more."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,254}")
_ARCHIVE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,254}")


def published_release(github: Github, tag: str) -> Release:
    """The published release of `tag`. Raises DebwrightError for a draft, and for none."""
    found = github.releases_of(tag)
    public = [release for release in found if not release.draft]
    if not public:
        raise DebwrightError(
            f"{tag} is not published: GitHub has " + ("a draft of it" if found else "no release"),
            cause="the APT repository gets what a person has published",
            fix="read the draft and publish it; then run the same command again"
            if found
            else Command("debwright", "release", "--tag", tag),
        )
    return public[0]


def fetch_files(
    github: Github, release: Release, directory: Path, say: Callable[[str], None]
) -> None:
    """Fetch all files of the release into the empty `directory`. Raises DebwrightError."""
    assets = github.assets(release)
    if len(assets) > MOST_ASSETS or sum(a.size for a in assets) > LIMIT:
        raise DebwrightError(
            f"the release {release.tag_name} is larger than a release of debwright",
            evidence=[Evidence(text=f"{len(assets)} files, {sum(a.size for a in assets)} bytes")],
        )
    for asset in assets:
        if not _NAME.fullmatch(asset.name) or asset.state != "uploaded":
            say(f"{asset.name[:100]!r} of the release was left out: it is no whole file of ours")
            continue
        github.fetch(asset, directory / asset.name)


def verified_index(directory: Path, keyring: Path, tag: str) -> ReleaseIndex:
    """The index of the files in `directory`, all of which are good. Raises CheckError.

    `keyring` is binary.
    """
    if not (directory / SUMS).is_file():
        raise CheckError(
            f"the release {tag} has no {SUMS}",
            cause="it was not made by debwright, or files of it were removed",
            fix=Command("debwright", "release", "--tag", tag),
        )
    result = verify_directory(directory, keyring)
    if not result.ok:
        raise CheckError(
            f"the files of the release {tag} are not good",
            evidence=[Evidence(text=f.message) for f in result.findings[:20]],
            cause="they were altered after they had been signed, or signed by another key",
            fix="do not publish them; see who has changed the release",
        )
    index = read_index(directory / NAME)
    if index.tag != tag:
        raise CheckError(
            f"the files of the release {tag} are those of {index.tag}",
            cause="somebody has put the files of one release into another",
            fix="do not publish them; see who has changed the release",
        )
    return index


def packages_of(
    index: ReleaseIndex, directory: Path, work: Path, *, channel: str, suffix: str, component: str
) -> list[PackageFile]:
    """The packages under the names that they have in an archive, each for its suites.

    They are linked into the empty directory `work`. Raises CheckError.
    """
    named = read_sums(directory / SUMS)
    found = []
    for asset, listed in sorted(index.files.items()):
        if asset not in named or not _ARCHIVE_NAME.fullmatch(listed.name):
            raise CheckError(
                f"{NAME} names {asset[:100]!r}, which {SUMS} does not vouch for",
                cause="the release was put together wrongly",
                fix="debwright repo add --suite SUITE FILES, with the files that are good",
            )
        path = work / listed.name
        path.hardlink_to(directory / asset)
        found += [
            PackageFile(path=path, suite=channel_suite(s, channel, suffix), component=component)
            for s in listed.suites
        ]
    return found
