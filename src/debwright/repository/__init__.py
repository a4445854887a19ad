"""The APT repository: a directory that any web server can serve as it is."""

from debwright.repo.model import PackageFile, Publication, RepositorySettings
from debwright.repo.pool import AlreadyPublished
from debwright.repo.publish import publish
from debwright.repo.sources import sources_text
from debwright.repo.verify import verify_repository

__all__ = [
    "AlreadyPublished",
    "PackageFile",
    "Publication",
    "RepositorySettings",
    "publish",
    "sources_text",
    "verify_repository",
]
