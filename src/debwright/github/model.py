"""What is read of GitHub's answers (its OpenAPI description: release, release-asset)."""

from pydantic import BaseModel, ConfigDict


class _Answer(BaseModel):
    # GitHub adds fields at any time.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Asset(_Answer):
    id: int
    name: str
    state: str
    """`uploaded`, or `open` for one whose upload broke off."""
    size: int
    digest: str | None = None
    """`sha256:` and the digest; older servers do not say it."""
    browser_download_url: str | None = None


class Release(_Answer):
    id: int
    tag_name: str
    name: str | None = None
    body: str | None = None
    draft: bool
    prerelease: bool
    upload_url: str
    html_url: str
    published_at: str | None = None
    """As 2024-05-01T10:00:00Z; None for a draft."""
    assets: tuple[Asset, ...] = ()


class Permissions(_Answer):
    push: bool = False
    admin: bool = False
    maintain: bool = False


class Repository(_Answer):
    full_name: str
    archived: bool = False
    permissions: Permissions | None = None
    """Absent for tokens of an app, as those of GitHub Actions are."""


class GitObject(_Answer):
    type: str
    sha: str


class Reference(_Answer):
    ref: str
    object: GitObject
