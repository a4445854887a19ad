"""debwright bisect: which commit, or which version of a dependency, a failure came with."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit, targets_option
from debwright.host.interrupts import interruptible
from debwright.model.errors import UsageError, printable
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.pipeline.bisect.search import Outcome
    from debwright.pipeline.bisect.tries import Laboratory


@click.command()
@click.option("--good", metavar="REVISION", help="A commit that does not show it, as `v1.2.0`.")
@click.option("--bad", metavar="REVISION", default="HEAD", help="One that does; HEAD unless said.")
@click.option(
    "--values", metavar="LIST",
    help="Instead of commits: values in their order, the first good and the last bad, as versions "
    "of a dependency or dates of an archive. Needs --prepare.",
)  # fmt: skip
@click.option(
    "--prepare", metavar="COMMAND",
    help="What makes the sources ready for a value: a command of the shell, which has it as $1.",
)  # fmt: skip
@targets_option
@click.argument("symptom", required=False)
@click.pass_obj
def bisect(
    options: Options, /, symptom: str | None, patterns: tuple[str, ...], *, good: str | None,
    bad: str, values: str | None, prepare: str | None,
) -> int:  # fmt: skip
    """Find what brought SYMPTOM: a finding's code, a check, a stage; without it, any failure.

    Every try is a build, and a check where that is needed, of a clone of the repository; layers
    come from the cache. What cannot be judged is passed over.
    """
    from debwright.config import load
    from debwright.pipeline.bisect.search import Commits, Values, search
    from debwright.pipeline.bisect.symptom import symptom_of
    from debwright.pipeline.bisect.tries import Laboratory
    from debwright.pipeline.run import heal

    wanted, listed = symptom_of(symptom), _values(values, prepare, good)
    project = load(options.directory).directory

    def say(text: str) -> None:
        print(printable(text), file=sys.stderr, flush=True)

    cache = options.cache(say)
    heal(cache)
    with interruptible(), cache.scratch("bisect") as place:
        laboratory = Laboratory.of(project, place, wanted, patterns, prepare)
        newest = _commit(place / "clone", bad)
        if listed:
            found = search(
                Values(listed), listed[0], listed[-1],
                partial(laboratory.value, revision=newest), say,
            )  # fmt: skip
            about: dict[str, str] = {}
        else:
            assert good is not None
            commits = Commits(place / "clone")
            oldest = _commit(place / "clone", good)
            found = search(commits, oldest, newest, laboratory.commit, say)
            about = {name: _subject(place / "clone", name) for name in found.culprits}
    again = _again(found.culprits[0], laboratory, _top(project))
    data = {
        "culprits": [{"name": n, "about": about.get(n)} for n in found.culprits],
        "tries": [asdict(t) for t in found.tries],
        "next": again,
    }
    text = "\n".join(_lines(found, about))
    emit(options, data, f"{text}\n  next: {options.standing.typed(again)}")
    return 0


def _values(values: str | None, prepare: str | None, good: str | None) -> list[str]:
    """The values to search through; none: commits are. Raises UsageError for half of either."""
    if values is None and prepare is None:
        if good is None:
            raise UsageError(
                "a commit that was good is needed, or --values",
                fix=Command("debwright", "bisect", "--good", "v1.0.0"),
            )
        return []
    listed = (values or "").replace(",", " ").split()
    if prepare is None or len(set(listed)) != len(listed) or len(listed) < 2:
        raise UsageError(
            "--values needs two different values or more, and --prepare",
            fix=Command(
                "debwright", "bisect", "--values", "1.0 1.1 2.0", "--prepare", 'COMMAND "$1"'
            ),
        )
    if good is not None:
        raise UsageError("--good is for commits: of --values the first is the good one")
    return listed


def _commit(directory: Path, revision: str) -> str:
    """The id of a commit; of the original's branches a clone has the checked out one alone."""
    from debwright.host.git import git
    from debwright.host.process import CommandError

    for name in (revision, f"origin/{revision}"):
        wanted = f"{name}^{{commit}}"
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
        try:
            return git(directory, *arguments).output.strip()
        except CommandError:
            continue
    raise UsageError(f"there is no commit {revision!r}", fix=Command("git", "log", "--oneline"))


def _top(project: Path) -> Path:
    from debwright.host.git import git

    return Path(git(project, "rev-parse", "--show-toplevel").output.rstrip("\n"))


def _subject(directory: Path, commit: str) -> str:
    from debwright.host.git import git

    form = "--format=%h %an, %as: %s"
    return git(directory, "log", "-1", "--no-show-signature", form, commit).output.strip()


def _lines(found: Outcome, about: dict[str, str]) -> Iterator[str]:
    first = found.culprits[0]
    kind = "commit" if about else "value"
    if len(found.culprits) == 1:
        yield f"{first} is the first bad {kind} ({len(found.tries)} tries)"
    else:
        yield f"one of {len(found.culprits)} {kind}s brought it; the others could not be judged"
    yield from (f"  {about.get(name, name)}" for name in found.culprits)
    if (seen := found.of(first)) is not None:
        yield f"  {seen.said}"
        yield from (f"  | {line}" for line in seen.evidence)


def _again(name: str, laboratory: Laboratory, top: Path) -> str:
    """The command that shows it once more."""
    targets = [word for pattern in laboratory.patterns for word in ("-t", pattern)]
    verb = "build" if laboratory.symptom.by_building else "check"
    if laboratory.prepare is not None:
        ready = shlex.join(["sh", "-c", laboratory.prepare, "sh", name])
        return f"{ready} && {shlex.join(['debwright', verb, *targets])}"
    place = Path(gettempdir(), f"bad-{name[:12]}")
    made = shlex.join(["git", "-C", str(top), "worktree", "add", "--detach", str(place), name])
    there = str(place / laboratory.below)
    return f"{made} && {shlex.join(['debwright', '-C', there, verb, *targets])}"
