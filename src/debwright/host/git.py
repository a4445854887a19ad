"""Asking git about a directory, with its refusals put into words: the one place that runs git.

No program runs that the repository's own configuration names: filters, hooks, file system monitors,
converters for diffs, transports, credential helpers (git_programs.py).
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from debwright.host import process
from debwright.host.git_programs import ALWAYS, Programs, programs_in
from debwright.host.process import Completed, LineSink
from debwright.model.errors import (
    DebwrightError,
    Evidence,
    MissingError,
    UsageError,
    printable,
)
from debwright.model.fix import Command, Install

_ENVIRONMENT = {
    # Messages are matched below; a lock taken for a question would disturb the user's own git.
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_NO_TRANSPORT = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
"""A question about what is here connects to nobody, not even for objects of a partial clone."""
_TRANSPORTS = {"GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file"}
"""Those that are no programs of their own, as `ext::` is (gitremote-helpers(7))."""
_REMOTE = frozenset({"ls-remote", "fetch", "push"})
_OPTIONS = {
    # What a difference would be shown by (gitattributes(5)).
    **dict.fromkeys(("diff", "log", "show"), ("--no-ext-diff", "--no-textconv")),
    # Of several that remote.NAME.uploadpack names, git takes the first.
    **dict.fromkeys(("ls-remote", "fetch"), ("--upload-pack=git-upload-pack",)),
    "push": ("--receive-pack=git-receive-pack",),
}
_WORK_TREE = frozenset({"status", "ls-files", "hash-object"})
"""Commands that read files of the work tree, for which they would run filters."""
_OF_ANOTHER = frozenset(
    {
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE",
        "GIT_IMPLICIT_WORK_TREE", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE",
    }
)  # fmt: skip
"""What a hook of another repository is given (git-rev-parse(1), --local-env-vars): the directory
that a question is about says by itself which repository it is in."""
_SETTINGS = (*ALWAYS, "core.quotePath=true")


class NotARepository(UsageError):
    """The directory is in no git work tree."""


class UntrustedRepository(UsageError):
    """git refuses to work in the repository, since it belongs to somebody else (safe.directory)."""


class ProgramOfProject(UsageError):
    """The repository's own configuration names a program without which its files are others."""


def git_argv(*arguments: str | Path, settings: Iterable[str] = ()) -> list[str | Path]:
    """The command of every git that debwright runs; `settings` go before its own."""
    return ["git", *(part for s in (*settings, *_SETTINGS) for part in ("-c", s)), *arguments]


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
    command = _command(arguments)
    asks_programs = command in _REMOTE | _WORK_TREE or command == "archive"
    programs = _programs(directory) if asks_programs else Programs()
    if command in _WORK_TREE and "--no-filters" not in arguments:
        _refuse_filters(directory, programs)
    argv = git_argv("-C", directory, *_plain(command, arguments), settings=programs.settings)
    transport = _TRANSPORTS if command in _REMOTE else _NO_TRANSPORT
    done = _run(argv, {**(env or {}), **transport}, stdin, sink)
    if done.returncode != 0:
        raise _refusal(directory, done, arguments, programs)
    return done


def _command(arguments: Sequence[str]) -> str:
    """The first word that is neither `-c` nor a setting."""
    words = iter(arguments)
    for word in words:
        if word != "-c":
            return word
        next(words, None)
    return ""


def _plain(command: str, arguments: Sequence[str]) -> Sequence[str]:
    """With the options that keep programs away where a setting would not."""
    at = arguments.index(command) + 1 if command in _OPTIONS else 0
    return [*arguments[:at], *_OPTIONS.get(command, ()), *arguments[at:]]


def clone(top: Path, to: Path) -> None:
    """A repository of its own at `to`, without a work tree yet, that borrows the objects of `top`.

    It has no configuration, hooks or attributes of that one. Raises what `git` does.
    """
    arguments = ("clone", "--quiet", "--shared", "--no-checkout", "--template=", "--")
    argv = git_argv(*arguments, top, to)
    done = _run(argv, {**_NO_TRANSPORT, "GIT_ALLOW_PROTOCOL": "file"}, None, None)
    if done.returncode != 0:
        raise _refusal(top, done, arguments, Programs())


def merge_file(*arguments: str | Path) -> Completed:
    """git-merge-file(1), which needs no repository. Raises MissingError without git."""
    return _run(git_argv("merge-file", *arguments), _NO_TRANSPORT, None, None)


def _run(
    argv: list[str | Path], env: Mapping[str, str], stdin: str | None, sink: LineSink | None
) -> Completed:
    try:
        return process.run(
            argv, env={**env, **_ENVIRONMENT}, unset=_OF_ANOTHER, stdin=stdin, sink=sink,
            check=False,
        )  # fmt: skip
    except MissingError as error:
        raise MissingError(
            "git is not installed", cause="versions come from git's tags", fix=Install("git")
        ) from error


def _programs(directory: Path) -> Programs:
    argv = git_argv("-C", directory, "config", "--list", "--show-scope", "-z")
    done = _run(argv, _NO_TRANSPORT, None, None)
    # Where it fails, what was asked for fails as well, and says why.
    return programs_in(done.output) if done.returncode == 0 else Programs()


def _refuse_filters(directory: Path, programs: Programs) -> None:
    """Raise ProgramOfProject where a file has a filter that only the repository's own
    configuration knows: without it the file would look changed."""
    for name in programs.filters:
        plain = re.fullmatch(r"[A-Za-z0-9_.-]+", name) is not None
        which = [f":(attr:filter={name})"] if plain else []
        argv = git_argv("-C", directory, "ls-files", "-z", "--", *which)
        files = [f for f in _run(argv, _NO_TRANSPORT, None, None).output.split("\0") if f]
        if not files:
            continue
        said = [text for text in programs.named if text.startswith(f"filter.{name}.")]
        raise ProgramOfProject(
            f"files of the project have the filter {printable(name)!r}, which is a program that "
            "the repository's own configuration names",
            evidence=[
                *(Evidence(text=printable(text)[:200], file=".git/config") for text in said),
                *(Evidence(text=printable(file)) for file in files[:3]),
            ],
            cause="what a checked-out project says is data to debwright, and no program of it runs",
            fix="when you know the program, make it your own: "
            + " && ".join(_own(text) for text in said),
        )


def _own(said: str) -> str:
    key, _, value = said.partition(" = ")
    return shlex.join(["git", "config", "--global", key, value])


def _refusal(
    directory: Path, done: Completed, arguments: Sequence[str], programs: Programs
) -> DebwrightError:
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
    if (
        "not a git repository" in said
        or "cannot use bare repository" in said
        or "must be run in a work tree" in said
    ):
        return NotARepository(
            f"{directory} is not in a git work tree",
            evidence=evidence,
            cause='package.version_from is "git", and there is no repository to ask',
            fix='git init && git add . && git commit, or version_from = "changelog"',
        )
    error = process.CommandError(done, f"git {shlex.join(arguments)} failed")
    if programs.named:
        error.cause = (
            f"the repository's own configuration names programs ({printable(programs.named[0])}), "
            "which debwright does not run; `git config --global` makes one your own"
        )
    return error


def _quote(path: Path) -> str:
    return shlex.quote(str(path))
