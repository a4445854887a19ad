"""Where a release goes: the repository on the hosting service."""

import os
import re

from debwright.config import LoadedConfig
from debwright.config.publishing import Release
from debwright.host.git import git
from debwright.model.errors import DebwrightError

REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
"""owner/name, as GitHub takes them: nothing in it leads a request elsewhere."""
_REMOTE = re.compile(
    r"(?:https?://(?:[^@/]+@)?|ssh://(?:[^@/]+@)?|[^@/\s]+@)[^/:]+(?::\d+)?[:/]"
    r"([A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+?)(?:\.git)?/?"
)


TOKENS = Release.fixed_secrets


def github_token() -> str | None:
    """The token for GitHub, of this process's environment."""
    return next((os.environ[name] for name in TOKENS if os.environ.get(name)), None)


def github_repository(loaded: LoadedConfig) -> str | None:
    """owner/name: configured, else of the CI run, else of the git remote `origin`."""
    if configured := loaded.config.release.repository:
        return configured
    if given := os.environ.get("GITHUB_REPOSITORY"):
        return given
    try:
        url = git(loaded.directory, "config", "--get", "remote.origin.url").output.strip()
    except DebwrightError:
        return None  # no git work tree, or no such remote
    return repository_of(url)


def repository_of(url: str) -> str | None:
    """owner/name of a remote's URL, as git@host:owner/name.git; None for another form."""
    found = _REMOTE.fullmatch(url)
    return found[1] if found else None
