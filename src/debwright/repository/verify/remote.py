"""Verifying what is published on a server: fetched as users' machines fetch it, then verified."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from debwright.host.http import NotThere, client, download
from debwright.keys.gnupg.signatures import signed_text
from debwright.model.errors import DebwrightError, Evidence, UsageError
from debwright.repository import diffs
from debwright.repository.model import SUITE
from debwright.repository.release import listed_files
from debwright.repository.verify.local import SUMS, verify_directory, verify_file
from debwright.repository.verify.model import Verification
from debwright.repository.verify.sums import control_sums, is_inside, read_sums

if TYPE_CHECKING:
    import httpx

SIGNED = ("InRelease", "Release", "Release.gpg")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.:~_-]{0,254}")
_RELEASE_PAGE = re.compile(r"(https?://[^/]+/[^/]+/[^/]+/releases)/tag/([^/?#]+)/?")


class Remote:
    """Files of one place on the network, copied below `work`; together at most `limit` bytes."""

    def __init__(self, http: "httpx.Client", base: str, work: Path, limit: int) -> None:
        self._http, self._left = http, limit
        self.base, self.work = base.rstrip("/") + "/", work

    def get(self, name: str) -> Path:
        """Fetch the file `name`. Raises NotThere, and DebwrightError for a name that escapes."""
        target = self.work / name
        if not is_inside(target, self.work):
            raise DebwrightError(f"{self.base} names a file outside of itself: {name!r}")
        if not target.is_file():
            try:
                self._left -= download(
                    self._http, self.base + quote(name, safe="/+:~"), target, limit=self._left
                )
            except OSError as error:
                raise DebwrightError(
                    f"{self.base} names a file {name[:200]!r} that cannot be written here",
                    evidence=[Evidence(text=str(error.strerror))],
                    cause="one name stands for a file and for a directory, or the disk is full",
                ) from error
        return target

    def try_get(self, name: str) -> Path | None:
        try:
            return self.get(name)
        except NotThere:
            return None


def verify_url(
    url: str, keyring: Path, work: Path, *, suites: Sequence[str], limit: int,
) -> Verification:  # fmt: skip
    """Verify the repository, release directory or file at `url`, by copies below `work`.

    `suites` are those of a repository; they need not be named when the URL has /dists/SUITE.
    Raises UsageError when it cannot be told what is there, and what `download` raises.
    """
    if page := _RELEASE_PAGE.fullmatch(url):
        url = f"{page[1]}/download/{page[2]}/"
    base, slash, rest = url.partition("/dists/")
    if slash:
        suites = [rest.strip("/").split("/")[0]]
    with client() as http:
        if slash or suites:
            remote = Remote(http, base, work, limit)
            found = [s for s in suites if _suite(remote, s)]
            if slash and not found:
                raise NotThere(f"{base} has no suite {suites[0]}", fix=f"look at {base}/dists/")
            if found:
                return _verified(verify_directory, work, keyring, url, _absent(suites, found))
        if not urlsplit(url).path.endswith("/") and "." in url.rsplit("/", 1)[-1]:
            return _file(Remote(http, url.rsplit("/", 1)[0], work, limit), url, keyring)
        remote = Remote(http, url, work, limit)
        if remote.try_get(SUMS) is None:
            raise UsageError(
                f"{url} is neither a repository nor the files of a release",
                cause=f"it has no {SUMS}"
                + (f" and no dists/{suites[0]}" if suites else "; a repository needs --suite"),
                fix=f"debwright verify --suite SUITE {url}",
            )
        _release(remote)
        return _verified(verify_directory, work, keyring, url, [])


def _verified(
    how: Callable[[Path, Path], Verification],
    path: Path,
    keyring: Path,
    url: str,
    absent: Sequence[str],
) -> Verification:
    result = how(path, keyring)
    result.subject = url
    for suite in absent:
        result.add("verify/missing", f"the repository has no suite {suite}")
    return result


def _absent(suites: Sequence[str], found: Sequence[str]) -> list[str]:
    return [s for s in suites if s not in found]


def _suite(remote: Remote, suite: str) -> bool:
    """Copy a suite: what is signed, every index twice (by name and by hash), every package."""
    if not SUITE.fullmatch(suite):
        raise UsageError(f"{suite!r} is not the name of a suite")
    place = f"dists/{suite}"
    fetched = [remote.try_get(f"{place}/{name}") for name in SIGNED]
    if not any(fetched):
        return False
    release = remote.work / place / "Release"
    if not release.is_file():
        return True  # what is missing is told by the verification
    from debian.deb822 import Packages, Sources

    by_hash = re.search(rb"^Acquire-By-Hash: yes", release.read_bytes(), re.MULTILINE) is not None
    for name, _, sha256 in listed_files(release.read_bytes()):
        index = remote.try_get(f"{place}/{name}")
        if by_hash and re.fullmatch(r"[0-9a-f]{64}", sha256):
            remote.try_get(f"{place}/{Path(name).parent}/by-hash/SHA256/{sha256}")
        if index is not None and index.name == diffs.INDEX:
            found = diffs.read(index)
            for patch in found.patches if found is not None else ():
                remote.try_get(f"{place}/{Path(name).parent}/{patch.name}.gz")
        if index is None or index.name not in ("Packages", "Sources"):
            continue
        kind = Packages if index.name == "Packages" else Sources
        with index.open("rb") as stream:
            for record in kind.iter_paragraphs(stream, use_apt_pkg=False):
                for file in _files(record):
                    remote.try_get(file)
    return True


def _files(record: Mapping[str, Any]) -> list[str]:
    if name := record.get("Filename"):
        return [str(name)]
    rows = record.get("Checksums-Sha256") or []
    return [f"{record.get('Directory')}/{row['name']}" for row in rows]


def _release(remote: Remote) -> None:
    remote.try_get(f"{SUMS}.asc")
    for name in read_sums(remote.work / SUMS):
        if _NAME.fullmatch(name) and remote.try_get(name) is not None:
            remote.try_get(f"{name}.asc")


def _file(remote: Remote, url: str, keyring: Path) -> Verification:
    name = urlsplit(url).path.rsplit("/", 1)[-1]
    if not _NAME.fullmatch(name):
        raise UsageError(f"{url} does not end in a file's name")
    path = remote.get(name)
    for other in (f"{name}.asc", SUMS, f"{SUMS}.asc"):
        remote.try_get(other)
    if name.endswith((".dsc", ".changes", ".buildinfo")):
        _companions(remote, path, keyring)
    return _verified(verify_file, path, keyring, url, [])


def _companions(remote: Remote, path: Path, keyring: Path) -> None:
    for name in control_sums(signed_text(keyring, path)):
        if _NAME.fullmatch(name):
            remote.try_get(name)
