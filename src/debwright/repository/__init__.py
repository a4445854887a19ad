"""The APT repository: a directory that any web server can serve as it is."""

from debwright.repository.model import PackageFile, Publication, RepositorySettings
from debwright.repository.pool import AlreadyPublished
from debwright.repository.publish import publish
from debwright.repository.sources import sources_text
from debwright.repository.verify.repository import verify_repository

__all__ = [
    "AlreadyPublished",
    "PackageFile",
    "Publication",
    "RepositorySettings",
    "publish",
    "sources_text",
    "verify_repository",
]
