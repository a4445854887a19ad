"""Asking git about a directory, with its refusals put into words."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from debwright.host import process
from debwright.host.process import Completed, LineSink
from debwright.model.errors import DebwrightError, Evidence, MissingError, UsageError
from debwright.model.fix import Command, Install

_ENVIRONMENT = {
    # Messages are matched below; a lock taken for a question would disturb the user's own git.
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_OF_ANOTHER = frozenset(
    {
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE",
        "GIT_IMPLICIT_WORK_TREE", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE",
    }
)  # fmt: skip
"""What a hook of another repository is given (git-rev-parse(1), --local-env-vars): the directory
that a question is about says by itself which repository it is in."""
_SETTINGS = (
    # A file system monitor is a program the repository's own configuration names.
    "core.fsmonitor=false",
    "core.quotePath=true",
    "log.showSignature=false",
)


class NotARepository(UsageError):
    """The directory is in no git work tree."""


class UntrustedRepository(UsageError):
    """git refuses to work in the repository, since it belongs to somebody else (safe.directory)."""


def git(
    directory: Path,
    *arguments: str,
    stdin: str | None = None,
    sink: LineSink | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run git in `directory`, with `env` beyond a command's environment.

    Raises NotARepository where there is no work tree, UntrustedRepository where git does not
    trust its owner, MissingError without git, and the command's own error for everything else.
    """
    if not directory.is_dir():
        raise UsageError(f"there is no directory {directory}", fix="ls -d " + _quote(directory))
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    try:
        done = process.run(
            ["git", "-C", directory, *settings, *arguments],
            env={**(env or {}), **_ENVIRONMENT},
            unset=_OF_ANOTHER,
            stdin=stdin,
            sink=sink,
            check=False,
        )
    except MissingError as error:
        raise MissingError(
            "git is not installed", cause="versions come from git's tags", fix=Install("git")
        ) from error
    if done.returncode != 0:
        raise _refusal(directory, done)
    return done


def _refusal(directory: Path, done: Completed) -> DebwrightError:
    said = done.error
    evidence = [Evidence(text=line) for line in done.tail(3)]
    if "dubious ownership" in said:
        found = re.search(r"repository at '(.+)'", said)
        path = found[1] if found else str(directory.absolute())
        return UntrustedRepository(
            f"git does not trust the repository {path}",
            evidence=evidence,
            cause="it belongs to another user than the one who runs debwright",
            fix=Command("git", "config", "--global", "--add", "safe.directory", path),
        )
    if "not a git repository" in said or "must be run in a work tree" in said:
        return NotARepository(
            f"{directory} is not in a git work tree",
            evidence=evidence,
            cause='package.version_from is "git", and there is no repository to ask',
            fix='git init && git add . && git commit, or version_from = "changelog"',
        )
    return process.CommandError(done, f"git {shlex.join(done.argv[_arguments_at(done) :])} failed")


def _arguments_at(done: Completed) -> int:
    return min(3 + 2 * len(_SETTINGS), len(done.argv))


def _quote(path: Path) -> str:
    return shlex.quote(str(path))
