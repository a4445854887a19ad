"""Records on a branch of the repository: how machines that never meet hand them to each other.

A branch of its own with a file for each month. It is read and written with git's plumbing: neither
work tree nor index is touched, and nothing is ever forced. Who comes second takes in what came
first, and tries again.
"""

import os
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debwright.github.place import TOKENS, git_access
from debwright.host import process
from debwright.host.git import git
from debwright.host.retry import RetryPolicy
from debwright.model.errors import DebwrightError, UsageError
from debwright.observe.metrics.exchange import Report, merge_lines
from debwright.observe.metrics.model import RunRecord, parse
from debwright.observe.metrics.store import Store

POLICY = RetryPolicy(attempts=6, first_pause=1.0)
ALERTS = "alerts.jsonl"
MEMBER_LIMIT = 512 * 1024 * 1024
"""Bytes of one file; ten thousand runs a month are 20 MB."""
_AUTHOR = ("-c", "user.name=debwright", "-c", "user.email=debwright@localhost")
_REFUSED = ("non-fast-forward", "fetch first", "rejected", "cannot lock ref", "stale info")


class TooSlow(DebwrightError):
    """Somebody else wrote to the branch in the meantime."""


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What became of it."""

    report: Report
    commit: str | None
    """What was pushed; None: there was nothing new to tell."""


def sync(store: Store, directory: Path, remote: str, branch: str) -> Synced:
    """Take in the branch's records, and bring it those that it lacks.

    Raises DebwrightError: no such remote, no right to push, or too many others at once.
    """
    git(directory, "check-ref-format", f"refs/heads/{branch}")
    if remote.startswith("-"):
        raise UsageError(f"{remote!r} is no git remote")
    report = Report()
    return POLICY.run(lambda: _sync(store, directory, remote, branch, report), on=TooSlow)


def _sync(store: Store, directory: Path, remote: str, branch: str, report: Report) -> Synced:
    parent = _fetch(directory, remote, branch)
    if parent is not None:
        _take(store, directory, parent, report)
    tree = _tree(store, directory)
    if parent is not None and _tree_of(directory, parent) == tree:
        return Synced(report=report, commit=None)
    commit = _commit(directory, tree, parent)
    _push(directory, remote, branch, commit)
    return Synced(report=report, commit=commit)


def _ask(directory: Path, remote: str, *arguments: str) -> str:
    """Run git against the remote, with the tokens: a credential helper may need them."""
    tokens = {name: os.environ[name] for name in TOKENS if name in os.environ}
    # In a job checkout keeps no credentials.
    return git(directory, *arguments, env={**tokens, **git_access(_url(directory, remote))}).output


def _url(directory: Path, remote: str) -> str:
    """The address of a remote's name; what is no name is one."""
    try:
        return git(directory, "remote", "get-url", remote).output.strip()
    except process.CommandError:
        return remote


def _fetch(directory: Path, remote: str, branch: str) -> str | None:
    """The branch's newest commit, fetched; None when there is no such branch yet."""
    listed = _ask(directory, remote, "ls-remote", "--heads", remote, f"refs/heads/{branch}").split()
    if not listed:
        return None
    _ask(directory, remote, "fetch", "--quiet", "--no-tags", "--depth=1", remote, listed[0])
    return listed[0]


def _take(store: Store, directory: Path, commit: str, report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="debwright-metrics-") as scratch:
        path = Path(scratch) / "records.tar"
        git(directory, "archive", "--format=tar", f"--output={path}", commit)
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is None or not member.name.endswith(".jsonl"):
                    continue
                if member.size > MEMBER_LIMIT:
                    raise DebwrightError(f"{member.name} on the branch is too large: {member.size}")
                found = merge_lines(store, content, member.name)
                report.merged += found.merged
                report.refused_lines += found.refused_lines
                report.refused += found.refused[: 20 - len(report.refused)]
                report.files += 1


def _stored(directory: Path, path: Path) -> str:
    """The id of a file's content, as it is, in git's store."""
    return git(directory, "hash-object", "-w", "--no-filters", str(path)).output.strip()


def _tree(store: Store, directory: Path) -> str:
    """The git tree of all records: the same records give the same tree."""
    with _files(store) as files:
        entries = [
            f"100644 blob {_stored(directory, path)}\t{name}"
            for name, path in sorted(files.items())
        ]
    return git(directory, "mktree", stdin="\n".join(entries) + "\n").output.strip()


@contextmanager
def _files(store: Store) -> Iterator[dict[str, Path]]:
    """Name on the branch to a file with its content."""
    lines: dict[str, list[str]] = defaultdict(list)
    for line in store.documents():
        record = parse(line)
        month = isinstance(record, RunRecord) and f"{record.started:%Y-%m}.jsonl"
        lines[month or ALERTS].append(line)
    with tempfile.TemporaryDirectory(prefix="debwright-metrics-") as scratch:
        found = {}
        for name, own in lines.items():
            found[name] = Path(scratch) / name
            found[name].write_text("".join(f"{line}\n" for line in own), encoding="utf-8")
        yield found


def _tree_of(directory: Path, commit: str) -> str:
    return git(directory, "rev-parse", f"{commit}^{{tree}}").output.strip()


def _commit(directory: Path, tree: str, parent: str | None) -> str:
    parents = ("-p", parent) if parent else ()
    message = "chore(metrics): records of runs"
    done = git(directory, *_AUTHOR, "commit-tree", tree, *parents, "-m", message)
    return done.output.strip()


def _push(directory: Path, remote: str, branch: str, commit: str) -> None:
    """Raises TooSlow when somebody else was faster."""
    try:
        _ask(directory, remote, "push", "--quiet", remote, f"{commit}:refs/heads/{branch}")
    except process.CommandError as error:
        if not any(word in error.done.error for word in _REFUSED):
            raise
        raise TooSlow(
            f"the branch {branch} of {remote} changed while it was written to, {POLICY.attempts} "
            "times",
            fix="run the same command again",
        ) from error
