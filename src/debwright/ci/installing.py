"""What of debwright the jobs of a workflow install: the same bytes in every run, or nothing.

It runs as root next to the secrets of a release. A name on a package index is whoever takes it,
and a tag can be moved; a commit and a file with its hash cannot be changed.
"""

import json
import re
from collections.abc import Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

import debwright
from debwright.host.git import NotARepository, git
from debwright.host.process import CommandError
from debwright.model.errors import MissingError, UsageError

COMMIT = re.compile(r"git\+https://[A-Za-z0-9][A-Za-z0-9._/:~-]*@[0-9a-f]{40}")
"""A commit of debwright's source; git itself verifies what it fetches."""
WHEEL = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9._/:~%+-]*\.whl#sha256=[0-9a-f]{64}")
"""A wheel, as a release has it (direct URL of PyPA's specifications, "archive_info")."""
PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.+!_-]+)")
"""A version on a package index, whose hashes a lock file has."""
_SCP = re.compile(r"(?:ssh://)?[\w.-]+@([\w.-]+)[:/](?!//)(.+?)(?:\.git)?/?")
EXAMPLE = '[workflows] install = "git+https://HOST/OWNER/debwright@COMMIT" in debwright.toml'


def installed_from() -> str:
    """Where the debwright that is running can be had again, as `workflows.install` has it.

    It is what pip recorded (PEP 610, direct_url.json), or else the commit of the checkout that it
    runs from, if a branch of a server has it. Raises UsageError when neither is known.
    """
    found = _recorded() or _of_checkout(Path(debwright.__file__).resolve().parents[2])
    if found is None:
        raise UsageError(
            "it is not known where a job can install this debwright from",
            cause="it runs neither from a commit that a server has, nor from a wheel with a hash",
            fix=EXAMPLE,
        )
    return found


def what_to_install(asked: str | None, requirements: Sequence[str], top: Path) -> str:
    """What `workflows.install` asks for, if every run gets the same bytes from it.

    `requirements` are lock files, relative to `top`; a commit of debwright's has its own. Raises
    UsageError when nothing is asked for, and where something would be fetched without a hash.
    """
    if asked is None:
        raise UsageError(
            "workflows.install does not say where the jobs get debwright from",
            cause="a name on the package index would be whoever takes it",
            fix=f'[workflows] install = "{installed_from()}" in debwright.toml',
        )
    if COMMIT.fullmatch(asked):
        return asked
    if not requirements:
        raise UsageError(
            f"workflows.install is {asked}, and no lock file says what it needs",
            cause="the jobs would fetch packages without hashes, and run them as root next to the "
            "secrets of a release",
            fix='[workflows] requirements = ["requirements.txt"], a file that `uv pip compile '
            "--generate-hashes` writes",
        )
    match = PINNED.fullmatch(asked)
    if match and not any(_locks(top / name, match[1], match[2]) for name in requirements):
        raise UsageError(
            f"no file of workflows.requirements has a hash of {asked}",
            cause=f"{', '.join(requirements)}: whoever has the name {match[1]} on the package "
            "index decides what runs as root next to the secrets of a release",
            fix=EXAMPLE,
        )
    return asked


def _locks(path: Path, name: str, version: str) -> bool:
    """Whether a lock file of pip's has a hash for this version."""
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    return any(
        canonicalize_name(match[1]) == canonicalize_name(name)
        and match[2] == version
        and " --hash=sha256:" in line
        for line in text.splitlines()
        if (match := PINNED.match(line))
    )


def _recorded() -> str | None:
    try:
        installed: Distribution = distribution("debwright")
    except PackageNotFoundError:
        return None
    try:
        record = json.loads(installed.read_text("direct_url.json") or "null")
    except ValueError:
        return None
    return from_record(record) if isinstance(record, dict) else None


def from_record(record: dict[str, Any]) -> str | None:
    """`direct_url.json` as `workflows.install` has it; None for what is on this machine alone."""
    url = str(record.get("url", ""))
    version, archive = record.get("vcs_info"), record.get("archive_info")
    if isinstance(version, dict) and version.get("vcs") == "git":
        text = f"git+{_https(url)}@{version.get('commit_id')}"
        return text if COMMIT.fullmatch(text) else None
    if isinstance(archive, dict):
        hashes = archive.get("hashes")
        digest = hashes.get("sha256") if isinstance(hashes, dict) else None
        text = f"{url.partition('#')[0]}#sha256={digest}"
        return text if WHEEL.fullmatch(text) else None
    return None


def _of_checkout(top: Path) -> str | None:
    if not (top / ".git").exists():
        return None
    try:
        commit = git(top, "rev-parse", "HEAD").output.strip()
        branches = git(
            top, "for-each-ref", "--contains", commit, "--format=%(refname:lstrip=2)",
            "refs/remotes",
        ).output.split()  # fmt: skip
        for remote in git(top, "remote").output.split():
            if any(name.startswith(f"{remote}/") for name in branches):
                url = _https(git(top, "remote", "get-url", remote).output.strip())
                if COMMIT.fullmatch(text := f"git+{url}@{commit}"):
                    return text
    except (NotARepository, MissingError, CommandError):
        return None
    return None


def _https(url: str) -> str:
    """The address that everybody reads from: of ssh's, the same on https."""
    match = _SCP.fullmatch(url)
    return f"https://{match[1]}/{match[2]}" if match else url.rstrip("/").removesuffix(".git")
