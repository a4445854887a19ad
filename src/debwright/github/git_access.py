"""git's way to GitHub: with the token, in the environment of one command alone."""

import base64
import os

from debwright.github.place import github_token


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
