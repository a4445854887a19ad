"""Tables of where the repository is served from."""

from typing import Annotated

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Section


def _remote(value: str) -> str:
    if value.startswith("-") or "::" in value.split("/", 1)[0]:
        raise v.refused(
            f"{v.quoted(value)} is not a remote",
            expected="a URL or path that git can push to, as https://github.com/owner/name.git",
        )
    return value


def _place(value: str) -> str:
    host, colon, path = value.partition(":")
    if not colon or not path.startswith("/") or host.startswith("-") or not host or "/" in host:
        raise v.refused(
            f"{v.quoted(value)} is not a place for rsync",
            expected="HOST:/PATH or USER@HOST:/PATH, as web@packages.example.org:/srv/apt",
        )
    return value


Bucket = Annotated[str, v.matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket")]
Region = Annotated[str, v.matching(r"[a-z0-9-]{1,40}", "a region, as eu-central-1")]
Branch = Annotated[
    str, v.matching(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+)*", "the name of a branch")
]


class PagesStore(Section):
    """A branch that GitHub Pages serves."""

    remote: Annotated[v.Line, AfterValidator(_remote)] = Field(
        "origin",
        description="Where the branch is: a URL, a path, or the name of a git remote. On GitHub, "
        "GITHUB_TOKEN is used where it is set.",
    )
    branch: Branch = Field("gh-pages", description="The branch. It is replaced by one commit.")


class S3Store(Section):
    """A bucket of S3, or of anything that speaks its language."""

    bucket: Bucket = Field(description="Its name.")
    prefix: v.Line | None = Field(None, description="What the names of all objects begin with.")
    region: Region = Field("us-east-1", description="Its region.")
    endpoint: v.HttpUrl | None = Field(None, description="The server; default: Amazon's.")
    access_key_env: v.SecretVariable = Field(
        "AWS_ACCESS_KEY_ID", description="Name of the variable that holds the access key."
    )
    secret_key_env: v.SecretVariable = Field(
        "AWS_SECRET_ACCESS_KEY", description="Name of the variable that holds the secret key."
    )
    session_token_env: v.SecretVariable = Field(
        "AWS_SESSION_TOKEN",
        description="Name of the variable that holds the session's token, where there is one.",
    )


class RsyncStore(Section):
    """A directory on a host that ssh reaches."""

    to: Annotated[v.Line, AfterValidator(_place)] = Field(description="USER@HOST:/PATH.")
    port: int | None = Field(None, ge=1, le=65535, description="The ssh port.")
    identity: v.Line | None = Field(
        None, description="File with the ssh key, relative to this file; default: ssh's own."
    )
    known_hosts: v.Line | None = Field(
        None, description="File with the host's key, relative to this file; default: ssh's own."
    )
