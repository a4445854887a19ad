"""Releases and their assets on GitHub."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from debwright.github.http import GithubError, Http, Unsure
from debwright.github.model import Asset, Reference, Release, Repository
from debwright.host.files import sha256_file
from debwright.host.retry import RetryPolicy
from debwright.model.errors import Evidence

UNSURE = RetryPolicy(attempts=4, first_pause=1.0)

T = TypeVar("T")
_TEMPLATE = re.compile(r"\{[^}]*\}")


class Github:
    """The calls for one repository, `owner/name`. All raise GithubError or MissingError."""

    def __init__(self, http: Http, repository: str) -> None:
        self._http, self.repository = http, repository
        self._base = f"/repos/{repository}"

    def repository_info(self) -> Repository:
        return Repository.model_validate(self._http.request("GET", self._base).json())

    def tag(self, name: str) -> Reference | None:
        """The tag as GitHub has it; None when it was not pushed."""
        try:
            answer = self._http.request("GET", f"{self._base}/git/ref/tags/{quote(name)}")
        except GithubError as error:
            if error.status == 404:
                return None
            raise
        return Reference.model_validate(answer.json())

    def releases_of(self, tag: str) -> list[Release]:
        """All releases of a tag, drafts too, which only the list has."""
        pages = self._http.pages(f"{self._base}/releases")
        return [r for r in map(Release.model_validate, pages) if r.tag_name == tag]

    def releases(self) -> Iterator[Release]:
        """All releases, the newest first; asked for page by page."""
        yield from map(Release.model_validate, self._http.pages(f"{self._base}/releases"))

    def fetch(self, asset: Asset, target: Path) -> None:
        """Write the content of an asset to `target`. Raises GithubError when it is another."""
        path = f"{self._base}/releases/assets/{asset.id}"
        self._http.fetch(path, target, limit=asset.size)
        found = f"sha256:{sha256_file(target)}"
        if asset.digest is not None and asset.digest != found:
            target.unlink()
            raise GithubError(
                f"the asset {asset.name} did not arrive as GitHub has it",
                evidence=[Evidence(text=f"{found}, {asset.digest} is expected")],
                fix="try again",
            )

    def assets(self, release: Release) -> list[Asset]:
        pages = self._http.pages(f"{self._base}/releases/{release.id}/assets")
        return [Asset.model_validate(item) for item in pages]

    def create_draft(
        self, tag: str, *, name: str, body: str, prerelease: bool, commit: str | None
    ) -> Release:
        """A new draft. After Unsure look for one before calling again: it may have been made."""
        data: dict[str, Any] = {
            "tag_name": tag, "name": name, "body": body, "draft": True, "prerelease": prerelease,
        }  # fmt: skip
        if commit is not None:
            data["target_commitish"] = commit
        answer = self._http.request("POST", f"{self._base}/releases", json=data)
        return Release.model_validate(answer.json())

    def update(self, release: Release, **changes: Any) -> Release:
        """Change fields of a release, as body, prerelease or draft."""
        path = f"{self._base}/releases/{release.id}"
        return Release.model_validate(self._http.request("PATCH", path, json=changes).json())

    def upload(self, release: Release, name: str, path: Path) -> Asset:
        """Add a file. After Unsure an unfinished asset of that name may be there."""
        url = _TEMPLATE.sub("", release.upload_url)
        return Asset.model_validate(self._http.upload(url, name, path).json())

    def delete_asset(self, asset: Asset) -> None:
        """Remove an asset; that it is gone already is no error."""
        self._http.remove(f"{self._base}/releases/assets/{asset.id}")

    def until_sure(self, action: Callable[[], T], note: Callable[[str], None]) -> T:
        """What `action` gives; it looks what is there, and acts, again where it ends in Unsure."""
        return UNSURE.run(action, on=Unsure, note=note, sleep=self._http.sleep)
