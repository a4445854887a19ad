"""Where a release goes: the repository on the hosting service."""

import base64
import os
import re

from debwright.config import LoadedConfig
from debwright.config.publishing import Release
from debwright.host.git import git
from debwright.model.errors import DebwrightError, UsageError

ASKED = '[release] repository = "owner/name"'
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


def git_access(remote: str) -> dict[str, str]:
    """The variables with which git may read and write `remote`, an address on GitHub.

    Empty without a token, and for every other server, which must not see it
    (git-config(1), http.<url>.extraHeader, GIT_CONFIG_COUNT).
    """
    token = github_token()
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/") + "/"
    if not token or not remote.startswith(server):
        return {}
    given = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {given}",
    }


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


def required_repository(
    loaded: LoadedConfig, given: str | None = None, *, what: str, fix: str = ASKED
) -> str:
    """owner/name that was `given`, or else is known. Raises UsageError; `what` it is wanted for."""
    found = given or github_repository(loaded)
    if found is None:
        raise UsageError(
            f"it is not known which repository {what}",
            cause="release.repository is not set, and git has no remote `origin` on GitHub",
            fix=fix,
        )
    if not REPOSITORY.fullmatch(found):
        raise UsageError(f"{found!r} is no repository", cause="it is owner/name", fix=fix)
    return found


def repository_of(url: str) -> str | None:
    """owner/name of a remote's URL, as git@host:owner/name.git; None for another form."""
    found = _REMOTE.fullmatch(url)
    return found[1] if found else None
